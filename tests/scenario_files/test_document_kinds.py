"""The kind of a document follows from its keys, and a document of another kind is refused by name."""

import pytest
from conftest import ROOT

from cjsim.errors import InputError
from cjsim.lab.document_types import document_types
from cjsim.lab.experiment import Experiment
from cjsim.simulation.documents import Policy, Scenario
from cjsim.yaml.document_kind import _OWN_KEYS, kind_of

JOURNEY = ROOT / "configs" / "journeys" / "shop.yaml"


@pytest.mark.parametrize("kind", _OWN_KEYS)
def test_own_keys_are_those_that_no_other_model_has(kind: str) -> None:
    fields = {name: set(model.model_fields) for name, model in document_types().items()}
    others = {key for name, keys in fields.items() if name != kind for key in keys}
    assert _OWN_KEYS[kind] == fields[kind] - others


def test_kinds_are_those_of_the_document_types() -> None:
    assert list(_OWN_KEYS) == list(document_types())


def test_keys_of_every_kind_mean_the_wanted_kind() -> None:
    assert [kind_of(["name", "title"], default=kind) for kind in _OWN_KEYS] == list(_OWN_KEYS)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Scenario, "must be a scenario, got a journey. Pass a scenario that uses it."),
        (Policy, "must be a policy, got a journey. Pass a policy."),
        (Experiment, "must be an experiment, got a journey. Pass a file with 'hypothesis', 'scenario' and 'variants'."),
    ],
)
def test_a_document_of_another_kind_is_refused(model: type[Scenario], message: str) -> None:
    with pytest.raises(InputError) as error:
        model.load(JOURNEY)
    assert str(error.value) == f"{JOURNEY}: {message}"

"""Every function that simulates takes an object, a path, or a name in the library, with the same result or error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError

SHOP = ROOT / "configs" / "scenarios" / "shop.yaml"
SMALL = {"customers": 60, "seed": 3}
REHEARSAL = {"metric": "clv", "sizes": [40], "days": [30], "settings": cj.RehearsalSettings(runs=20)}

# Each returns text that depends on the scenario.
VERBS: dict[str, Callable[[Any], str]] = {
    "simulate": lambda source: cj.simulate(source, **SMALL).summary(),
    "compare": lambda source: cj.compare(source, "shop_better", **SMALL).summary(),
    "walk": lambda source: str(cj.walk(source, customer=3)),
    "levers": lambda source: str(cj.levers(source, metric="clv", only=["policy.guardrails.quiet_hours"], **SMALL).levers),
    "attribution": lambda source: str(list(cj.attribution(source, only=["flow cart"], before_after=False, **SMALL).rows())),
    "describe": cj.describe,
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_name_a_path_and_an_object_give_the_same_result(verb: str) -> None:
    call = VERBS[verb]
    assert call("shop") == call(str(SHOP)) == call(SHOP) == call(cj.Scenario.load("shop"))


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_name_is_refused_with_the_nearest(verb: str) -> None:
    with pytest.raises(
        InputError, match=r"^shopp: must be a file, or the name of a library .*scenario.*, got neither\. Did you mean 'shop'\?"
    ):
        VERBS[verb]("shopp")


@pytest.mark.parametrize("verb", VERBS)
def test_another_type_is_refused(verb: str) -> None:
    with pytest.raises(InputError, match=r"the path of its file or a name in the library, got int\."):
        VERBS[verb](7)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "describe"])
def test_a_document_of_another_kind_is_refused(verb: str) -> None:
    with pytest.raises(InputError, match=r"frequency\.yaml: must be a scenario, got a study\. Pass a scenario that uses it\."):
        VERBS[verb](ROOT / "configs" / "studies" / "frequency.yaml")


def test_optimize_takes_the_name_of_a_study() -> None:
    with pytest.raises(
        InputError, match=r"^frequenzy: must be a file, or the name of a library study, got neither\. Did you mean 'frequency'"
    ):
        cj.optimize("frequenzy")


def test_optimize_takes_a_path() -> None:
    file = ROOT / "tests" / "worlds" / "study.yaml"
    found = [cj.optimize(source, trials=2, storage="memory").trials for source in (file, str(file), cj.Study.load(file))]
    assert found[0] == found[1] == found[2]


def test_rehearse_takes_names() -> None:
    base = cj.Scenario.load("shop", set={"customers": 60})
    found = cj.rehearse(base, {"better": base.with_values({"policy.guardrails.caps[0].at_most": 1})}, **REHEARSAL)
    with pytest.raises(InputError, match="must have the same customers"):
        cj.rehearse(base, "shop_better", **REHEARSAL)
    assert list(found.alternatives) == ["better"]


def test_export_trial_takes_a_name() -> None:
    with pytest.raises(InputError, match="experiment"):
        cj.export_trial("shop", **SMALL)


@pytest.mark.parametrize(
    "source", ["frequency", ROOT / "experiments" / "cart_reminder_sooner.yaml", ROOT / "configs" / "journeys" / "shop.yaml"]
)
def test_describe_takes_documents_of_every_kind(source: str | Path) -> None:
    assert len(cj.describe(source).splitlines()) > 5


def test_scenarios_in_order_are_named_after_themselves() -> None:
    assert list(cj.compare("shop", "shop_better", **SMALL).runs) == ["shop", "shop_better"]


def test_scenarios_of_one_name_are_named_after_their_files(tmp_path: Path) -> None:
    changed = cj.Scenario.load("shop").with_values({"policy.guardrails.caps[0].at_most": 1})
    changed.save(tmp_path / "fewer.yaml")
    assert list(cj.compare("shop", tmp_path / "fewer.yaml", **SMALL).runs) == ["shop", "fewer"]


def test_objects_of_one_name_must_be_named() -> None:
    shop = cj.Scenario.load("shop")
    with pytest.raises(InputError, match=r"must be different scenarios, each with its own name, got 'shop' twice\. Pass a mapping"):
        cj.compare(shop, shop.with_values({"policy.guardrails.caps[0].at_most": 1}))


def test_repr_of_a_document_is_its_kind_and_name() -> None:
    shop = cj.Scenario.load("shop")
    assert [repr(one) for one in (shop, shop.journey, shop.policy)] == [
        "Scenario('shop')",
        "Journey('shop')",
        "Policy('shop_today')",
    ]

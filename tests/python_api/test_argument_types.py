"""Arguments of a wrong type are refused with the name of the argument, and a single string stands for a list of one."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError
from cjsim.eventlog.parquet_writer import LogWriter
from cjsim.progress import NoProgress
from cjsim.simulation.documents import Scenario
from cjsim.yaml.document import Document

SMALL = small_scenario()
WRONG: tuple[Any, ...] = (None, 5, "x", 0.5, [1], {"a": 1}, object(), np.array([1, 2]), True)
REQUIRED: dict[str, dict[str, Any]] = {
    "rehearse": {"base": SMALL, "alternatives": {"a": SMALL}, "metric": "clv", "sizes": [0], "days": [0]},
    "levers": {"scenario": SMALL, "metric": "no_such_metric"},
    "cliffs": {"scenario": SMALL, "metric": "no_such_metric"},
    "assumptions": {"baseline": SMALL, "alternative": SMALL, "metric": "no_such_metric"},
    "responses": {"scenario": SMALL, "only": ["no_such_message"]},
    "uplift": {"data": "no_such_file.csv", "treatment": "arm", "outcome": "bought"},
    "walk": {"scenario": SMALL, "customer": -1},
    "attribution": {"scenario": SMALL, "only": ["no_such_touchpoint"]},
    "calibrate_purchases": {"path": "no_such_file.csv", "customer": "a", "time": "b", "value": "c", "until": "2026-01-01"},
    "attribute_paths": {"source": "no_such_file.csv"},
    "simulate": {"scenario": SMALL, "customers": -1},
    "export_trial": {"scenario": SMALL},
    "compare": {},
    "report": {},
    "journey_map": {"source": SMALL, "kind": "day", "customer": -1},
    "describe": {"source": SMALL},
    "check": {"source": SMALL, "static": True},
    "optimize": {"study": "no_such_study"},
    "experiment": {"source": "no_such_file.yaml"},
}
METHODS: dict[str, Callable[[Any], Any]] = {
    "with_values": SMALL.with_values,
    "from_dict": Scenario.from_dict,
    "load": Scenario.load,
    "save": SMALL.save,
    "Run.load": cj.Run.load,
}


ARGUMENTS = [
    (verb, name)
    for verb in REQUIRED
    for name, parameter in inspect.signature(getattr(cj, verb)).parameters.items()
    if parameter.kind is not inspect.Parameter.VAR_POSITIONAL
]


@pytest.mark.parametrize(("verb", "argument"), ARGUMENTS)
def test_no_wrong_type_raises_an_internal_error(verb: str, argument: str) -> None:
    for value in WRONG:
        try:
            getattr(cj, verb)(**(REQUIRED[verb] | {argument: value}))
        except InputError:
            continue


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [one for one in WRONG if not isinstance(one, Mapping)], ids=lambda one: type(one).__name__)
def test_methods_refuse_wrong_types(method: str, value: Any) -> None:
    if method == "save" and isinstance(value, str):
        pytest.skip("a file name")
    with pytest.raises(InputError):
        METHODS[method](value)


SETTINGS = (cj.ReadoutSettings, cj.RehearsalSettings, cj.Rollout, cj.CreditSettings)


@pytest.mark.parametrize(
    ("settings", "field"), [(one, field) for one in SETTINGS for field in inspect.signature(one).parameters if field != "analyses"]
)
def test_settings_refuse_wrong_types(settings: Any, field: str) -> None:
    with pytest.raises(InputError, match=f"^{field}: must be "):
        settings(**{field: object()})


def test_a_string_is_a_list_of_one() -> None:
    assert cj.ReadoutSettings(learners="DR").learners == ("DR",)
    with pytest.raises(InputError, match=r"got 'policy\.flowz'"):
        cj.levers(SMALL, metric="clv", customers=10, only="policy.flowz")


def test_numpy_numbers_become_python_numbers() -> None:
    assert type(cj.ReadoutSettings(draws=np.int64(50)).draws) is int  # type: ignore[arg-type]


def test_an_error_says_what_the_argument_must_be() -> None:
    @checked_arguments
    def shown(names: list[str], limits: dict[str, float] | None = None) -> None:
        """Take two arguments."""

    with pytest.raises(InputError, match=r"^limits: must be a mapping of strings to numbers, got \{'a': 'b'\}\. Use a dict\."):
        shown(["a"], {"a": "b"})  # type: ignore[dict-item]


def test_incomplete_records_are_refused_as_input() -> None:
    with pytest.raises(InputError, match="scenario: must have the key 'journey'"):
        Scenario(name="x")  # type: ignore[call-arg]


def test_parents_report_the_faults_of_nested_documents_by_path() -> None:
    with pytest.raises(InputError, match=r"^with_values: journey\.stages: must be a mapping"):
        small_scenario().with_values({"journey.stages": 5})


def test_fields_cannot_be_assigned() -> None:
    with pytest.raises(InputError, match=r"^Scenario\.customers: must not be assigned, got 5\. Use with_values"):
        SMALL.customers = 5  # type: ignore[misc]


@pytest.mark.parametrize("customers", [-5, "many"])
def test_an_invalid_copy_is_not_simulated(customers: Any) -> None:
    with pytest.raises(InputError, match="scenario: customers: must be "):
        cj.simulate(SMALL.model_copy(update={"customers": customers}))


def test_values_are_set_in_the_copy_and_not_in_the_original() -> None:
    copy: Document = Scenario.from_dict(SMALL.to_dict()).model_copy(update={"customers": 5})
    assert copy.with_values({"seed": 4}).customers == 5  # type: ignore[attr-defined]


def test_costs_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"^cost: must be a finite number, got nan"):
        cj.ReadoutSettings(cost={"mail": float("nan")})


def test_learners_are_checked_before_anything_is_computed() -> None:
    with pytest.raises(InputError, match=r"^learners: must be among .* got 'XX'"):
        cj.ReadoutSettings(learners=["DR", "XX"])


def test_a_log_is_not_written_under_the_name_of_another_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^log: must be a Parquet file, got 'log\.csv'\. Use a name that ends in \.parquet"):
        LogWriter(tmp_path / "log.csv", None, SMALL.start)  # type: ignore[arg-type]


def test_an_unknown_order_of_metrics_is_refused() -> None:
    with pytest.raises(InputError, match=r"^sort: must be one of 'importance', 'change', 'name', got 'size'"):
        cj.Comparison.summary(None, sort="size")  # type: ignore[arg-type]


def test_notes_reach_python_users_without_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    NoProgress().note("compiling")
    assert capsys.readouterr().err == "compiling\n"


def test_error_about_progress_names_the_progress_bar() -> None:
    with pytest.raises(InputError, match=r"^progress: must be a Progress, got true\. Pass cj\.ProgressBar\(\)\."):
        cj.simulate(SMALL, progress=True)  # type: ignore[arg-type]


def test_check_returns_the_warnings_of_a_document() -> None:
    policy = {"guardrails": {"caps": [{"at_most": 0, "per": "1d"}]}}
    warnings = cj.check(small_scenario(policy=policy), static=True)
    assert any(warning.startswith("policy.guardrails.caps[0]") for warning in warnings)


@pytest.mark.parametrize("result", [cj.LeverRanking, cj.Optimum, cj.Rehearsal, cj.Attribution])
def test_help_shows_the_attributes_of_a_result(result: type) -> None:
    assert "\nAttributes\n----------\n" in inspect.cleandoc(result.__doc__ or "")


def test_error_about_values_by_path_in_a_variant_suggests_set() -> None:
    path = "policy.flows.cart.steps[0].wait"
    variant = {
        "name": "e",
        "hypothesis": "h",
        "scenario": "shop",
        "variants": {"soon": {path: "4h"}},
        "metric": "clv",
        "direction": "rises",
    }
    with pytest.raises(InputError, match=r"Put values by path under 'set', as in \{set: \{policy\.flows\.cart"):
        cj.Experiment.from_dict(variant)

"""User-defined metrics: where they appear, which are rejected, and their use in worker processes."""

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from fake_search import FakeEvaluator
from own_metrics import BIG_SPENDERS, big_spenders, first_touches_by_channel
from synthetic_runs import random_outcomes, run_from_outcomes
from typer.testing import CliRunner

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError
from cjsim.metrics.ratios import RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums, total_over_customers
from cjsim.metrics.registration import MetricSource, pickle_registered_metrics, registered_metrics, unpickle_registered_metrics
from cjsim.tuning.study import Study
from cjsim.tuning.trial_executors import MultiProcessExecutor, TrialTask

TINY = ROOT / "tests" / "worlds" / "tiny.yaml"
SHOP = ROOT / "configs" / "scenarios" / "shop.yaml"
STUDY = ROOT / "tests" / "worlds" / "study.yaml"


@pytest.fixture(autouse=True)
def empty_registry() -> Iterator[None]:
    """Ensure that each test leaves no metric registered."""
    yield
    for source in registered_metrics():
        cj.unregister_metric(source.name if isinstance(source, cj.MetricDefinition) else source.__name__)


@pytest.fixture
def big_spenders_metric() -> Iterator[str]:
    with cj.temporary_metric(BIG_SPENDERS):
        yield BIG_SPENDERS.name


def definition_with(terms: Callable[[Any], Any], **changes: Any) -> cj.MetricDefinition:
    return replace(cj.MetricDefinition("mine", "money", "mine per customer", terms), **changes)


def run_with_revenue(*revenue: float) -> cj.Run:
    outcomes = random_outcomes(len(revenue))
    outcomes.customers["revenue"] = revenue
    return run_from_outcomes(outcomes)


def test_registered_metric_is_estimated(big_spenders_metric: str) -> None:
    found = run_with_revenue(60, 10, 70, 80).metrics[big_spenders_metric]
    assert (found.value, found.n, found.unit) == (0.75, 4, "share")
    assert found.low < 0.75 < found.high


def test_registered_metric_stands_in_the_summary(big_spenders_metric: str) -> None:
    row = next(line for line in run_with_revenue(60, 10).summary().splitlines() if line.startswith(big_spenders_metric))
    assert "50 %" in row
    assert "customers with revenue above 50" in row


@pytest.mark.parametrize(("title", "shown"), [("time in the shop", "time in the shop (hours)"), ("hours in the shop", "hours in the shop")])
def test_tables_show_the_unit_of_any_metric(title: str, shown: str) -> None:
    with cj.temporary_metric(definition_with(mean_of_outcome("revenue"), unit="hours", title=title)):
        row = next(line for line in run_with_revenue(60, 10).summary().splitlines() if line.startswith("mine"))
    assert row.endswith(f"  {shown}")


def test_registered_metric_stands_in_json_and_pandas(big_spenders_metric: str) -> None:
    run = run_with_revenue(60, 10)
    assert run.to_json()["metrics"][big_spenders_metric]["value"] == run.to_pandas().loc[big_spenders_metric, "value"] == 0.5


def test_metric_registered_after_a_run_was_measured_is_measured_too() -> None:
    run = run_with_revenue(60, 10)
    assert "big_spenders" not in run.metrics
    with cj.temporary_metric(BIG_SPENDERS):
        assert run.metrics["big_spenders"].value == 0.5
        assert "big_spenders" in run.summary(full=True)
    assert "big_spenders" not in run.metrics


def test_registered_metric_is_compared(big_spenders_metric: str) -> None:
    scenario = cj.Scenario.load(TINY)
    found = cj.compare({"a": scenario, "b": scenario.with_values({"journey.events.purchase.wait": {"exponential": "5d"}})}, seed=1)
    assert found.alternatives["b"][big_spenders_metric].effect > 0
    assert big_spenders_metric in found.summary()
    assert big_spenders_metric in found.to_json()["alternatives"]["b"]["metrics"]
    assert found.effects("b", big_spenders_metric)["effect"].mean() == pytest.approx(found.alternatives["b"][big_spenders_metric].effect)


def test_registered_metric_can_be_an_objective_and_a_constraint(big_spenders_metric: str) -> None:
    goals = {"objectives": [big_spenders_metric], "constraints": [{"metric": big_spenders_metric, "at_least": 0.0}]}
    study = Study.load(STUDY, set={**goals, "trials": 2, "batch": 1, "customers": 40, "confirm": {"finalists": 1}})
    optimum = cj.optimize(study, storage="memory", threads=1)
    assert 0 < optimum.baseline[big_spenders_metric].value < 1
    assert "big_spenders at least 0" in optimum.trials[0].excess


def test_registered_metric_ranks_levers_on_the_command_line(big_spenders_metric: str) -> None:
    found = CliRunner().invoke(app, ["levers", str(SHOP), "--metric", big_spenders_metric, "--customers", "50"])
    assert found.exit_code == 0, found.output
    assert big_spenders_metric in found.output


def test_registered_metric_can_be_claimed_by_an_experiment(big_spenders_metric: str, tmp_path: Path) -> None:
    experiment = {
        "name": "spenders",
        "hypothesis": "More orders make more big spenders",
        "scenario": str(TINY),
        "variants": {"faster": {"set": {"journey.events.purchase.wait": {"exponential": "5d"}}}},
        "metric": big_spenders_metric,
        "direction": "rises",
        "customers": 200,
        "seed": 3,
    }
    findings = cj.experiment(cj.Experiment.from_dict(experiment), reports=tmp_path, threads=1)
    assert findings.arm_results[0].effect.unit == "share"
    assert findings.arm_results[0].effect.absolute.low > 0


def test_factory_makes_a_metric_of_each_channel() -> None:
    with cj.temporary_metric(first_touches_by_channel):
        found = run_from_outcomes(random_outcomes(50)).metrics
    assert [name for name in found if name.startswith("touched")] == ["touched[email]", "touched[sms]"]


def test_registered_metrics_come_after_the_shipped_ones(big_spenders_metric: str) -> None:
    assert list(run_with_revenue(1).metrics)[-1] == big_spenders_metric


def test_temporary_metric_is_gone_after_an_error() -> None:
    with contextlib.suppress(KeyError), cj.temporary_metric(BIG_SPENDERS):
        raise KeyError
    assert registered_metrics() == ()


def test_same_definition_may_be_registered_twice() -> None:
    cj.register_metric(BIG_SPENDERS)
    cj.register_metric(replace(BIG_SPENDERS))
    assert registered_metrics() == (BIG_SPENDERS,)


def test_unregistered_metric_is_gone() -> None:
    cj.register_metric(BIG_SPENDERS)
    cj.unregister_metric("big_spenders")
    assert registered_metrics() == ()


def test_unregistering_names_what_is_registered(big_spenders_metric: str) -> None:
    with pytest.raises(InputError, match=r"unregister_metric: must be one of 'big_spenders', got 'big'\."):
        cj.unregister_metric("big")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (replace(BIG_SPENDERS, name="clv"), r"metric 'clv': must have a unique name, got the name of a shipped metric\."),
        (
            replace(BIG_SPENDERS, name="open_rate[post]"),
            r"metric 'open_rate\[post\]': must have a unique name, got the name of a shipped",
        ),
        (replace(BIG_SPENDERS, name="wait"), r"metric 'wait': must have a unique name"),  # shipped for scenarios with desks
        (
            replace(BIG_SPENDERS, title="others"),
            r"metric 'big_spenders': must have a unique name, got a name that is already registered",
        ),
        (
            replace(BIG_SPENDERS, name="big spenders"),
            r"name of a metric: must be a word, optionally followed by words in brackets, .* got 'big spenders'\.",
        ),
        (replace(BIG_SPENDERS, name="no_unit", unit=""), r"metric 'no_unit': must have a unit, got ''\."),
        (replace(BIG_SPENDERS, name="no_title", title=" "), r"metric 'no_title': must have a title, got ' '\."),
        (replace(BIG_SPENDERS, name="no_words", denominator=""), r"metric 'no_words': must have a denominator, got ''\."),
        (replace(BIG_SPENDERS, name="no_terms", terms=3), r"metric 'no_terms': must have a function as terms, got 3\."),
        (3, r"register_metric: must be given a MetricDefinition or a function of the codebook, got int\."),
    ],
)
def test_registration_is_refused(big_spenders_metric: str, source: MetricSource, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cj.register_metric(source)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (definition_with(lambda run: 3), r"metric 'mine': must return RatioTerms, got int\. Use mean_per_customer or ratio_of_sums\."),
        (
            definition_with(lambda run: RatioTerms(np.zeros(3), run.entered)),
            r"metric 'mine': must return one numerator per customer, shape \(2,\), got shape \(3,\)\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.zeros(2), np.ones((2, 2)))),
            r"metric 'mine': must return one denominator per customer, shape \(2,\), got shape \(2, 2\)\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.array([1.0, np.nan]), run.entered)),
            r"metric 'mine': must return finite numerators, got nan for customer 1\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.ones(2), np.array([np.inf, 1]))),
            r"metric 'mine': must return finite denominators, got inf for customer 0\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.ones(2), np.array([1.0, -2.0]))),
            r"metric 'mine': must have denominators of at least 0, got -2 for customer 1\.",
        ),
        (definition_with(lambda run: RatioTerms(np.array(["a", "b"]), run.entered)), r"metric 'mine': must return numbers as numerators"),
        (
            definition_with(lambda run: RatioTerms(np.ones(2), run.entered, np.array([np.nan, 0]))),
            r"metric 'mine': must return finite allocated costs, got nan for customer 0\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.array([2.0, 0]), run.entered), unit="share"),
            r"metric 'mine': must have numerators between 0 and the denominator to have the unit 'share', got 2 of 1 for customer 0\.",
        ),
        (
            definition_with(lambda run: RatioTerms(np.zeros(2), run.entered, np.ones(2)), unit="share"),
            r"metric 'mine': must be a ratio of counts to have the unit 'share', got allocated costs\. Use another unit",
        ),
        (
            definition_with(total_over_customers(mean_of_outcome("opens")), unit="share", is_total=True),
            r"metric 'mine': must be a ratio of counts to have the unit 'share', got a total\.",
        ),
        (
            definition_with(total_over_customers(mean_of_outcome("revenue"))),
            r"metric 'mine': must have the same is_total in its definition and its terms, got is_total=False in the definition and is_tot",
        ),
    ],
)
def test_invalid_terms_are_refused(metric: cj.MetricDefinition, message: str) -> None:
    with cj.temporary_metric(metric), pytest.raises(InputError, match=message):
        run_with_revenue(1, 2).metrics  # noqa: B018


def test_error_inside_a_metric_names_the_metric() -> None:
    with cj.temporary_metric(definition_with(mean_of_outcome("no_such_field"))), pytest.raises(InputError, match="no_such_field") as error:
        run_with_revenue(1, 2).metrics  # noqa: B018
    assert str(error.value).startswith("metric 'mine': mean_of_outcome: must be one of ")
    assert isinstance(error.value.__cause__, ValueError)


def test_any_exception_inside_a_metric_names_the_metric() -> None:
    def broken(run: cj.Run) -> RatioTerms:
        raise KeyError("clicks_per_day")

    with cj.temporary_metric(definition_with(broken)), pytest.raises(InputError) as error:
        run_with_revenue(1, 2).metrics  # noqa: B018
    assert str(error.value).startswith("metric 'mine': must have terms that can be computed, got KeyError: 'clicks_per_day")
    assert isinstance(error.value.__cause__, KeyError)


def test_an_unknown_preference_is_refused() -> None:
    with pytest.raises(InputError, match=r"better: must be one of 'higher', 'lower', 'neither', got 'up'\."):
        cj.MetricDefinition("mine", "ratio", "mine", mean_of_outcome("opens"), better="up")  # type: ignore[arg-type]


def test_factory_must_return_definitions() -> None:
    with pytest.raises(InputError, match=r"metrics of '<lambda>': must be MetricDefinitions, got str\."):
        cj.register_metric(lambda codebook: ["visits"])  # type: ignore[arg-type, return-value]


def test_two_factories_must_not_return_the_same_name() -> None:
    def spenders(codebook: object) -> list[cj.MetricDefinition]:
        return [BIG_SPENDERS]

    cj.register_metric(BIG_SPENDERS)
    cj.register_metric(spenders)
    with pytest.raises(InputError, match=r"metric 'big_spenders': must have a unique name, got a name that two registrations return\."):
        run_with_revenue(1).metrics  # noqa: B018


def test_integer_numerators_do_not_overflow() -> None:
    metric = definition_with(lambda run: RatioTerms(np.full(2, 2**31 - 1, np.int32), run.entered))
    with cj.temporary_metric(metric):
        assert run_with_revenue(1, 2).metrics["mine"].value == 2**31 - 1


@pytest.mark.parametrize("terms", [mean_of_outcome("opens"), total_over_customers(mean_of_outcome("opens"))])
def test_terms_of_an_outcome_can_be_passed_to_a_worker(terms: Callable[[cj.Run], RatioTerms]) -> None:
    run = run_from_outcomes(random_outcomes(20))
    assert pickle.loads(pickle.dumps(terms))(run).numerator_sum == terms(run).numerator_sum


def test_worker_has_what_its_parent_has_registered() -> None:
    cj.register_metric(BIG_SPENDERS)
    cj.register_metric(first_touches_by_channel)
    content = pickle_registered_metrics()
    cj.unregister_metric("big_spenders")
    unpickle_registered_metrics(content)
    assert registered_metrics() == (BIG_SPENDERS, first_touches_by_channel)


def test_metric_that_workers_cannot_import_is_refused() -> None:
    study = Study.load(STUDY)
    with (
        cj.temporary_metric(definition_with(lambda run: mean_per_customer(run, run.entered))),
        pytest.raises(
            InputError, match=r"metric 'mine': must be defined in a module to run on several workers, got .*Define its functions in"
        ),
    ):
        MultiProcessExecutor(study, FakeEvaluator, count=1, threads=1, report=lambda text: None)


SESSION = """
import cjsim as cj
from cjsim.metrics.registration import pickle_registered_metrics
def terms(run):
    return cj.mean_per_customer(run, run.entered)
cj.register_metric(cj.MetricDefinition("mine", "share", "all customers", terms))
pickle_registered_metrics()
"""
SCRIPT = f"""
import cjsim as cj
def terms(run):
    return cj.mean_per_customer(run, run.outcomes.customers["revenue"])
cj.register_metric(cj.MetricDefinition("mine", "money", "revenue of each customer", terms))
if __name__ == "__main__":
    study = cj.Study.load({str(STUDY)!r}, set={{"objectives": ["mine"], "trials": 2, "batch": 2, "confirm": {{"finalists": 1}}}})
    print(cj.optimize(study, storage="memory", workers=2).baseline["mine"].value)
"""


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_metric_of_an_interactive_session_is_refused_for_workers() -> None:
    found = run_python("-c", SESSION)
    message = "metric 'mine': must be defined in a module to run on several workers, got functions from an interactive session."
    assert message in found.stderr


def test_metric_of_a_script_is_known_to_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    found = run_python(str(tmp_path / "script.py"))
    assert found.returncode == 0, found.stderr
    assert float(found.stdout) > 0


class MetricEvaluator(FakeEvaluator):
    """Reports how many metrics the process of the evaluator has registered."""

    def evaluate(self, index: int, point: Any, *, incumbents: Any) -> Any:
        return [source.name for source in registered_metrics() if isinstance(source, cj.MetricDefinition)]


def test_spawned_worker_knows_the_metrics(big_spenders_metric: str) -> None:
    study = Study.load(STUDY)
    with contextlib.closing(MultiProcessExecutor(study, MetricEvaluator, count=1, threads=1, report=lambda text: None)) as executor:
        executor.submit(TrialTask(0, {}, []))
        assert executor.next_result() == ["big_spenders"]  # type: ignore[comparison-overlap]


def test_saved_run_has_the_registered_metrics_when_loaded(tmp_path: Path) -> None:
    folder = cj.simulate(cj.Scenario.load(TINY), customers=30, seed=1).save(tmp_path / "run")
    with cj.temporary_metric(BIG_SPENDERS):
        run = cj.Run.load(folder)
        assert run.metrics["big_spenders"].value == big_spenders(run).numerator_sum / 30


@pytest.mark.parametrize(
    "terms",
    [
        lambda run: mean_per_customer(run, np.ones(2)),
        lambda run: mean_per_customer(run, np.ones((3, 2))),
        lambda run: ratio_of_sums(run, np.ones(3), np.ones(2)),
    ],
)
def test_values_of_another_shape_are_rejected(terms: Callable[[Any], Any]) -> None:
    with (
        cj.temporary_metric(definition_with(terms)),
        pytest.raises(InputError, match=r"must have one \w+ per customer, shape \(3,\), got shape \("),
    ):
        run_with_revenue(1, 2, 3).metrics  # noqa: B018


def test_one_number_as_denominator_holds_for_all_customers() -> None:
    with cj.temporary_metric(definition_with(lambda run: ratio_of_sums(run, run.outcomes.customers["revenue"], 2))):  # type: ignore[arg-type]
        assert run_with_revenue(1, 2, 3).metrics["mine"].value == 1


def test_an_unknown_outcome_is_rejected() -> None:
    with (
        cj.temporary_metric(definition_with(mean_of_outcome("revenu"))),
        pytest.raises(InputError, match=r"mean_of_outcome: must be one of .* got 'revenu'\. Did you mean 'revenue'\?"),
    ):
        run_with_revenue(1).metrics  # noqa: B018


def test_an_exception_in_a_factory_names_the_factory() -> None:
    def broken_factory(codebook: Any) -> list[cj.MetricDefinition]:
        raise RuntimeError("no metrics")

    with pytest.raises(InputError) as caught:
        cj.register_metric(broken_factory)
    assert str(caught.value).startswith("metric factory 'broken_factory': must return metrics, got RuntimeError: no metrics. Correct")
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("function", [lambda run: run.outcomes, lambda run: 5], ids=["a function of a run", "a number"])
def test_a_function_that_is_no_factory_is_refused_at_once(function: Any) -> None:
    with pytest.raises(InputError, match="metric"):
        cj.register_metric(function)
    assert "clv" in cj.simulate("shop", customers=5).metrics

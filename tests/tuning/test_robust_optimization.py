"""Policies over parameter draws: means and tails over draws, reading of draw files, and invalid files."""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from reminder_study import REMINDER_CAP, REMINDER_WAIT, reminder_study_data, small_reminder_study

from cjsim.errors import InputError
from cjsim.scenario.json_schema import file_schema
from cjsim.simulation.compare_scenarios import compare
from cjsim.tuning.confirm import confirm
from cjsim.tuning.evaluation_cohort import derived_seed
from cjsim.tuning.evaluator import Evaluator
from cjsim.tuning.objectives import AIMS, Aim, MeanOverDraws, WorstShare
from cjsim.tuning.optimize import optimize
from cjsim.tuning.parameter_draws import read_parameter_draws
from cjsim.tuning.study import Study
from cjsim.yaml.tree import to_yaml

RATE = "journey.events.visit.wait.exponential"
MARGIN = "journey.events.order.effects[0].purchase.margin"
GOOD = {REMINDER_WAIT: 0.5, REMINDER_CAP: 5}


def study_over_draws(folder: Path, margins: list[float], *, aim: str = "mean", **changed: object) -> Study:
    """The study over parameter draws of the margin."""
    (folder / "draws.csv").write_text("\n".join([MARGIN, *map(repr, margins)]) + "\n")
    draws = {"file": "draws.csv", "rows": 3, "aim": aim, "tail": 0.4}
    (folder / "study.yaml").write_text(to_yaml(reminder_study_data(customers=600, draws=draws) | changed))
    return Study.load(folder / "study.yaml")


def test_mean_over_draws_equals_the_mean_of_comparisons(tmp_path: Path) -> None:
    study = study_over_draws(tmp_path, [0.3, 0.5, 0.7])
    found = Evaluator(study).evaluate(0, GOOD, incumbents=[])
    each = []
    for number, margin in enumerate([0.3, 0.5, 0.7]):
        base = study.scenario.with_values({MARGIN: margin})
        pair = compare({"a": base, "b": base.with_values(found.params)}, customers=200, seed=derived_seed(1, f"draw {number}"))
        each.append(pair.alternatives["b"]["clv"].effect)
    gain = found.gains[0]
    assert gain.effect == pytest.approx(np.mean(each))
    assert gain.high - gain.low == pytest.approx(2 * 4.302653 * np.std(each, ddof=1) / np.sqrt(3))  # Student's t, 2 degrees of freedom
    assert (found.customers, found.simulated_customers) == (600, 600)


def test_each_policy_has_its_own_worst_draws() -> None:
    aim, before, after = WorstShare(0.25), np.array([1.0, 5.0, 6.0, 7.0]), np.array([9.0, 5.0, 2.0, 8.0])
    assert aim.aggregate(after, -1) - aim.aggregate(before, -1) == 2.0 - 1.0
    assert (aim.aggregate(before, 1), aim.aggregate(before, -1), WorstShare(0.5).aggregate(before, 1)) == (7.0, 1.0, 6.5)


def test_tail_of_all_draws_is_the_mean_and_smallest_tail_is_the_worst_draw() -> None:
    values = np.random.default_rng(1).normal(size=20)
    assert WorstShare(1 - 1e-12).aggregate(values, -1) == pytest.approx(values.mean())
    assert WorstShare(0.01).aggregate(values, -1) == values.min() and WorstShare(0.01).aggregate(values, 1) == values.max()
    tails = [WorstShare(share).aggregate(values, -1) for share in np.linspace(0.05, 0.95, 30)]
    assert tails == sorted(tails)


def test_lower_tail_is_the_mean_of_the_worst_draws(tmp_path: Path) -> None:
    evaluator = Evaluator(study_over_draws(tmp_path, [0.7, 0.3, 0.5], aim="lower_tail"))
    values = evaluator._baseline_evaluation.values["clv"]
    worst = np.sort(values)  # 0.4 of 3 draws: the worst and a fifth of the next
    assert evaluator.baseline["clv"].value == pytest.approx((worst[0] + 0.2 * worst[1]) / 1.2)
    assert values.argmin() == 1


def test_upper_bound_uses_the_upper_tail(tmp_path: Path) -> None:
    constraints = [{"metric": "revenue", "at_most": 1.0}]
    evaluator = Evaluator(study_over_draws(tmp_path, [0.3, 0.5, 0.7], aim="lower_tail", constraints=constraints))
    values = np.sort(evaluator._baseline_evaluation.values["revenue"])
    found = evaluator.evaluate(0, {REMINDER_WAIT: 3.0, REMINDER_CAP: 3}, incumbents=[])
    assert found.excess["revenue at most 1"] == pytest.approx((values[-1] + 0.2 * values[-2]) / 1.2 - 1.0)


def test_editors_offer_the_name_of_every_aim() -> None:
    assert file_schema(Study)["$defs"]["ParameterDrawSettings"]["properties"]["aim"]["enum"] == list(AIMS)


@pytest.mark.parametrize(("name", "aim"), [("mean", MeanOverDraws()), ("lower_tail", WorstShare(0.4))])
def test_name_in_the_file_makes_the_aim(name: str, aim: Aim, tmp_path: Path) -> None:
    draws = study_over_draws(tmp_path, [0.3, 0.5, 0.7], aim=name).draws
    assert draws is not None and draws.make_aim() == aim


def test_only_the_file_of_objectives_names_the_aims() -> None:
    files = [path for path in (ROOT / "cjsim").rglob("*.py") if "lower_tail" in path.read_text(encoding="utf-8")]
    assert [path.name for path in files] == ["objectives.py"]


def test_unknown_aim_is_rejected_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"draws\.aim: must be 'mean' or 'lower_tail', got 'lower_tial'\. Did you mean 'lower_tail'\?"):
        study_over_draws(tmp_path, [0.3, 0.5, 0.7], aim="lower_tial")


@pytest.mark.parametrize(("aim", "least"), [(MeanOverDraws(), 0.92), (WorstShare(0.2), 0.90)])
def test_intervals_over_draws_have_nominal_coverage(aim: Aim, least: float) -> None:
    # 1,000 samples of 20 draws; true coverage 0.950 and 0.935: below the bound once in 80,000 (4.3 standard errors) or less often.
    rng, held = np.random.default_rng(1), 0
    lower = 0.0 if aim == MeanOverDraws() else -1.3998  # mean of the worst fifth of a standard normal: the density at its quantile / 0.2
    truth = 0.2 + lower * (np.hypot(0.9, 0.5) - 1)
    for _ in range(1000):
        before = rng.standard_normal(20)
        after = 0.2 + 0.9 * before + 0.5 * rng.standard_normal(20)
        effect = aim.aggregate(after, -1) - aim.aggregate(before, -1)
        held += abs(effect - truth) < aim.half_width([before, after], -1)
    assert least < held / 1000 < 0.98


def test_totals_over_draws_count_all_customers(tmp_path: Path) -> None:
    alike = study_over_draws(tmp_path, [0.5, 0.5, 0.5], objectives=["total_clv", "clv"], sampler="nsga2")
    found = Evaluator(alike).baseline
    assert found["total_clv"].value == pytest.approx(600 * found["clv"].value)


def test_confirmation_uses_fresh_draws_if_available(tmp_path: Path) -> None:
    enough = Evaluator(study_over_draws(tmp_path, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]))
    margins = [[cohort.scenario.journey.events["order"].effects[0].purchase.margin for cohort in draw_cohort.cohorts]
               for draw_cohort in (enough._cohort, enough.fresh_cohort("first"), enough.fresh_cohort("second"))]  # fmt: skip
    assert margins == [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]] and enough.has_fresh_draws
    few = Evaluator(study_over_draws(tmp_path, [0.1, 0.2, 0.3, 0.4]))
    assert [cohort.scenario for cohort in few.fresh_cohort("first").cohorts] == [cohort.scenario for cohort in few._cohort.cohorts]
    seeds = {
        cohort.seed
        for draw_cohort in (few._cohort, few.fresh_cohort("first"), few.fresh_cohort("second"))
        for cohort in draw_cohort.cohorts
    }
    assert len(seeds) == 9 and not few.has_fresh_draws


@pytest.mark.parametrize("count", [3, 9])
def test_summary_reports_reused_draws(count: int, tmp_path: Path) -> None:
    study = study_over_draws(tmp_path, [0.3, 0.5, 0.7] * (count // 3), customers=30, trials=1)
    assert ("reuses the parameter draws of the search" in str(optimize(study, storage="memory"))) == (count == 3)


def test_a_winner_over_draws_is_confirmed_over_draws(tmp_path: Path) -> None:
    study = study_over_draws(tmp_path, [0.3, 0.5, 0.7])
    evaluator = Evaluator(study)
    won = confirm(
        study,
        evaluator,
        [evaluator.evaluate(0, GOOD, incumbents=[]), evaluator.evaluate(1, {REMINDER_WAIT: 19.0, REMINDER_CAP: 1}, incumbents=[])],
    )
    assert (won.trial.index, won.customers, won.simulated_customers) == (0, 1200, (3 + 2) * 1200)
    base, ours = won.baseline["clv"].value, won.metrics["clv"].value
    assert won.gains["clv"].effect == pytest.approx(ours - base)


def test_shared_resources_require_all_customers_in_each_draw(tmp_path: Path) -> None:
    scenario = reminder_study_data()["scenario"]
    scenario["policy"]["guardrails"]["budgets"] = [{"at_most": 60, "per": "7d"}]
    found = Evaluator(study_over_draws(tmp_path, [0.3, 0.5, 0.7], scenario=scenario, customers=50))
    assert [cohort.customers for cohort in found._cohort.cohorts] == [50, 50, 50]


def test_unpaired_trials_over_draws_use_separate_seeds(tmp_path: Path) -> None:
    evaluator = Evaluator(study_over_draws(tmp_path, [0.3, 0.5, 0.7], pairing=False, racing=False))
    same = {REMINDER_WAIT: 3.0, REMINDER_CAP: 3}
    assert evaluator.evaluate(0, same, incumbents=[]).gains[0].value != evaluator.evaluate(1, same, incumbents=[]).gains[0].value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policy.x\n1\n2\n", r"draws.csv:1: must have distinct columns that are paths below 'journey', got 'policy.x'"),
        (f"{MARGIN},{MARGIN}\n1,1\n2,2\n", r"draws.csv:1: must have distinct columns"),
        (f"{MARGIN}\n0.5\n", r"draws.csv: must have a header and at least two rows, got 1"),
        (f"{MARGIN}\n0.5\nhalf\n", r"draws.csv:3: journey\.events.*margin: must be a finite number, got 'half'"),
        (f"{MARGIN}\n0.5\ninf\n", r"draws.csv:3: .*must be a finite number, got 'inf'"),
        (f"{MARGIN}\n0.5\n0.4,2\n", r"draws.csv:3: must have 1 values, like the header, got 2"),
        (f"{MARGIN}s\n0.5\n0.4\n", r"draws.csv:2: must be an existing path, got '.*margins'. Did you mean"),
        (f"{MARGIN}\n0.5\n7e99\n0.4\n", r"draws.csv:3.*must"),
        (f"{MARGIN}\n0.5\n0.4\n", r"draws\.rows: must be at most the 2 rows in the file, got 3. Set 'rows: 2', or add draws to the file\."),
        (None, r"draws.file: .*draws.csv: must be a readable file, got a path that does not exist"),
    ],
)
def test_invalid_draws_are_rejected_with_file_and_line(tmp_path: Path, text: str | None, message: str) -> None:
    study_over_draws(tmp_path, [0.3, 0.5, 0.7])
    if text is None:
        (tmp_path / "draws.csv").unlink()
    else:
        (tmp_path / "draws.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        Evaluator(Study.load(tmp_path / "study.yaml")).evaluate(0, GOOD, incumbents=[])


def test_draws_of_free_parameters_and_too_few_customers_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"draws\.file: must not draw a free value, got '.*margin'"):
        study_over_draws(tmp_path, [0.3, 0.5, 0.7], free={MARGIN: {"low": 0.1, "high": 0.9}})
    with pytest.raises(InputError, match=r"customers: must be at least 2 for each of 3 draws, got 5"):
        study_over_draws(tmp_path, [0.3, 0.5, 0.7], customers=5)


def test_changed_customer_count_is_rejected_with_shared_resources() -> None:
    with pytest.raises(
        InputError,
        match=r"confirm\.customers: must equal the study's 600, because outcomes or totals depend on the number of customers, got 700",
    ):
        small_reminder_study(customers=600, objectives=["total_clv"], confirm={"customers": 700})
    assert small_reminder_study(customers=600, objectives=["total_clv"], confirm={"customers": 600}).confirm.customers == 600


def test_changed_customer_count_is_rejected_with_fixed_costs() -> None:
    scenario = reminder_study_data()["scenario"]
    scenario["policy"]["costs"] = {"platform_per_month": 10}
    with pytest.raises(InputError, match=r"confirm\.customers: must equal the study's 600"):
        small_reminder_study(scenario=scenario, customers=600, confirm={"customers": 700})


def test_draw_rows_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    file = tmp_path / "draws.csv"
    file.write_text(f"\ufeff{RATE},{MARGIN}\n1.5,2\n\n2.5,3\n", encoding="utf-8")
    assert read_parameter_draws(file) == ((f"{file}:2", {RATE: 1.5, MARGIN: 2.0}), (f"{file}:4", {RATE: 2.5, MARGIN: 3.0}))


def test_standard_error_over_draws_is_the_sample_one() -> None:
    values = np.array([1.0, 4.0, 2.0, 7.0])
    assert MeanOverDraws().standard_error([values], -1) == pytest.approx(values.std(ddof=1) / 2)
    assert MeanOverDraws().standard_error([values, values + 1.0], -1) == pytest.approx(0.0, abs=1e-12)

"""Incremental ROI and break-even cost per contact, with Fieller's confidence sets.

Error rate: the two coverage tests fail by chance fewer than once in 7,500 runs with new seeds (4 standard errors each).
"""

import math

import numpy as np
import pytest
from synthetic_runs import empty_outcomes, random_outcomes, run_from_outcomes

from cjsim.engine.outcomes import Outcomes
from cjsim.fieller import FiellerSet, fieller_set
from cjsim.metrics.incremental_return import IncrementalReturn, incremental_return
from cjsim.metrics.return_phrases import break_even_cells, return_sentences, roi_cells
from cjsim.simulation.comparison import Comparison


def changed(n: int, *, margin: float = 0.0, cost: float = 0.0, contacts: int = 0, noise: float = 0.0) -> Outcomes:
    """Customers with these means; margin and cost vary between customers by `noise` times their mean."""
    made, of = empty_outcomes(n), np.linspace(-1, 1, n) * noise
    made.customers["margin"], made.customers["cost"] = margin * (1 + of), cost * (1 - of)
    made.customers["contacts"] = contacts
    return made


def returns_of(before: Outcomes, after: Outcomes) -> IncrementalReturn:
    return incremental_return(run_from_outcomes(before), run_from_outcomes(after))


def test_roi_is_the_change_of_margin_per_change_of_cost_minus_1() -> None:
    found = returns_of(changed(10, margin=5, cost=1, contacts=4), changed(10, margin=11, cost=3, contacts=7))
    assert found.incremental_roi is not None
    assert found.incremental_roi == FiellerSet(2.0, 2.0, 2.0, "interval")
    assert found.break_even_cost.value == pytest.approx(2.0)


def test_break_even_cost_makes_the_change_of_margin_equal_to_the_cost_of_the_contacts() -> None:
    before, after = random_outcomes(300, seed=1), random_outcomes(300, seed=2, shift=3.0)
    found = returns_of(before, after)
    margin = (after.customers["margin"] - before.customers["margin"]).sum()
    contacts = (after.customers["contacts"] - before.customers["contacts"]).sum()
    assert found.break_even_cost.value * contacts == pytest.approx(margin)


@pytest.mark.parametrize(("cost", "cell"), [(0.5, "cost falls"), (1.0, "same cost")])
def test_there_is_no_roi_unless_the_cost_rises(cost: float, cell: str) -> None:
    found = returns_of(changed(10, margin=5, cost=1), changed(10, margin=9, cost=cost))
    assert found.incremental_roi is None
    assert roi_cells(found) == ("-", cell)


def test_there_is_no_roi_where_the_change_in_cost_is_unclear() -> None:
    found = returns_of(changed(50, margin=5, cost=1, noise=9.0), changed(50, margin=9, cost=1.01))
    assert found.incremental_roi is None
    assert roi_cells(found) == ("-", "cost unclear")
    assert "The change in cost is unclear" in return_sentences("more", found)


def test_a_policy_that_costs_less_saves_and_loses() -> None:
    found = returns_of(changed(10, margin=5, cost=1, contacts=4), changed(10, margin=4.5, cost=0.25, contacts=1))
    assert return_sentences("less", found, "EUR").startswith(
        "less saves 0.75 [0.75, 0.75] EUR per customer and loses 0.50 [0.50, 0.50] EUR in margin. Break-even cost per contact: 0.17 EUR"
    )


def test_equal_policies_have_no_break_even_cost() -> None:
    found = returns_of(random_outcomes(50), random_outcomes(50))
    assert (found.incremental_roi, found.break_even_cost.shape) == (None, "undefined")
    assert return_sentences("same", found) == "same has the same cost and margin as the baseline."


@pytest.mark.parametrize(
    ("contacts", "cell", "words"),
    [(1, "fewer contacts", "Margin rises although contacts fall"), (7, "less margin", "Margin falls although contacts rise")],
)
def test_no_cost_per_contact_breaks_even_if_margin_and_contacts_move_apart(contacts: int, cell: str, words: str) -> None:
    margin = {1: 6.0, 7: 4.0}[contacts]
    found = returns_of(changed(10, margin=5, cost=1, contacts=4), changed(10, margin=margin, cost=2, contacts=contacts))
    assert found.break_even_cost.value == pytest.approx(-1 / 3)
    assert break_even_cells(found) == ("-", cell)
    assert return_sentences("other", found).endswith(f"{words}, so there is no break-even cost per contact.")


def test_a_set_that_is_not_an_interval_is_described_in_words() -> None:
    rng = np.random.default_rng(1)
    before, after = changed(100, margin=5), changed(100, margin=9)
    after.customers["contacts"], before.customers["contacts"] = rng.poisson(5, 100), rng.poisson(5, 100)
    found = returns_of(before, after)
    assert found.break_even_cost.shape == "outside"
    assert "at most" in break_even_cells(found)[1]
    assert "the change in contacts is unclear" in return_sentences("other", found)
    everything = found._replace(break_even_cost=FiellerSet(1.0, math.nan, math.nan, "everything"))
    assert break_even_cells(everything)[1] == "any value is possible"
    assert "cannot be bounded" in return_sentences("other", everything)


def test_a_comparison_has_them_in_text_json_python_and_html() -> None:
    runs = {name: run_from_outcomes(random_outcomes(200, seed=1, shift=shift)) for name, shift in (("today", 0.0), ("more", 5.0))}
    runs["more"].outcomes.customers.flags.writeable = True
    runs["more"].outcomes.customers["cost"] += 1.0
    runs["more"].outcomes.customers["contacts"] += 2
    found = Comparison.of(runs)
    roi = found.returns["more"].incremental_roi
    assert roi is not None
    assert roi.shape == "interval"
    assert found.to_json()["alternatives"]["more"]["return"]["incremental_roi"]["value"] == roi.value
    assert "incremental_roi" in found.summary()
    assert "break_even_cost" in found.summary()
    assert "incremental ROI" in found.answer
    assert "incremental ROI" in found._repr_html_()
    assert "incremental_roi" not in found.summary(metrics=["contacts"])


def covers(found: FiellerSet, ratio: float) -> bool:
    """Whether a confidence set has a ratio in it."""
    if found.shape == "outside":
        return ratio <= found.low or ratio >= found.high
    return found.shape == "everything" or (found.shape == "interval" and found.low <= ratio <= found.high)


@pytest.mark.parametrize("ratio", [-1.0, 0.3, 4.0])
@pytest.mark.parametrize("denominator", [0.2, 1.0, 6.0])  # in standard errors: unclear, unclear, clear
def test_fieller_sets_cover_in_95_percent_of_samples(denominator: float, ratio: float) -> None:
    draws, rng = 20_000, np.random.default_rng(round(100 * denominator + 10 * ratio) + 1000)
    covariance = np.array([[1.5, 0.6], [0.6, 1.0]])
    samples = rng.multivariate_normal([ratio * denominator, denominator], covariance, draws)
    terms = {"numerator_variance": 1.5, "denominator_variance": 1.0, "covariance": 0.6, "quantile": 1.959964}
    covered = np.mean([covers(fieller_set(n, d, **terms), ratio) for n, d in samples.tolist()])
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / draws))


def test_intervals_of_the_return_cover_in_95_percent_of_runs() -> None:
    draws, n, hits = 600, 300, np.zeros(2)
    rng = np.random.default_rng(5)
    for _ in range(draws):
        value, contacts = rng.gamma(2.0, 5.0, n), rng.poisson(3.0, n)
        before, after = empty_outcomes(n), empty_outcomes(n)
        before.customers["margin"] = value
        after.customers["margin"] = value + 0.4 * contacts + rng.normal(0, 2, n)  # each contact brings .4 and costs .1
        after.customers["contacts"], after.customers["cost"] = contacts, 0.1 * contacts + rng.exponential(0.05, n)
        found = returns_of(before, after)
        assert found.incremental_roi is not None
        hits += covers(found.incremental_roi, 1.2 / 0.35 - 1), covers(found.break_even_cost, 0.4)
    assert hits / draws == pytest.approx([0.95, 0.95], abs=4 * math.sqrt(0.95 * 0.05 / draws))

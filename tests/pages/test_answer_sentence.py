"""The answer of a page follows rules: the objective first, then the worst side effect, and never a clear word for an unclear difference."""

from dataclasses import replace

import pytest

import cjsim as cj
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.sections.first_screen import answer_sentence, key_figure, key_metrics, trade_offs


def with_effects(comparison: cj.Comparison, **effects: tuple[float, float, float, float]) -> PolicyRuns:
    """The comparison with other differences: baseline, effect, low and high by metric. All other metrics are unchanged by the policy."""
    stated = {
        name: PairedDifference(baseline, baseline + effect, effect, low, high, 1.0)
        for name, (baseline, effect, low, high) in effects.items()
    }
    same = {
        name: one._replace(value=one.baseline, effect=0.0, low=0.0, high=0.0)
        for name, one in comparison.alternatives["shop_better"].items()
    }
    return PolicyRuns.of(replace(comparison, alternatives={"shop_better": same | stated}))


def sentence(runs: PolicyRuns) -> str:
    return "".join(phrase.text for phrase in answer_sentence(runs))


GAIN = (20.0, 0.98, 0.76, 1.20)
START = "Improved policy earns 0.98 more per customer in 365 days"


def test_gain_is_stated_with_the_worst_side_effect(comparison: cj.Comparison) -> None:
    runs = with_effects(comparison, clv=GAIN, opt_outs=(0.258, 0.072, 0.066, 0.079), satisfaction=(0.5, -0.01, -0.02, -0.005))
    assert sentence(runs) == f"{START}, at the price of 7.2 more opt-outs per 100 customers."


def test_side_effect_whose_interval_holds_zero_is_not_named(comparison: cj.Comparison) -> None:
    assert sentence(with_effects(comparison, clv=GAIN, opt_outs=(0.258, 0.072, -0.01, 0.15))) == f"{START}."


def test_metric_without_a_declared_direction_is_no_price(comparison: cj.Comparison) -> None:
    runs = with_effects(comparison, clv=GAIN, contacts=(80.0, 40.0, 39.0, 41.0))
    assert sentence(runs) == f"{START}."
    figure = key_figure(runs, "contacts")
    assert (figure.tone, figure.chip) == ("flat", "More")


def test_loss_is_stated_as_a_loss(comparison: cj.Comparison) -> None:
    runs = with_effects(comparison, clv=(20.0, -0.5, -0.7, -0.3))
    assert sentence(runs) == "Improved policy earns 0.50 less per customer in 365 days."


def test_unclear_difference_is_stated_with_its_interval(comparison: cj.Comparison) -> None:
    runs = with_effects(comparison, clv=(20.0, 0.03, -0.10, 0.16))
    assert sentence(runs) == "No clear difference in CLV: +0.03 [\N{MINUS SIGN}0.10, +0.16]."


def test_equal_policies_are_the_same_for_every_customer(comparison: cj.Comparison) -> None:
    assert sentence(with_effects(comparison)) == "Improved policy has the same CLV as Current policy for every customer."


def test_worst_side_effect_is_among_the_figures(comparison: cj.Comparison) -> None:
    runs = with_effects(comparison, clv=GAIN, opt_outs=(0.258, 0.072, 0.066, 0.079))
    assert "opt_outs" in key_metrics(runs)
    assert len(key_metrics(runs)) <= 6


def test_lists_say_so_if_nothing_is_clear(comparison: cj.Comparison) -> None:
    brings, costs, _ = trade_offs(with_effects(comparison, clv=(20.0, 0.03, -0.10, 0.16)))
    assert [point.text for point in costs.points] == ["Nothing that this page measures is clearly worse."]
    assert brings.tone == "gain"


@pytest.mark.parametrize("word", ["significant", "proves", "optimal"])
def test_page_never_overstates(made: cj.Report, word: str) -> None:
    assert word not in made.summary().lower()

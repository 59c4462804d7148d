"""Which metrics a comparison shows, and what it says about the others."""

import re
from functools import partial

import pytest
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.errors import InputError
from cjsim.metrics.paired_differences import PairedDifference
from cjsim.simulation.comparison_summary import level_decimals, metrics_to_show
from cjsim.testing.small_worlds import independent_customers


@pytest.fixture(scope="module")
def offered() -> cj.Comparison:
    """Half off the next order, given to everybody who joins, or nothing."""
    base = independent_customers().with_values({"customers": 600, "policy.flows": {}, "journey.offers.tenth.discount": 0.5})
    flows = {"welcome": {"on": {"event": "join"}, "steps": [{"offer": "tenth"}]}}
    return cj.compare({"none": base, "offered": base.with_values({"policy.flows": flows})})


def shown(found: cj.Comparison) -> set[str]:
    return set(re.findall(r"^([a-z_0-9]+)", str(found).split("\n\n")[1], re.MULTILINE)) - {"metric"}


def test_discounts_of_an_offer_are_shown(offered: cj.Comparison) -> None:
    assert {"discounts", "redemptions"} <= shown(offered)


def test_no_hidden_metric_of_an_informative_kind_has_a_larger_clear_change_than_the_largest_five(offered: cj.Comparison) -> None:
    effects, paired = offered.alternatives["offered"], offered._paired_runs()
    definitions = [one for one in paired.compared.definitions.values() if not one.is_detail and not one.is_total]
    clear = [one.name for one in definitions if effects[one.name].is_significant]
    change = {name: abs(effects[name].relative) if effects[name].baseline else float("inf") for name in clear}
    names = {one.name for one in metrics_to_show(paired.compared, paired.baseline)}
    hidden = [change[name] for name in clear if name not in names]
    assert sum(value > max(hidden, default=0) for value in change.values()) >= 5


def test_footnote_counts_the_metrics_that_are_hidden_because_others_changed_more(offered: cj.Comparison) -> None:
    text = " ".join(str(offered).split())
    n_hidden, n_less = map(int, re.findall(r"(\d+) metrics are hidden: (\d+) that changed less than those shown", text)[0])
    effects = offered.alternatives["offered"]
    assert n_hidden == len(effects.keys() - shown(offered)) and 0 < n_less < n_hidden
    assert "the others are breakdowns by stage or channel, totals over all customers, and metrics that are undefined, 0 or constant" in text


def test_footnote_names_options_of_the_command_line_only(offered: cj.Comparison) -> None:
    assert "summary(" not in str(offered) and "summary(" not in str(offered.runs["none"])


@pytest.mark.parametrize(
    ("effect", "half", "levels"), [(0.006, 0.002, ("0.0980", "0.1040")), (0.006, 0.02, ("0.10", "0.10")), (0.0, 0.0, ("0.098", "0.098"))]
)
def test_levels_differ_where_the_effect_is_clear(effect: float, half: float, levels: tuple[str, str]) -> None:
    difference = PairedDifference(0.098, 0.098 + effect, effect, effect - half, effect + half, 1.0)
    decimals = level_decimals("per customer", difference)
    assert (f"{difference.baseline:.{decimals}f}", f"{difference.value:.{decimals}f}") == levels


def test_chosen_metrics_are_those_of_plain_values_and_of_the_table(offered: cj.Comparison) -> None:
    chosen = ("discounts", "revenue")
    content = offered.to_json(metrics=chosen)
    assert set(content["alternatives"]["offered"]["metrics"]) == set(chosen)
    assert "discounts" in content["answer"].split(".")[0]
    assert set(offered.to_pandas(metrics=chosen).index.get_level_values("metric")) == set(chosen)


def test_a_metric_that_only_the_baseline_has_is_refused_everywhere() -> None:
    stages = {"here": {}, "there": {}}
    found = cj.compare({"more": small_scenario(journey={"stages": stages}), "less": small_scenario()}, customers=3)
    for shown in (found.to_json, found.to_pandas, found.summary, partial(found.by, where="entry_month == '2026-01'")):
        with pytest.raises(InputError, match="'stage_reached\\[there\\]', which only the baseline has"):
            shown(metrics=["stage_reached[there]"])

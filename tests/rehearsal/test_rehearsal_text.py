"""What the text and the figure of a rehearsal say."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import cjsim as cj
from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.results.rehearsal_figure import REHEARSAL_FIGURE
from cjsim.rehearsal.scenario_outcomes import Interference
from cjsim.testing.small_worlds import independent_customers

SETTINGS = cj.RehearsalSettings(runs=200)
FIXED = replace(SETTINGS, analyses=(FixedHorizon(),))


def shop(order_every: str, **settings: Any) -> cj.Scenario:
    order = {"in": ["active"], "wait": {"exponential": order_every}, "effects": [{"purchase": {"value": 10}}]}
    journey = {"name": "shop", "starts_in": "active", "stages": {"active": {}}, "events": {"order": order}}
    base = {"name": "shop", "start": "2026-01-05", "horizon": "30d", "customers": 2000, "journey": journey, "policy": {"name": "none"}}
    return cj.Scenario.from_dict(base | settings)


@pytest.fixture(scope="module")
def small() -> cj.Rehearsal:
    """A test that is too small."""
    return cj.rehearse(shop("10d"), {"sooner": shop("9.5d")}, metric="revenue", sizes=[60, 100], days=[30], settings=SETTINGS)


@pytest.fixture(scope="module")
def joint() -> cj.Rehearsal:
    base = independent_customers()
    other = base.with_values({"name": "other", "policy.broadcasts": {}})
    settings = replace(FIXED, replications=2)
    return cj.rehearse(base, {"other": other}, metric="contacts", sizes=[60], days=[60, 120], settings=settings)


def test_needed_size_solves_the_closed_form(small: cj.Rehearsal) -> None:
    design = small.alternatives["sooner"].designs[0]
    assert design.needed_size == pytest.approx(design.size * (design.mde / design.effect) ** 2)


def test_needed_size_is_in_the_text_with_the_options_that_rehearse_it(small: cj.Rehearsal) -> None:
    text = " ".join(str(small).split())
    assert "For 80 % power after 30 days (fixed horizon), a test of this effect needs about " in text
    assert " per group), " in text and "To rehearse this size: `sizes` " in text


def test_needed_size_is_in_the_json_and_the_table(small: cj.Rehearsal) -> None:
    needed = small.alternatives["sooner"].designs[0].needed_size
    assert small.to_json()["designs"][0]["needed_size"] == needed == small.to_pandas()["needed_size"][0]


def test_most_profitable_size_does_not_claim_to_be_a_recommended_design(small: cj.Rehearsal) -> None:
    text = " ".join(str(small).split())
    assert "No design is recommended" in text and "Most profitable" not in text
    assert "To maximize profit rather than prove an effect (test and roll): " in text
    assert "Such a test may have less power than a recommended design." in text


def test_naive_peeking_comes_last_and_is_marked(small: cj.Rehearsal) -> None:
    rows = [line for line in str(small).splitlines() if re.match(r" *(60|100) ", line)]
    assert ["naive" in row for row in rows] == [False] * 6 + [True] * 2
    assert "Not valid: without an effect, up to " in " ".join(str(small).split()) and str(small).count("(not") == 2


def test_legend_explains_the_terms_that_occur_and_no_others(small: cj.Rehearsal, joint: cj.Rehearsal) -> None:
    assert "O'Brien-Fleming: " in str(small) and "confidence sequence: " in str(small) and "CUPED" not in str(small)
    assert "O'Brien-Fleming" not in str(joint) and "fixed horizon: " in str(joint) and "Joint mode: " in str(joint)


def test_interference_of_0_is_no_bias(joint: cj.Rehearsal) -> None:
    assert "but no bias is found: 0 after 60 days; 0 after 120 days." in " ".join(str(joint).split())


def test_interference_that_rounds_to_0_is_given_by_its_bound(joint: cj.Rehearsal) -> None:
    report = joint.alternatives["other"]
    biases = {60.0: Interference(2e-4, 1e-4, 3e-4, 2), 120.0: Interference(1.5, 1.4, 1.6, 2)}
    shown = replace(joint, alternatives={"other": replace(report, interference=biases)})
    assert "is biased by less than 0.01 after 60 days; +1.50 [+1.40, +1.60] after 120 days." in " ".join(str(shown).split())


def test_true_effect_of_mixed_assignment_is_the_mean_of_comparisons_over_seeds(joint: cj.Rehearsal) -> None:
    base = independent_customers()
    other = base.with_values({"policy.broadcasts": {}})
    seeds = (base.seed, base.seed + 1)
    effects = [cj.compare({"base": base, "other": other}, seed=seed).alternatives["other"]["contacts"].effect for seed in seeds]
    assert joint.alternatives["other"].truth.effect == pytest.approx(np.mean(effects))
    assert f"It is the mean of 2 pairs of simulations (seeds {seeds[0]} to {seeds[1]})" in " ".join(str(joint).split())


def test_arrivals_who_are_left_out_are_mentioned_beside_the_true_effect() -> None:
    base = shop("10d").to_dict()
    base["journey"]["acquisition"] = {"search": {"baseline": 2}}
    base = cj.Scenario.from_dict(base)
    other = base.with_values({"name": "other", "journey.events.order.wait": {"exponential": "9d"}})
    found = cj.rehearse(base, {"other": other}, metric="revenue", sizes=[100], days=[10], settings=FIXED)
    assert "It covers the customers who enter by day 20; compare includes those who enter later." in " ".join(str(found).split())


def test_caption_is_as_wide_as_the_figure_at_most(small: cj.Rehearsal) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = REHEARSAL_FIGURE.figure(small)
    FigureCanvasAgg(figure).draw()
    caption = next(one for one in figure.texts if "rehearsals per design" in one.get_text())
    assert caption.get_window_extent().x1 <= figure.bbox.width


def test_no_two_lines_of_the_figure_have_the_same_points(small: cj.Rehearsal) -> None:
    lines = [line for line in REHEARSAL_FIGURE.figure(small).axes[0].lines if line.get_marker() == "o"]
    points = {tuple(np.column_stack(line.get_data()).ravel()) for line in lines}
    assert len(points) == len(lines) == 4

"""The contract of metrics: shipped metrics satisfy it, and a violation raises an AssertionError that names the requirement."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from own_metrics import BIG_SPENDERS, first_touches_by_channel

import cjsim as cj
from cjsim.metrics.catalog import all_metric_definitions
from cjsim.metrics.ratios import CUSTOMERS_WHO_ENTERED, RatioTerms, mean_of_outcome, mean_per_customer, ratio_of_sums
from cjsim.metrics.shipped_metrics import shipped_metric_definitions
from cjsim.testing import check_metric


def revenue(run: cj.Run) -> Any:
    return run.outcomes.customers["revenue"]


def test_shipped_metrics_keep_the_contract() -> None:
    check_metric(shipped_metric_definitions)


def test_shipped_metrics_without_another_denominator_are_means_per_customer() -> None:
    run = cj.simulate(cj.Scenario.load(ROOT / "tests" / "worlds" / "touchpoints.yaml"), customers=200)
    definitions = all_metric_definitions(run.codebook).values()
    means = [one for one in definitions if one.denominator == CUSTOMERS_WHO_ENTERED and not one.is_total]
    assert [one.name for one in means if not np.array_equal(one.terms(run).denominator, run.entered)] == []


@pytest.mark.parametrize("source", [BIG_SPENDERS, first_touches_by_channel], ids=["definition", "factory"])
def test_a_users_metrics_can_keep_the_contract(source: Any) -> None:
    check_metric(source)


def test_a_metric_may_use_attributes_and_traits() -> None:
    def squared_days(run: cj.Run) -> RatioTerms:
        assert len(run.profiles().traits) == 0
        return mean_per_customer(run, (run.outcomes.dwell**2).sum(axis=1, dtype=float))

    check_metric(cj.MetricDefinition("squared_days", "days squared", "squared days in stages", squared_days))


RANDOM = np.random.default_rng(1)

BROKEN: dict[str, tuple[Callable[[cj.Run], RatioTerms], str]] = {
    "one number": (lambda run: RatioTerms(np.array([1.0]), run.entered), "must return one numerator per customer"),
    "nan": (lambda run: mean_of_outcome("first_purchase")(run), "must return finite numerators, got nan"),
    "raises where nothing happens": (
        lambda run: mean_per_customer(run, revenue(run) > revenue(run)[revenue(run) > 0].min()),
        "must have terms that can be computed, got ValueError",
    ),
    "random": (lambda run: mean_per_customer(run, RANDOM.random(len(run))), "must give the same terms when computed again"),
    "of this object": (
        lambda run: mean_per_customer(run, np.where(revenue(run) > 0, id(run.outcomes) % 1009, 0)),
        "must have a difference of exactly 0 between identical policies",
    ),
    "not saved": (
        lambda run: mean_per_customer(run, np.full(len(run), isinstance(run.profiles, partial))),
        "must give the same terms for a saved and reloaded run",
    ),
    "counts who never entered": (
        lambda run: RatioTerms(revenue(run), np.ones(len(run))),
        "must have numerator 0 for customers who never",
    ),
    "of rows": (lambda run: mean_per_customer(run, np.arange(len(run)) % 2), "must not depend on the order of customers"),
    "of others": (
        lambda run: mean_per_customer(run, revenue(run) > np.median(revenue(run))),
        "must add up over parts of a run, so the terms of a customer must depend on that customer only",
    ),
    "heavy tail": (lambda run: mean_per_customer(run, np.exp(revenue(run) / 10)), "must have 95 % intervals with nominal coverage"),
}


@pytest.mark.parametrize(("terms", "promise"), BROKEN.values(), ids=BROKEN)
def test_a_broken_promise_is_named(terms: Callable[[cj.Run], RatioTerms], promise: str) -> None:
    with pytest.raises(AssertionError, match=f"metric 'broken': {promise}"):
        check_metric(cj.MetricDefinition("broken", "points", "points per customer", terms))


def test_an_incomplete_definition_is_named() -> None:
    with pytest.raises(AssertionError, match="a metric must have a complete definition: metric 'big_spenders': must have a title, got ''"):
        check_metric(replace(BIG_SPENDERS, title=""))


def test_the_broken_metric_of_a_factory_is_named() -> None:
    def metrics(codebook: Any) -> list[cj.MetricDefinition]:
        return [
            cj.MetricDefinition(
                f"spread[{channel}]", "contacts", f"contacts by {channel}", lambda run: ratio_of_sums(run, revenue(run), -revenue(run))
            )
            for channel in codebook.channels
        ]

    with pytest.raises(AssertionError, match=r"metric 'spread\[email\]': must have denominators of at least 0"):
        check_metric(metrics)

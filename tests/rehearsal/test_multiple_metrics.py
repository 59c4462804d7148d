"""Corrections for several metrics, and guardrails. A check at 4 standard errors fails by chance in 1 of 16,000 seeds."""

import numpy as np
import pytest

from cjsim.errors import InputError
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.multiple_metrics import corrected_p_values, rehearse_metrics
from cjsim.rehearsal.rehearsal_settings import Guardrail, RehearsalSettings

SETTINGS = RehearsalSettings(runs=4000)


def independent_metrics(*effects: float) -> dict[str, ArmPopulations]:
    """Independent normal metrics with a standard deviation of 1."""
    rng, n = np.random.default_rng(2), 50_000
    outcomes = {f"m{i}": rng.normal(size=(1, n)) for i in range(len(effects))}
    return {name: ArmPopulations(base, base + effect) for (name, base), effect in zip(outcomes.items(), effects, strict=True)}


def test_holm_correction_equals_its_definition() -> None:
    p = np.array([[0.04, 0.001, 0.03, 0.9]])
    np.testing.assert_allclose(corrected_p_values(p, correction="holm"), [[0.09, 0.004, 0.09, 0.9]])


@pytest.mark.parametrize(("correction", "expected"), [("none", 1 - 0.95**5), ("holm", 1 - 0.99**5)])
def test_chance_of_any_false_positive_is_that_of_independent_metrics(correction: str, expected: float) -> None:
    found = rehearse_metrics(independent_metrics(*[0.0] * 5), size=400, correction=correction, settings=SETTINGS)  # type: ignore[arg-type]
    assert abs(found.any_false_positive.value - expected) <= 4 * found.any_false_positive.error


def test_benjamini_hochberg_bounds_the_false_discovery_rate() -> None:
    found = rehearse_metrics(independent_metrics(0.3, 0.3, 0.0, 0.0), size=400, correction="bh", settings=SETTINGS)
    assert abs(found.false_discovery.value - 0.05 * 2 / 4) <= 4 * found.false_discovery.error


def test_guardrail_passes_wrongly_in_half_of_alpha_of_tests() -> None:
    metrics = independent_metrics(0.0, -0.1)
    found = rehearse_metrics({"m0": metrics["m0"]}, size=400, guardrails={Guardrail("m1", 0.1): metrics["m1"]}, settings=SETTINGS)
    guardrail = found.guardrails["m1"]
    assert abs(guardrail.passed.value - 0.025) <= 4 * guardrail.passed.error
    assert guardrail.passed.value == pytest.approx(guardrail.passed_at_margin.value, abs=0.001)  # the true loss is the margin


def test_a_failed_guardrail_prevents_the_rollout() -> None:
    metrics = independent_metrics(1.0, -1.0)
    found = rehearse_metrics({"m0": metrics["m0"]}, size=400, guardrails={Guardrail("m1", 0.1): metrics["m1"]}, settings=SETTINGS)
    assert (found.power["m0"].value, found.shipped.value) == (1, 0)


def test_a_guardrail_can_require_that_a_metric_does_not_grow() -> None:
    metrics = independent_metrics(1.0, -1.0)
    rail = Guardrail("m1", 0.1, higher_is_better=False)
    found = rehearse_metrics({"m0": metrics["m0"]}, size=400, guardrails={rail: metrics["m1"]}, settings=SETTINGS)
    assert (found.shipped.value, found.guardrails["m1"].effect) == (1, pytest.approx(1.0))


def test_lower_values_can_be_better() -> None:
    metrics = independent_metrics(-1.0)
    found = rehearse_metrics(metrics, size=400, lower_is_better={"m0"}, settings=SETTINGS)
    assert found.shipped.value == 1


def test_metrics_of_different_customers_are_refused() -> None:
    metrics = independent_metrics(0.0)
    shorter = ArmPopulations(metrics["m0"].base[:, :-1], metrics["m0"].alternative[:, :-1])
    with pytest.raises(InputError, match="metrics: must have the same customers, got 49,999 and 50,000"):
        rehearse_metrics(metrics | {"m1": shorter}, size=400)


def test_a_margin_of_zero_is_refused() -> None:
    with pytest.raises(InputError, match="margin of 'clv': must be above 0 and finite, got 0"):
        Guardrail("clv", margin=0.0)


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(InputError, match="correction: must be one of 'none', 'holm', 'bh'"):
        corrected_p_values(np.ones((1, 1)), correction="tukey")  # type: ignore[arg-type]

"""The contract for metrics, on which tables, comparisons, studies and experiments rely, checked on small runs."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

import numpy as np

from cjsim.engine.outcomes import Outcomes
from cjsim.errors import InputError
from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import estimate_metric
from cjsim.metrics.customer_pairing import CustomerPairing
from cjsim.metrics.paired_differences import paired_difference
from cjsim.metrics.ratios import MetricDefinition, RatioTerms
from cjsim.metrics.registration import CheckedTerms, MetricSource, check_definition
from cjsim.simulation.batches import BatchSimulator
from cjsim.simulation.run import Run
from cjsim.simulation.simulate import simulate
from cjsim.testing.small_worlds import idle_customers, independent_customers, sharing_customers

COVERAGE_BATCHES, COVERAGE_CUSTOMERS = 100, 200
MIN_COVERED = 85  # of 100 intervals; at a coverage of 95 %, one in 20,000 checks has fewer than 85
_MIN_CONTRIBUTORS = 20  # customers per batch with a nonzero numerator; with fewer, the normal approximation may fail


def check_metric(source: MetricSource) -> None:
    """Check that a metric, or every metric from a factory, satisfies the contract for metrics.

    The metric is computed for three small runs: customers who share no resources and refer others; customers who share a desk, some of whom
    arrive through paid acquisition; and customers for whom no event occurs. The requirements are:

    - The definition is complete.
    - Every customer has one finite numerator and one finite denominator.
    - Repeated computation, even from a saved run, gives the same terms.
    - The terms of a customer, except allocated costs, depend neither on other customers nor on their order, so parts of a run add up.
    - Customers who never entered contribute nothing.
    - The difference between identical policies is exactly 0.
    - Over many batches, intervals cover the value for all batches combined at about the nominal rate.

    Parameters
    ----------
    source : MetricDefinition or callable
        A metric, or a factory that takes the codebook and returns metrics.

    Raises
    ------
    AssertionError
        If a requirement is violated. The message names the metric and the requirement.

    Examples
    --------
    >>> from cjsim.metrics.ratios import MetricDefinition, mean_of_outcome
    >>> check_metric(MetricDefinition("clicks", "clicks", "clicks per customer", mean_of_outcome("clicks")))
    """
    for run in (_run("idle"), _run("independent"), _run("sharing")):
        for definition in _definitions(source, run):
            _check_terms(definition, run)
            _check_equal_policies(definition, run)
            _check_saved_run(definition, run)
            _check_customers_who_never_entered(definition, run)
            _check_order(definition, run)
    whole, *halves = _batches(2, COVERAGE_CUSTOMERS // 2)
    for definition in _definitions(source, whole):
        _check_parts(definition, whole, halves)
    for definition in _definitions(source, whole):
        _check_coverage(definition)


@cache
def _run(name: str) -> Run:
    scenarios = {"idle": idle_customers, "independent": independent_customers, "sharing": sharing_customers}
    return simulate(scenarios[name](), threads=1, replications=1)


@cache
def _batches(count: int, size: int) -> tuple[Run, ...]:
    """Return a run of independent customers, and the same customers in batches."""
    simulator = BatchSimulator(independent_customers(), seed=5, threads=1)
    whole = simulator.simulate(0, count * size)
    return (whole, *(simulator.simulate(n * size, size) for n in range(count)))


def _definitions(source: MetricSource, run: Run) -> list[MetricDefinition]:
    """Return the metrics from a source after checking that they are complete. Their terms are checked at each computation."""
    definitions = [source] if isinstance(source, MetricDefinition) else list(source(run.codebook))
    for definition in definitions:
        try:
            check_definition(definition)
        except InputError as error:
            raise AssertionError(f"a metric must have a complete definition: {error}") from error
    return [replace(definition, terms=CheckedTerms(definition)) for definition in definitions]


def _terms(definition: MetricDefinition, run: Run) -> RatioTerms:
    try:
        return definition.terms(run)
    except InputError as error:
        raise AssertionError(f"{error} (in the run '{run.provenance.scenario}')") from error
    except Exception as error:
        violation = f"must be computable for any run, but run '{run.provenance.scenario}' raised {type(error).__name__}: {error}"
        raise AssertionError(f"metric '{definition.name}': {violation}") from error


def _require(holds: bool | np.bool_, definition: MetricDefinition, requirement: str, found: str) -> None:
    """Raise an AssertionError that names the metric and the violated requirement, even if Python's `assert` is disabled."""
    if not holds:
        raise AssertionError(f"metric '{definition.name}': {requirement}, but {found}")


def _is_same(one: RatioTerms, other: RatioTerms) -> bool:
    """Return whether numerators and denominators are identical, and allocated costs equal up to rounding."""
    if one.allocated_cost is None or other.allocated_cost is None:
        has_same_costs = one.allocated_cost is other.allocated_cost
    else:
        has_same_costs = np.allclose(one.allocated_cost, other.allocated_cost)
    return has_same_costs and np.array_equal(one.numerator, other.numerator) and np.array_equal(one.denominator, other.denominator)


def _check_terms(definition: MetricDefinition, run: Run) -> None:
    again = _is_same(_terms(definition, run), _terms(definition, run))
    _require(again, definition, "must give the same terms when computed again", f"the terms differ for run '{run.provenance.scenario}'")


def _check_equal_policies(definition: MetricDefinition, run: Run) -> None:
    sample = ClusterSample.from_run(run)
    other = replace(run, outcomes=Outcomes(*(array.copy() for array in run.outcomes)))
    found = paired_difference(_terms(definition, run), _terms(definition, other), CustomerPairing.match_by_key(sample, sample))
    is_zero = np.isnan(found.effect) or found.effect == found.low == found.high == 0
    must = "must have a difference of exactly 0 between identical policies"
    _require(is_zero, definition, must, f"it is {found.effect:g} [{found.low:g}, {found.high:g}]")


def _check_saved_run(definition: MetricDefinition, run: Run) -> None:
    loaded = _saved_and_loaded(run.provenance.scenario)
    is_kept = _is_same(_terms(definition, run), _terms(definition, loaded))
    _require(is_kept, definition, "must give the same terms for a saved and reloaded run", "it uses data that is not saved")


@cache
def _saved_and_loaded(name: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        loaded = Run.load(_run(name).save(folder))
        profiles = loaded.profiles()  # read before the temporary folder is removed
    return replace(loaded, profiles=lambda: profiles)


def _check_customers_who_never_entered(definition: MetricDefinition, run: Run) -> None:
    absent = np.arange(len(run)) % 3 == 0
    customers = run.outcomes.customers.copy()
    customers["entered"][absent] = np.inf
    found = _terms(definition, replace(run, outcomes=run.outcomes._replace(customers=customers)))
    added = found.numerator[absent]
    must = "must have numerator 0 for customers who never entered"
    got = f"one of them contributes {added[np.abs(added).argmax()]:g}. Use mean_per_customer or ratio_of_sums"
    _require(not added.any(), definition, must, got)


def _check_order(definition: MetricDefinition, run: Run) -> None:
    """Permute the initial customers, and require the terms to be permuted in the same way."""
    registry, n = run.registry, len(run)
    order = np.arange(n)
    order[: registry.n_initial] = np.random.default_rng(1).permutation(registry.n_initial)
    parents = np.where(registry.later_parents >= 0, np.argsort(order)[registry.later_parents], -1)
    profiles = run.profiles()
    permuted_profiles = profiles._replace(
        attributes={name: values[order] for name, values in profiles.attributes.items()},
        traits={name: values[order] for name, values in profiles.traits.items()},
    )
    permuted = replace(
        run,
        outcomes=Outcomes(*(array[order] for array in run.outcomes)),
        registry=replace(registry, later_parents=parents),
        profiles=lambda: permuted_profiles,
    )
    terms = _terms(definition, run)
    expected = terms._replace(
        numerator=terms.numerator[order],
        denominator=terms.denominator[order],
        allocated_cost=None if terms.allocated_cost is None else terms.allocated_cost[order],
    )
    is_permuted = _is_same(_terms(definition, permuted), expected)
    _require(is_permuted, definition, "must not depend on the order of customers", "reordering the customers changes their terms")


def _check_parts(definition: MetricDefinition, whole: Run, parts: Iterable[Run]) -> None:
    """Simulate parts of the customers separately, and require each customer to have the same terms as in the whole run."""
    expected = _terms_by_key(definition, [whole])
    found = _terms_by_key(definition, parts)
    differing = [key for key in expected if expected[key] != found[key]]
    must = "must add up over parts of a run, so the terms of a customer must depend on that customer only"
    numbers = f"{expected[differing[0]]} in the whole run, {found[differing[0]]} in a part" if differing else ""
    _require(not differing, definition, must, f"customer {differing[:1]} has (numerator, denominator) {numbers}")


def _terms_by_key(definition: MetricDefinition, runs: Iterable[Run]) -> Mapping[int, tuple[float, float]]:
    by_key: dict[int, tuple[float, float]] = {}
    for run in runs:
        terms = _terms(definition, run)
        pairs = zip(terms.numerator.tolist(), terms.denominator.astype(np.float64).tolist(), strict=True)
        by_key |= dict(zip(run.keys.tolist(), pairs, strict=True))
    return by_key


def _check_coverage(definition: MetricDefinition) -> None:
    """Estimate the metric on many independent batches, and require most intervals to contain the value for all batches combined."""
    _, *batches = _batches(COVERAGE_BATCHES, COVERAGE_CUSTOMERS)
    terms = [_terms(definition, batch) for batch in batches]
    contributors = np.mean([np.count_nonzero(one.numerator) for one in terms])
    samples = map(ClusterSample.from_run, batches)
    estimates = [estimate_metric(one, definition.unit, sample) for one, sample in zip(terms, samples, strict=True)]
    if contributors < _MIN_CONTRIBUTORS or any(np.isnan(one.low) for one in estimates):
        return
    denominators = sum(one.denominator_sum for one in terms)
    value = sum(one.numerator_sum for one in terms) / denominators
    covered = sum(one.low <= value <= one.high for one in estimates)
    must = f"must have 95 % intervals with nominal coverage: at least {MIN_COVERED} of {COVERAGE_BATCHES} must contain {value:g}"
    _require(covered >= MIN_COVERED, definition, must, f"only {covered} do")

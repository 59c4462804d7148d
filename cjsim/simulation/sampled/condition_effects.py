"""Finds conditions that make no difference, by simulating customers with and without them."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from cjsim.errors import InputError, short_repr
from cjsim.progress import Progress
from cjsim.simulation.documents import Scenario
from cjsim.simulation.sampled.customer_sample import SampledRun, simulate_sample
from cjsim.validate.warnings.condition_lint import PlacedCondition, condition_consequence
from cjsim.yaml.paths import KeyPath, parse_path

_CONSTANTS = {True: "1 == 1", False: "1 == 0"}
_SAMPLE_SIZES = 50, 500, 5000, 20_000  # most conditions make a difference in the first, so the larger ones are rarely needed
MIN_AFFECTED = 20  # customers whose outcomes the other replacement changes; with fewer, too few met the condition


class _Samples:
    """Samples of a scenario's customers, smallest first. A larger one is simulated only when it is needed."""

    def __init__(self, scenario: Scenario) -> None:
        self._of_size = cache(lambda size: simulate_sample(scenario, size))

    def __iter__(self) -> Iterator[SampledRun]:
        for size in _SAMPLE_SIZES:
            yield (sample := self._of_size(size))
            if sample.n_sampled < size:  # all customers
                return

    def largest(self) -> SampledRun:
        return self._of_size(_SAMPLE_SIZES[-1])


def condition_effect_warnings(scenario: Scenario, conditions: list[PlacedCondition], progress: Progress) -> Iterator[str]:
    """Yield a warning for each condition that changes nothing if it is replaced with true or with false.

    All customers use the same random numbers with and without the condition, so any difference is due to the condition.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    conditions : list of PlacedCondition
        Conditions of the scenario.
    progress : Progress
        Advances by one for each condition.

    Yields
    ------
    str
    """
    samples = _Samples(scenario)
    for one in conditions:
        same = [truth for truth in _CONSTANTS if _is_unchanged(scenario, one, truth, samples)]
        progress.advance(1)
        if not same:
            continue
        where = f"in a simulation of {samples.largest().n_sampled:,} customers"
        if len(same) == len(_CONSTANTS):
            yield (
                f"{one.path}: {short_repr(one.text)} makes no difference {where}: the results are the same if it always or never holds. "
                "Check whether anything leads to it, or remove it."
            )
        elif _n_affected(scenario, one, not same[0], samples.largest()) >= MIN_AFFECTED:
            [truth] = same
            consequence, remedy = condition_consequence(one.path, truth)
            yield f"{one.path}: {short_repr(one.text)} {'always' if truth else 'never'} holds {where}, {consequence}. {remedy}"


def _is_unchanged(scenario: Scenario, condition: PlacedCondition, truth: bool, samples: _Samples) -> bool:
    """Return whether all samples have the same results if a constant replaces the condition."""
    pairs = ((_simulate_with(scenario, condition, truth, sample), sample) for sample in samples)
    return all(run is not None and run.to_bytes() == sample.to_bytes() for run, sample in pairs)


def _n_affected(scenario: Scenario, condition: PlacedCondition, truth: bool, sample: SampledRun) -> int:
    """Return the number of customers in a sample whose outcomes change if a constant replaces the condition."""
    run = _simulate_with(scenario, condition, truth, sample)
    if run is None:
        return sample.n_sampled
    pairs = zip(sample.outcomes.customers[: sample.n_sampled], run.outcomes.customers, strict=False)
    return sum(one.tobytes() != other.tobytes() for one, other in pairs)


def _simulate_with(scenario: Scenario, condition: PlacedCondition, truth: bool, sample: SampledRun) -> SampledRun | None:
    """Simulate the customers of a sample with a constant in place of the condition.

    Return None if the simulation never ends, which shows that the condition matters.
    """
    path = parse_path(condition.path)
    assert path is not None
    changed: Scenario = _with_value(scenario, path, _CONSTANTS[truth])
    try:
        return simulate_sample(changed, sample.n_sampled)
    except InputError:
        return None


def _with_value(node: Any, path: KeyPath, value: Any) -> Any:
    """Return a copy of a record in which the value at an existing path is replaced, without validating it again."""
    if not path:
        return value
    key = path[0]
    if isinstance(node, BaseModel):
        name = next(name for name, field in type(node).model_fields.items() if key == (field.alias or name))
        return node.model_copy(update={name: _with_value(getattr(node, name), path[1:], value)})
    if isinstance(node, Mapping):
        return {**node, key: _with_value(node[key], path[1:], value)}
    return tuple(_with_value(item, path[1:], value) if index == key else item for index, item in enumerate(node))

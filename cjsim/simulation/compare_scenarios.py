"""`compare`: simulate scenarios on the same customers, and compare each with the first."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Literal, cast

from cjsim.argument_types import checked_arguments
from cjsim.engine.replications import MAX_REPLICATIONS, default_replications
from cjsim.engine.user_processes import SimulationProcess
from cjsim.progress import Progress
from cjsim.simulation.argument_checks import checked_integer
from cjsim.simulation.comparison import Comparison
from cjsim.simulation.documents import Scenario
from cjsim.simulation.months.month_end_runs import require_no_processes_or_ends, with_months
from cjsim.simulation.scenario_sources import (
    ScenarioSource,
    ScenarioSources,
    named_scenarios,
    require_same_customers,
    with_shared_past,
)
from cjsim.simulation.seeded_run import check_seed, simulate_seed, with_repeats
from cjsim.simulation.simulate import checked_settings
from cjsim.simulation.switching.contact_baselines import ContactBaseline, with_contact_baseline
from cjsim.validate.warnings.free_value_lint import notes_on_differing_sizes


@checked_arguments
def compare(
    *scenarios: ScenarioSources,
    customers: int | None = None,
    seed: int | None = None,
    engine: Literal["compiled", "readable"] = "compiled",
    threads: int | None = None,
    max_customers: int | None = None,
    follow_up_days: float | None = None,
    against: ContactBaseline | None = None,
    processes: Sequence[SimulationProcess] = (),
    progress: Progress | None = None,
    sample: float | None = None,
    replications: int | None = None,
    monthly: bool = False,
) -> Comparison:
    """Simulate scenarios on the same customers, and compare each with the first.

    Parameters
    ----------
    *scenarios : Scenario, str or path
        Scenarios, paths of their files, or names in the library; the first is the baseline. To name them in the result, pass one mapping
        of names to scenarios instead.
    customers : int, optional
        Number of initial customers. By default, the number in the scenarios, which must be the same in all of them.
    seed : int, optional
        Random seed for all simulations; the baseline's seed by default.
    engine : {'compiled', 'readable'}
        Simulation engine. Both give identical results.
    threads : int, optional
        Number of threads; all cores by default. Results do not depend on it.
    max_customers : int, optional
        Abort if the population of a scenario exceeds this number, as in `simulate`.
    follow_up_days : float, optional
        Simulate each customer for at most this many days from entry, as in `simulate`.
    against : {'no-contact', 'nothing'}, optional
        Compare with a baseline derived from the first scenario: 'no-contact' sends only transactional messages, and 'nothing' sends no
        message. Neither pays for a marketing platform. All scenarios passed are then alternatives.
    processes : sequence of callable
        User-defined SimPy processes to run in each simulation, as in `simulate`. Requires the readable engine. To measure the effect of
        a process, pass runs with and without it to `Comparison.of`.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar(), from each simulation.
    sample : float, optional
        Share of the firm to simulate under each policy, as in `simulate`.
    replications : int, optional
        Number of runs with independent seeds under each policy, as in `simulate`. Effects are means of paired differences over the seeds.
        The default is 8 if customers affect each other in the first run under any policy, and 1 otherwise or with `processes`.
    monthly : bool
        Whether to record what happened in each calendar month, for `Comparison.by('month')`, as in `simulate`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If there are fewer than two scenarios, they differ in start, horizon, value horizon, currency, entry or (unless given) number of
        customers, or one of them cannot be loaded or simulated.
    Exception
        Any exception raised by a process.

    Examples
    --------
    >>> compare("shop", "shop_better", customers=200).baseline
    'shop'
    """
    by_name = named_scenarios(_only_argument(scenarios), argument="compare")
    if against is not None:
        by_name = with_contact_baseline(by_name, against)
    require_same_customers(by_name, customers=customers)
    by_name = with_shared_past(by_name)
    baseline = next(iter(by_name.values()))
    settings_of = partial(checked_settings, customers=customers, engine=engine, threads=threads, max_customers=max_customers)
    settings_of = partial(settings_of, follow_up_days=follow_up_days, processes=processes, progress=progress, sample=sample)
    settings = {name: settings_of(scenario) for name, scenario in by_name.items()}
    seed = baseline.seed if seed is None else checked_integer("seed", seed, 0, 2**63 - 1)
    count = None if replications is None else checked_integer("replications", replications, 1, MAX_REPLICATIONS)
    if monthly:
        require_no_processes_or_ends(next(iter(settings.values())))
    for one in settings.values():
        check_seed(one, seed)
    firsts = {name: simulate_seed(one, seed) for name, one in settings.items()}
    if count is None:
        count = max(map(default_replications, firsts.values()))
    runs = {name: with_repeats(first, settings[name], count) for name, first in firsts.items()}
    if monthly:
        runs = {name: with_months(run, settings[name]) for name, run in runs.items()}
    return Comparison.of(runs, assumptions=notes_on_differing_sizes([one.to_dict() for one in by_name.values()]))


def _only_argument(scenarios: tuple[ScenarioSources, ...]) -> ScenarioSources:
    """Return the mapping or sequence that was passed as the only argument, or else the arguments."""
    if len(scenarios) == 1 and not isinstance(scenarios[0], Scenario | str | os.PathLike):
        return scenarios[0]
    return cast(tuple[ScenarioSource, ...], scenarios)

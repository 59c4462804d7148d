"""How far to believe a page: where the numbers of the model come from, what could not be simulated, and provenance."""

from collections.abc import Iterator

from cjsim.metrics.run_notes import comparison_notes
from cjsim.pages.page_parts import Panel, Point, Rung, Section
from cjsim.pages.policy_runs import PolicyRuns
from cjsim.pages.quantity_format import count_text, share_text
from cjsim.simulation.documents import Scenario
from cjsim.tuning.assumptions.assumed_effects import ASSUMED_KINDS, message_effects
from cjsim.validate.number_sources import UNSTATED, count_by_kind, number_sources

# Kinds of sources by what they are worth; the terms that a firm sets are facts.
_RUNGS = {
    "assumed": ("assumed", "memory", "claim", UNSTATED),
    "published": ("primary", "secondary"),
    "fitted": ("fitted", "data"),
    "measured": ("experiment",),
}


def source_counts(scenario: Scenario) -> dict[str, int]:
    """Return how many numbers of a scenario are assumed, published, fitted and measured, without the terms that the firm sets.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    """
    by_kind = count_by_kind(number_sources(scenario))
    return {rung: sum(by_kind.get(kind, 0) for kind in kinds) for rung, kinds in _RUNGS.items()}


def assumption_flag(runs: PolicyRuns) -> str:
    """Return a warning if effects of messages are assumed; empty if they are not, or if the scenario is unknown.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    scenario = runs.titles[runs.best].scenario
    if scenario is None:
        return "The sources of the model's numbers are unknown"
    effects = message_effects(scenario)
    assumed = sum(kind in ASSUMED_KINDS for kind in effects.values())
    if not assumed:
        return ""
    if assumed == len(effects):
        return "What messages cause is assumed, not measured"
    return f"{assumed} of {len(effects)} effects of messages are assumed"


def belief_section(runs: PolicyRuns) -> Section:
    """Return the last section of a page.

    Parameters
    ----------
    runs : PolicyRuns
        The runs.
    """
    scenario = runs.titles[runs.best].scenario
    ladder: tuple[Rung, ...] = ()
    say = "The page does not know where the numbers of the model come from. Name the scenario file with --scenario to see it."
    if scenario is not None:
        counts = source_counts(scenario)
        total = sum(counts.values()) or 1
        ladder = (
            Rung(f"{counts['assumed']:,}", f"numbers of the model ({share_text(counts['assumed'] / total, 0)}) are assumed", True),
            Rung(f"{counts['published']:,}", f"cite a published source ({share_text(counts['published'] / total, 0)})"),
            Rung(f"{counts['fitted']:,}", f"are fitted to figures or data ({share_text(counts['fitted'] / total, 0)})"),
            Rung(f"{counts['measured']:,}", f"are measured by an experiment ({share_text(counts['measured'] / total, 0)})"),
        )
        say = "Read this page as what follows if customers respond as the model says."
        if not counts["measured"]:
            say += " No number of the model has been measured by an experiment on these customers."
    panels = (
        Panel("What this page cannot tell", points=tuple(_limits(runs, scenario)), is_table_folded=False),
        Panel("Provenance", facts=tuple(_facts(runs)), code=_command(runs)),
    )
    return Section("believe", "How far can you believe this?", say, panels, "How far to believe it", ladder)


def _limits(runs: PolicyRuns, scenario: Scenario | None) -> Iterator[Point]:
    """Yield what was not simulated or is not covered by the intervals, the notes of the runs, and assumed effects of messages."""
    if scenario is not None:
        effects = message_effects(scenario)
        assumed = sum(kind in ASSUMED_KINDS for kind in effects.values())
        if assumed:
            text = f"What messages really cause: {assumed} of {count_text(len(effects), 'effect')} of messages in this journey are assumed."
            yield Point(f"{text} Only a randomized experiment can measure them.", tone="loss")
    for note in comparison_notes(list(runs.runs.values())):
        yield Point(note, tone="loss")
    for note in () if runs.comparison is None else runs.comparison.assumptions:
        yield Point(note, tone="loss")
    yield Point(f"What happens after day {runs.baseline.provenance.simulated_days:g}, where the simulation ends.", tone="loss")
    yield Point("Competitors, prices elsewhere and stock, unless the journey contains them.", tone="loss")
    yield Point("Intervals cover the sampling noise of the simulation only, not doubt about the numbers of the model.")
    if len(runs.runs) > 1:
        yield Point("Of twenty differences without any cause, about one is expected to look clear.")


def _facts(runs: PolicyRuns) -> Iterator[tuple[str, str]]:
    origin = runs.baseline.provenance
    yield "Program", f"cjsim {origin.version}, engine {origin.engine}, {origin.date[:10]}"
    customers = f"{count_text(origin.customers, 'initial customer')}, {origin.horizon:g} days from {origin.start}, seed {origin.seed}"
    arrived = {name: run.provenance.arrived + run.provenance.referred for name, run in runs.runs.items()}
    if any(arrived.values()):
        customers += f"; {' and '.join(f'{count:,}' for count in arrived.values())} joined later"
    if origin.replications > 1:
        customers += f"; {origin.replications} replications"
    if origin.sample is not None:
        customers += f"; a sample of {100 * origin.sample:g}% of the firm"
    yield "Customers, time, seed", customers
    if origin.existing:
        yield "Existing customers", f"{origin.existing:,} from before day 0"
    yield "Journey", f"{runs.model.journey(runs.baseline)} (digest {origin.digests['journey'][:8]})"
    for name, run in runs.runs.items():
        yield "Policy", f"{runs.labels[name]}: {name} (digest {run.provenance.digests['policy'][:8]})"
    if origin.currency:
        yield "Currency", origin.currency
    libraries = ", ".join(f"{name} {version}" for name, version in origin.libraries.items())
    yield "Libraries", f"Python {origin.python}, {libraries}"


def _command(runs: PolicyRuns) -> str:
    """Return the command that repeats the runs, if they come from unchanged documents."""
    if not all(titles.has_policy for titles in runs.titles.values()):
        return ""
    origin = runs.baseline.provenance
    verb = "simulate" if len(runs.runs) == 1 else "compare"
    size = f"--sample {origin.sample:g}" if origin.sample is not None else f"--customers {origin.customers}"
    repeats = f" --replications {origin.replications}" if origin.replications > 1 else ""
    names = " ".join(run.scenario for run in runs.runs.values())
    return f"cjsim {verb} {names} {size} --seed {origin.seed} --horizon {origin.horizon:g}d{repeats}"

"""The personas: their goals and blockers, their share and their CLV."""

from cjsim.metrics.cluster_sample import ClusterSample
from cjsim.metrics.confidence_intervals import MetricEstimate, estimate_metric
from cjsim.metrics.group_estimates import estimate_by_group
from cjsim.metrics.ratios import SHARE_UNIT, mean_per_customer
from cjsim.metrics.replicated_estimates import combine_estimates
from cjsim.pages.maps.map_parts import PersonaCard
from cjsim.pages.maps.map_runs import MapRuns, record_of, whole_share
from cjsim.pages.quantity_format import title_case
from cjsim.simulation.comparison_answer import OBJECTIVE

COLORS = ("p1", "p2", "p3", "p0", "email", "desk", "ads", "push")


def persona_color(number: int) -> str:
    """Return the color of a persona, by its place in the journey."""
    return COLORS[number % len(COLORS)]


def persona_data(runs: MapRuns) -> dict[str, tuple[MetricEstimate, MetricEstimate]]:
    """Return the share of each persona among the customers who entered, and its CLV.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    found = {}
    definition = runs.runs.definitions[OBJECTIVE]
    for i, name in enumerate(runs.runs.baseline.codebook.personas):
        shares, values = [], []
        for run in runs.runs.baseline.replications:
            chosen = run.entered & (run.outcomes.customers["persona"] == i)
            shares.append(estimate_metric(mean_per_customer(run, chosen), SHARE_UNIT, ClusterSample.from_run(run)))
            values.append(estimate_by_group(run, definition, [chosen])[0].metric)
        is_single = len(shares) == 1
        found[name] = (shares[0], values[0]) if is_single else (combine_estimates(shares).estimate, combine_estimates(values).estimate)
    return found


def persona_cards(runs: MapRuns) -> tuple[PersonaCard, ...]:
    """Return the cards of the personas that exist among the customers; none if the journey has only one persona without motives.

    Parameters
    ----------
    runs : MapRuns
        The runs.
    """
    cards = []
    for i, (name, (share, value)) in enumerate(persona_data(runs).items()):
        declared = runs.journey.personas[name]
        if not share.value:
            continue
        motives = (
            ("Goal", declared.goal),
            ("Blockers", "; ".join(declared.blockers)),
            ("Success", "; ".join(declared.success_markers)),
            ("Detours", "; ".join(declared.detours)),
        )
        form = runs.runs.level_form(OBJECTIVE, [value])
        note = f"CLV {form.level(value.value)} {form.interval(value.low, value.high, is_difference=False)}" if value.n else ""
        records = (record_of(f"persona[{name}]", share), record_of(f"{OBJECTIVE} of {name}", value))
        shown = tuple((label, text) for label, text in motives if text)
        cards.append(
            PersonaCard(declared.title or title_case(name), whole_share(share.value), shown, note.strip(), persona_color(i), records)
        )
    is_trivial = len(cards) == 1 and not cards[0].motives
    return () if is_trivial else tuple(cards)

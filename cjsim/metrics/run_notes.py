"""Notes shown beside the numbers of a run that could mislead: dependent customers, a changed firm, a sample of the firm."""

from collections.abc import Mapping, Sequence
from typing import Any

from cjsim.compiler.fixed_costs import CREATIVE, PLATFORM, SETUP
from cjsim.engine.replications import DEFAULT_REPLICATIONS, customers_affect_each_other
from cjsim.engine.run_record import RunRecord
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.replicated_estimates import PredictionInterval

_KEEP_FIRM = "Omit `customers` to keep the firm."
_COST_NAMES = {PLATFORM: "platform", CREATIVE: "creative work", SETUP: "setup"}


def run_notes(run: RunRecord) -> list[str]:
    """Return the facts that a reader of a run's metrics must know, each in one or a few sentences.

    Parameters
    ----------
    run : RunRecord
        The run; with several replications, the first one.

    Returns
    -------
    list of str
    """
    origin = run.provenance
    notes = narrow_interval_notes(run)
    is_smaller = origin.firm_customers is not None and origin.customers < origin.firm_customers
    remedy = "To simulate a share of the same firm, use `sample`." if is_smaller else _KEEP_FIRM
    notes += [f"{note} {remedy}" for note in _changed_firm_notes(run)]
    if origin.sample is not None:
        share = f"{100 * origin.sample:g} %"
        notes.append(f"A sample of {share} of the firm's customers: totals are scaled up to the whole firm, n counts simulated customers.")
    return [*notes, *origin.sample_notes]


def comparison_notes(runs: Sequence[RunRecord]) -> list[str]:
    """Return the notes of compared runs, without duplicates. Only the note on narrow intervals can come from a run other than the first.

    Parameters
    ----------
    runs : sequence of RunRecord
        The runs; the first is the baseline.

    Returns
    -------
    list of str
    """
    narrow = [note for run in runs for note in narrow_interval_notes(run)]
    return list(dict.fromkeys([*narrow[:1], *run_notes(runs[0])]))


def narrow_interval_notes(run: RunRecord) -> list[str]:
    """Return a note if customers affected each other in a run, which makes intervals from this run alone too narrow.

    Parameters
    ----------
    run : RunRecord
        The run.

    Returns
    -------
    list of str
        One note, or none.
    """
    if run.provenance.replications > 1 or not run.provenance.shared or not customers_affect_each_other(run):
        return []
    shared = " and ".join(run.provenance.shared)
    return [
        f"The intervals are too narrow: customers share {shared}, so they are not independent, but this single run treats them as if they"
        f" were. Use `replications` of {DEFAULT_REPLICATIONS} or more."
    ]


def firm_notes(run: RunRecord) -> list[str]:
    """Return a note if `customers` changed the number of initial customers but left the rest of the firm unchanged.

    Parameters
    ----------
    run : RunRecord
        A run that was simulated without `sample`.

    Returns
    -------
    list of str
        One note, or none.
    """
    return [f"{note} {_KEEP_FIRM}" for note in _changed_firm_notes(run)]


def _changed_firm_notes(run: RunRecord) -> list[str]:
    origin = run.provenance
    if origin.firm_customers is None or origin.sample is not None:
        return []
    costs = _costs_of_the_firm(run)
    unchanged = [f"the {run.registry.n_arrived:,} arrivals"] if run.codebook.acquisition else []
    unchanged += [f"the {origin.existing:,} existing customers"] if origin.existing else []
    unchanged += [*costs, *(f"the {name}" for name in origin.shared)]
    if not unchanged:
        return []
    bears = "bears more" if origin.customers < origin.firm_customers else "bears less"
    borne = f" Each customer {bears} of these costs, so a policy that pays in one firm may not pay in the other." if costs else ""
    return [
        f"This is not the scenario's firm: `customers` changed the number of initial customers from {origin.firm_customers:,} to"
        f" {origin.customers:,}, while {_listed(unchanged)} stay the same.{borne}"
    ]


def _costs_of_the_firm(run: RunRecord) -> list[str]:
    """Name the costs that do not depend on the number of customers."""
    fixed = [_COST_NAMES[kind] for kind, cost in run.fixed_costs.items() if cost.paid or cost.worth]
    costs = ["the acquisition spend"] if any(run.provenance.spend.values()) else []
    costs += [f"the fixed costs ({', '.join(fixed)})"] if fixed else []
    return [*costs, "the wages"] if any(one.paid or one.worth for one in run.wages.values()) else costs


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def metric_records(metrics: Mapping[str, MetricEstimate], predictions: Mapping[str, PredictionInterval]) -> dict[str, dict[str, Any]]:
    """Return metrics as plain dictionaries by name, with the prediction intervals if there are any.

    Parameters
    ----------
    metrics : Mapping of str to MetricEstimate
        The metrics.
    predictions : Mapping of str to PredictionInterval
        Their prediction intervals; empty without replications.
    """
    return {name: metric._asdict() | prediction_record(predictions.get(name)) for name, metric in metrics.items()}


def prediction_record(prediction: PredictionInterval | None) -> dict[str, float]:
    """Return a prediction interval as a dictionary with `prediction_low` and `prediction_high`; empty without one.

    Parameters
    ----------
    prediction : PredictionInterval or None
        The interval.
    """
    return {} if prediction is None else {"prediction_low": prediction.low, "prediction_high": prediction.high}

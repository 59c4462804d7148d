"""Notes that stand beside the numbers of a run where these could mislead: dependent customers, a changed firm, a sample of the firm."""

from collections.abc import Mapping, Sequence
from typing import Any

from cjsim.engine.replications import DEFAULT_REPLICATIONS, customers_affect_each_other
from cjsim.engine.run_record import RunRecord
from cjsim.metrics.confidence_intervals import MetricEstimate
from cjsim.metrics.replicated_estimates import PredictionInterval


def run_notes(run: RunRecord) -> list[str]:
    """Return what a reader of the metrics of a run must know, one sentence or a few for each fact.

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
    if origin.firm_customers is not None and origin.sample is None:
        notes += _changed_firm_notes(run, origin.firm_customers)
    if origin.sample is not None:
        share = f"{100 * origin.sample:g} %"
        notes.append(f"A sample of {share} of the firm's customers: totals are scaled up to the whole firm, n counts simulated customers.")
    return [*notes, *origin.sample_notes]


def comparison_notes(runs: Sequence[RunRecord]) -> list[str]:
    """Return the notes of compared runs, each once; the notes on staff are those of the first run.

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
    """Return a note if customers affected each other in a run, so that intervals from this run alone are too narrow.

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


def _changed_firm_notes(run: RunRecord, firm_customers: int) -> list[str]:
    """Describe what `customers` changed and what it left as it was, if the scenario has more than initial customers."""
    origin = run.provenance
    arrivals = f"the {run.registry.n_arrived:,} arrivals" if run.codebook.acquisition else ""
    spend = "the acquisition spend" if any(origin.spend.values()) else ""
    unchanged = [part for part in (arrivals, spend, *(f"the {name}" for name in origin.shared)) if part]
    if not unchanged:
        return []
    listed = unchanged[0] if len(unchanged) == 1 else f"{', '.join(unchanged[:-1])} and {unchanged[-1]}"
    return [
        f"This is not the scenario's firm: `customers` changed the number of initial customers from {firm_customers:,} to"
        f" {origin.customers:,}, while {listed} stay the same. To simulate a share of the same firm, use `sample`."
    ]


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

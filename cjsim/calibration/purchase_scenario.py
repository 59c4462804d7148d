"""Scenario files for a fitted purchase model: a journey, an empty policy, a scenario, entry dates, and parameter draws.

The journey expresses BG/NBD as follows. The clock of `purchase` is exponential with a gamma-distributed speed. After each repeat purchase,
a `choose` effect moves the customer to `gone` with a beta-distributed probability. The first purchase is a separate event at entry, after
which no customer drops out. The count of `purchase` is therefore the number of repeat purchases. As in the fit, time is measured from the
day of the first purchase to the last day of the log.
"""

import csv
import os
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cjsim.calibration.bgnbd import BgNbd
from cjsim.calibration.gamma_gamma import GammaGamma
from cjsim.calibration.maximum_likelihood import FloatArray, LikelihoodFit, ParameterEstimate
from cjsim.calibration.model_selection import FittedSpend, FittedTiming
from cjsim.calibration.nbd import Nbd
from cjsim.compiler.entry_file import IDENTIFIER
from cjsim.errors import InputError, format_error
from cjsim.escaping.terminal_text import printable
from cjsim.purchase_logs.purchase_log import PurchaseHistories
from cjsim.scenario.kinds.amount_laws import GammaMoney, LognormalMoney
from cjsim.scenario.kinds.trait_laws import BetaTerms
from cjsim.table_files import csv_text
from cjsim.yaml.strict_model import StrictModel

_N_DRAWS, _TRAITS_PATH = 200, "journey.traits"
_MEAN_WAIT = {"day": "1d", "week": "1w"}


class CalibrationSource(NamedTuple):
    """Source of a calibration: file name of the log, its dates, and the unit of time."""

    source: str
    start: date
    until: date
    end: date
    unit: str


def scenario_files(timing: FittedTiming, spend: FittedSpend, histories: PurchaseHistories, origin: CalibrationSource) -> dict[str, str]:
    """Return the contents of `journey.yaml`, `policy.yaml`, `scenario.yaml`, `entries.csv` and `draws.csv`.

    Parameters
    ----------
    timing, spend : FittedTiming, FittedSpend
        Fitted models of purchase times and spend.
    histories : PurchaseHistories
        Histories of the customers, who enter on the day of their first purchase.
    origin : CalibrationSource
        Source of the calibration.

    Returns
    -------
    dict of str to str
        Contents keyed by file name.
    """
    import pandas as pd

    head = f"# Written by cjsim calibrate purchases from {printable(' '.join(origin.source.split()))}, {origin.start} to {origin.until}.\n"
    rng = np.random.default_rng(1)  # the same fit gives the same draws
    return {
        "journey.yaml": head + _journey_yaml(timing, spend, origin),
        "policy.yaml": head + "# Touchpoints in addition to those in place when the log was recorded: none yet.\nname: nothing_new\n",
        "scenario.yaml": head + _scenario_yaml(len(histories.customer_ids), origin),
        # Row n is customer n of the simulation, so the log can be joined to its results.
        "entries.csv": _entries_csv(histories),
        # One draw per row and one column per path, for the `draws` of a study.
        "draws.csv": csv_text(pd.DataFrame(_timing_columns(timing, rng) | _spend_columns(spend, rng))),
    }


def _entries_csv(histories: PurchaseHistories) -> str:
    """Return the entry dates with the customer IDs exactly as in the log, even if they look like formulas."""
    import pandas as pd

    table = pd.DataFrame({"entered": histories.first_day.astype(str), IDENTIFIER: histories.customer_ids})
    return str(table.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))  # quotes carriage returns, too


def require_loadable_scenario(folder: Path, source: str) -> None:
    """Load the scenario in a folder, and raise if it cannot be simulated.

    Parameters
    ----------
    folder : Path
        Folder with the files of `scenario_files`.
    source : str
        File name of the log, for the message.

    Raises
    ------
    InputError
        If the log leads to values that a scenario must not have, such as amounts above 1e12.
    """
    from cjsim.simulation.documents import Scenario

    try:
        Scenario.load(folder / "scenario.yaml")
    except InputError as error:
        reason = error.errors[0].replace(f"{folder}{os.sep}", "").rstrip(".")
        must, remedy = "must give a scenario that can be simulated", "Check the dates and amounts of the log."
        raise InputError(format_error(source, must, f"one that is invalid ({reason})", remedy)) from None


def _timing_columns(timing: FittedTiming, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Draw the parameters of the timing model, keyed by path; each array has shape (n_draws,)."""
    r, alpha, *dropout = timing.fit.draw_parameters(_N_DRAWS, rng).T
    shape = _within_bounds(r, GammaMoney, "shape")
    columns = {f"{_TRAITS_PATH}.rate.gamma.mean": _within_bounds(r / alpha, GammaMoney, "mean"), f"{_TRAITS_PATH}.rate.gamma.shape": shape}
    return columns | {
        f"{_TRAITS_PATH}.dropout.beta.{name}": _within_bounds(column, BetaTerms, name)
        for name, column in zip(("alpha", "beta"), dropout, strict=False)
    }


def _spend_columns(spend: FittedSpend, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Draw the parameters of the spend model, keyed by path. Both events use the same distribution."""
    first, second, *rate = spend.fit.draw_parameters(_N_DRAWS, rng).T
    values = [f"journey.events.{name}.effects[0].purchase.value" for name in ("first_purchase", "purchase")]
    if isinstance(spend.model, GammaGamma):
        shape = _within_bounds(first, GammaMoney, "shape")
        nu = {"mean": _within_bounds(second / rate[0], GammaMoney, "mean"), "shape": _within_bounds(second, GammaMoney, "shape")}
        money = {f"{path}.gamma.{name}": shape for path in values for name in ("mean", "shape")}
        return money | {f"{_TRAITS_PATH}.nu.gamma.{name}": column for name, column in nu.items()}
    if spend.model.sigma > 0:
        parameters = {name: _within_bounds(column, LognormalMoney, name) for name, column in (("median", first), ("sigma", second))}
        return {f"{path}.lognormal.{name}": column for path in values for name, column in parameters.items()}
    return dict.fromkeys(values, first)


def _within_bounds(values: FloatArray, terms: type[StrictModel], name: str) -> FloatArray:
    """Clip draws to the bounds of a scenario's field. If the log barely determines a parameter, its draws may lie outside them."""
    low, high = (
        next((getattr(bound, key) for bound in terms.model_fields[name].metadata if hasattr(bound, key)), None) for key in ("ge", "le")
    )
    return np.clip(values, low, high)


def _journey_yaml(timing: FittedTiming, spend: FittedSpend, origin: CalibrationSource) -> str:
    has_dropout = isinstance(timing.model, BgNbd)
    model = "BG/NBD (Fader, Hardie, Lee 2005)" if has_dropout else "NBD (without dropout, which the log does not identify)"
    traits = _rate_trait(timing.model, timing.fit, origin.unit)
    if isinstance(timing.model, BgNbd):
        traits += _dropout_trait(timing.model, timing.fit)
    if isinstance(spend.model, GammaGamma):
        traits += _spend_trait(spend.model, spend.fit)
    purchase = "\n".join(["      - purchase:", *(f"          {line}" for line in _purchase_value_lines(spend))])
    choose = (
        "\n      - choose:  # after each repeat purchase, the customer leaves with a customer-specific probability\n"
        "          - {weight: dropout, effects: [{go: gone}]}\n"
        "          - {weight: 1-dropout}"
    )
    return f"""# Purchases: {model}. Money: {spend.model.title}. [low, high]: 95 % profile likelihood; "open": not determined by the data.
# The margin is 1, so money means revenue. Add your margin next to each `value`.
name: calibrated
title: Repeat purchases in {_yaml_safe_name(origin.source)}
starts_in: new
traits:
{traits}stages:
  new: {{title: First purchase, retained: true}}
  active: {{title: Active buyer, retained: true}}
{"  gone: {title: Inactive (not observed by the firm), observed: false}" + chr(10) if has_dropout else ""}events:
  first_purchase:
    in: [new]
    wait: {{fixed: 0s}}
    effects:
{purchase}
      - go: active
  purchase:
    title: Repeat purchase
    in: [active]
    wait: {{exponential: {_MEAN_WAIT[origin.unit]}}}
    speed: [rate]
    effects:
{purchase}{choose if has_dropout else ""}
"""


def _purchase_value_lines(spend: FittedSpend) -> list[str]:
    """Return the YAML lines for the amount of a purchase."""
    model, estimates = spend.model, spend.fit.estimates
    if isinstance(model, GammaGamma):
        return [f"value: {{gamma: {{mean: {model.p!r}, shape: {model.p!r}}}}}  # p = {_format_estimate(estimates['p'])}", 'times: ["1/nu"]']
    comment = ", ".join(f"{name} = {_format_estimate(estimate)}" for name, estimate in estimates.items())
    value = f"{{lognormal: {{median: {model.median!r}, sigma: {model.sigma!r}}}}}" if model.sigma > 0 else repr(model.median)
    return [f"value: {value}  # {comment}"]


def _rate_trait(timing: BgNbd | Nbd, fit: LikelihoodFit, unit: str) -> str:
    r, alpha = fit.estimates["r"], fit.estimates["alpha"]
    return f"""  rate:  # purchases per {unit}: gamma, shape r = {_format_estimate(r)}, rate alpha = {_format_estimate(alpha)}, mean r/alpha
    gamma: {{mean: {timing.r / timing.alpha!r}, shape: {timing.r!r}}}
"""


def _dropout_trait(timing: BgNbd, fit: LikelihoodFit) -> str:
    a, b = fit.estimates["a"], fit.estimates["b"]
    return f"""  dropout:  # probability of leaving after a repeat purchase: beta, a = {_format_estimate(a)}, b = {_format_estimate(b)}
    beta: {{alpha: {timing.a!r}, beta: {timing.b!r}}}
"""


def _spend_trait(spend: GammaGamma, fit: LikelihoodFit) -> str:
    q, v = _format_estimate(fit.estimates["q"]), _format_estimate(fit.estimates["v"])
    return f"""  nu:  # spend per purchase is gamma with shape p and rate nu; nu itself is gamma with shape q = {q}, rate v = {v}, mean q/v
    gamma: {{mean: {spend.q / spend.v!r}, shape: {spend.q!r}}}
"""


def _scenario_yaml(customers: int, origin: CalibrationSource) -> str:
    days = (origin.end - origin.start).days + 1
    return f"""# Customers whose first purchase was by {origin.until}, each from the day of that purchase to the end of {origin.end}.
name: calibrated
title: Customers in {_yaml_safe_name(origin.source)} from their first purchase onward
journey: journey.yaml
policy: policy.yaml
customers: {customers}
entry: {{file: entries.csv}}
start: {origin.start}
horizon: {days}d
"""


def _format_estimate(estimate: ParameterEstimate) -> str:
    low, high = ("open" if end is None else f"{end:.4g}" for end in (estimate.low, estimate.high))
    return f"{estimate.value:.6g} [{low}, {high}]"


def _yaml_safe_name(source: str) -> str:
    """Return the file name with underscores in place of characters that a plain YAML value must not contain."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in source)

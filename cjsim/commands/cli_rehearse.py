"""The `rehearse` command: an A/B test, rehearsed thousands of times on simulated customers."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cjsim.commands import options
from cjsim.commands.arguments import load_scenarios, parse_set_options, print_compared_warnings
from cjsim.commands.console import output_folder, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error, short_repr

if TYPE_CHECKING:
    from cjsim.rehearsal.ramp.rollout_phases import Ramp
    from cjsim.rehearsal.rehearsal_settings import Guardrail

Number = TypeVar("Number", int, float)
_METRIC_HELP = "Metric of the test, such as clv or open_rate."
_DAYS_HELP = "Number of days over which outcomes are counted, from the trigger, from entry or from the date given in --from."
_TRIGGER_HELP = "Enroll customers at the first occurrence of this event after entry, or on or after the date of --from."
_GUARDRAIL_HELP = "Metric that must not get worse by MARGIN or more, such as 0.01 or 5%. Default: 5% of its baseline after --days."
_RAMP_HELP = "Share under the alternative, by days since the test opened, such as 0d=5%,7d=20%. Replaces --share."
_FROM_HELP = "When the alternative takes effect: at entry, or on a given date, for customers who entered before it."
_RUNS_RULE = {"allowed": range(2, 1_000_001), "must": "must be from 2 to 1,000,000", "remedy": "Use a value such as 2000."}


@with_exit_codes
def rehearse(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Baseline scenario.", show_default=False)],
    others: Annotated[list[Path], typer.Argument(metavar="ALTERNATIVE...", help="Scenarios to test.", show_default=False)],
    metric: Annotated[str, typer.Option("--metric", metavar="M", help=_METRIC_HELP, show_default=False)],
    sizes: Annotated[str, typer.Option("--sizes", metavar="N,N", help="Total number of customers in both arms.", show_default=False)],
    days: Annotated[str, typer.Option("--days", metavar="D,D", help=_DAYS_HELP, show_default=False)],
    share: Annotated[str, typer.Option("--share", metavar="SHARE", help="Share of customers under the alternative.")] = "0.5",
    ramp: Annotated[str | None, typer.Option("--ramp", metavar="DAY=SHARE,...", help=_RAMP_HELP)] = None,
    enroll: Annotated[
        str | None, typer.Option("--enroll", metavar="RATE", help="Customers who enroll per day; shows how long each test takes.")
    ] = None,
    trigger: Annotated[
        str | None,
        typer.Option("--trigger", metavar="EVENT", help=_TRIGGER_HELP),
    ] = None,
    starts: Annotated[str, typer.Option("--from", metavar="entry|DATE", help=_FROM_HELP)] = "entry",
    guardrails: Annotated[list[str] | None, typer.Option("--guardrail", metavar="M2[=MARGIN]", help=_GUARDRAIL_HELP)] = None,
    runs: Annotated[int, options.number_option("--runs", "N", "Rehearsals per design.", example=2000, **_RUNS_RULE)] = 2000,
    customers: options.Customers = None,
    seed: options.Seed = None,
    sets: options.Set = None,
    out: options.Out = None,
    force: options.Force = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Rehearse tests of alternatives against BASE: power, false positives, and the cost of wrong decisions.

    If customers share desks or message budgets, or refer friends, the test is simulated with both arms in one population, and its bias from
    interference is reported.

    Example: cjsim rehearse shop shop_better --metric clv --sizes 2000,10000 --days 28
    """
    values = parse_set_options(None, customers=customers, seed=seed) | parse_set_options(sets)
    scenarios = load_scenarios([base, *others], values, where="rehearse")
    print_compared_warnings(zip((base, *others), scenarios.values(), strict=True))
    (_, baseline), *alternatives = scenarios.items()
    with output_folder(out, command="rehearse", force=force) as folder, progress_bar() as progress:
        from cjsim.rehearsal.rehearsal_settings import RehearsalSettings
        from cjsim.rehearsal.rehearse import rehearse as rehearse_tests

        settings = RehearsalSettings(
            runs=runs,
            trigger=trigger,
            guardrails=tuple(_guardrail(text) for text in guardrails or ()),
            starts_on=_start_date(starts),
            ramp=None if ramp is None else _ramp(ramp),
            enroll_per_day=None if enroll is None else _number("--enroll", enroll, "500"),
        )
        result = rehearse_tests(
            baseline,
            dict(alternatives),
            metric=metric,
            sizes=_numbers("--sizes", sizes, int, "2000,10000"),
            days=_numbers("--days", days, float, "14,28"),
            share=_share(share),
            settings=settings,
            progress=progress,
        )
        if folder is not None:
            result.save(folder)
    print_result(result, as_json=as_json, table_format=table_format)


def _numbers(option: str, text: str, kind: Callable[[str], Number], example: str) -> Sequence[Number]:
    """Parse numbers separated by commas."""
    try:
        return [kind(part.strip().removesuffix("d") if option == "--days" else part) for part in text.split(",")]
    except ValueError:
        must = f"must be {'whole numbers' if kind is int else 'numbers'} separated by commas"
        raise InputError(format_error(option, must, short_repr(text), f"Use a value such as {example}.")) from None


def _number(option: str, text: str, example: str) -> float:
    """Parse one number."""
    try:
        return float(text)
    except ValueError:
        raise InputError(format_error(option, "must be one number", short_repr(text), f"Use a value such as {example}.")) from None


def _fraction(text: str) -> float:
    """Parse a fraction such as 0.2 or a percentage such as 20%."""
    text = text.strip()
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)


def _share(text: str) -> float:
    """Parse the share of customers under the alternative."""
    try:
        return _fraction(text)
    except ValueError:
        must = "must be one fraction or percentage"
        raise InputError(
            format_error("--share", must, short_repr(text), "Use a value such as 0.5 or 50%, or --ramp for several.")
        ) from None


def _start_date(text: str) -> date | None:
    """Parse 'entry' or a date."""
    if text == "entry":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(format_error("--from", "must be 'entry' or a date", short_repr(text), "Use a date such as 2026-03-01.")) from None


def _ramp(text: str) -> "Ramp":
    """Parse DAY=SHARE pairs separated by commas, such as 0d=5%,7d=20%."""
    from cjsim.rehearsal.ramp.rollout_phases import Ramp, RolloutPhase
    from cjsim.scenario.fields import parse_duration

    phases = []
    for part in text.split(","):
        day, _, share = part.strip().partition("=")
        try:
            phases.append(RolloutPhase(float(parse_duration(day)), _fraction(share)))
        except ValueError:
            must, remedy = "must be DAY=SHARE pairs separated by commas", "Use a value such as 0d=5%,7d=20%,14d=50%."
            raise InputError(format_error("--ramp", must, short_repr(part), remedy)) from None
    return Ramp(tuple(phases))


def _guardrail(text: str) -> "Guardrail":
    """Parse METRIC, METRIC=MARGIN or METRIC=PERCENT of the baseline."""
    from cjsim.rehearsal.rehearsal_settings import Guardrail, is_higher_better

    metric, equals, margin = text.partition("=")
    try:
        is_better = is_higher_better(metric)
        if margin.strip().endswith("%"):
            return Guardrail(metric, higher_is_better=is_better, relative_margin=_fraction(margin))
        return Guardrail(metric, float(margin) if equals else None, higher_is_better=is_better)
    except ValueError:
        must = "must be METRIC=MARGIN with a finite margin above 0"
        remedy = "Give the smallest unacceptable loss, such as opt_outs=0.01 or opt_outs=5%."
        raise InputError(format_error("--guardrail", must, short_repr(text), remedy)) from None

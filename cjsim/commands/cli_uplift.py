"""The `uplift` command, which reads a trial."""

import re
from pathlib import Path
from typing import Annotated

import typer

from cjsim.commands import options
from cjsim.commands.console import echo_message, output_folder, print_result, progress_bar, with_exit_codes
from cjsim.errors import InputError, format_error, short_repr
from cjsim.output_folder import require_new_file

_TREATMENT_HELP = "Column with the assigned arm."
_OUTCOME_HELP = "Columns with outcomes after the assignment."
_FEATURES_HELP = (
    "Columns measured before assignment. By default, all columns that no other option names, except identifiers, dates, constants "
    "and, in a trial.csv from 'cjsim simulate --trial', the other outcomes."
)
_VALUE_HELP = "Value of one unit of the outcome, such as the margin of an order."
_COST_HELP = "Cost of treating one customer, in the unit of --value."
_PROPENSITY_HELP = "Column with the probability of the treated arm, or a column per arm, or 'estimate' for observational data."
_LEARNERS_HELP = "Learners, such as DR,T,'T trees'. The first one decides whether heterogeneity is proven."
_RULE_FILE_HELP = "Write the proposed rule to this JSON file, for 'rules' in a policy. Without a proposed rule, the command fails."
_RULE_HELP = "With --export-rule: write another personalized policy, such as 'gain above cost: mail'."


@with_exit_codes
def uplift(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="CSV or Parquet file, one row per unit.", show_default=False)],
    treatment: Annotated[str, typer.Option("--treatment", metavar="COL", help=_TREATMENT_HELP, show_default=False)],
    outcome: Annotated[str, typer.Option("--outcome", metavar="COL[,COL]", help=_OUTCOME_HELP, show_default=False)],
    control: Annotated[
        str | None,
        typer.Option("--control", metavar="VALUE", help="Label of the control arm; inferred if exactly one label looks like a control."),
    ] = None,
    features: Annotated[str | None, typer.Option("--features", metavar="A,B", help=_FEATURES_HELP)] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="COL", help="Column with the cluster, for clustered standard errors.")
    ] = None,
    value: Annotated[str | None, typer.Option("--value", metavar="V|OUTCOME=V,...", help=_VALUE_HELP)] = None,
    cost: Annotated[str | None, typer.Option("--cost", metavar="C|ARM=C,...", help=_COST_HELP)] = None,
    propensity: Annotated[str | None, typer.Option("--propensity", metavar="COL|ARM=COL,...|estimate", help=_PROPENSITY_HELP)] = None,
    received: Annotated[
        str | None, typer.Option("--received", metavar="COL", help="Column with the treatment that was actually received.")
    ] = None,
    shares: Annotated[str | None, typer.Option("--shares", metavar="ARM=SHARE,...", help="Planned shares of the arms.")] = None,
    max_share: Annotated[str, typer.Option("--max-share", metavar="SHARE", help="Largest share of customers to treat.")] = "1",
    adjust: Annotated[
        str | None, typer.Option("--adjust", metavar="A,B", help="Adjust effects for these columns, measured before assignment.")
    ] = None,
    cuped: Annotated[bool, typer.Option("--cuped", help="With --adjust: CUPED rather than regression with interactions.")] = False,
    detect: Annotated[
        str | None,
        typer.Option("--detect", metavar="EFFECT", help="Print the size of a test that detects this effect, such as 0.01 or 10%."),
    ] = None,
    learners: Annotated[str | None, typer.Option("--learners", metavar="NAME,...", help=_LEARNERS_HELP)] = None,
    splits: Annotated[
        int | None,
        options.number_option(
            "--splits", "K", "Folds of the heterogeneity test.", example=5, allowed=range(2, 101), must="must be from 2 to 100"
        ),
    ] = None,
    draws: Annotated[
        int,
        options.number_option("--draws", "N", "Bootstrap draws.", example=200, allowed=range(2, 100_001), must="must be from 2 to 100,000"),
    ] = 200,
    seed: Annotated[
        int,
        options.number_option(
            "--seed",
            "S",
            "Random seed for folds, models and draws.",
            example=7,
            allowed=range(2**32),
            must="must be from 0 to 2**32 - 1",
            remedy="Use a number such as 7.",
        ),
    ] = 1,
    rule_file: Annotated[Path | None, typer.Option("--export-rule", metavar="FILE", help=_RULE_FILE_HELP)] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="POLICY", help=_RULE_HELP)] = None,
    out: options.Out = None,
    force: Annotated[bool, typer.Option("--force", help="Replace earlier results in the --out folder, and an existing rule file.")] = False,
    as_json: options.Json = False,
    table_format: options.Format = None,
) -> None:
    """Analyze a trial: check its validity, estimate effects, and find whom to treat.

    With --propensity, the data may be observational. `cjsim simulate --trial` writes such data.

    Example: cjsim uplift trial.csv --treatment arm --control control --outcome revenue
    """
    if rule is not None and rule_file is None:
        raise InputError(format_error("--rule", "must be given with --export-rule", "no --export-rule", "Add --export-rule FILE."))
    if cuped and adjust is None:
        raise InputError(format_error("--cuped", "must be used with --adjust", "no --adjust", "Add --adjust COL."))
    if rule_file is not None and not force:
        require_new_file(rule_file, argument="rule_file")
    with output_folder(out, command="uplift", force=force) as folder, progress_bar() as progress:
        from cjsim.readout.readout_settings import ReadoutSettings
        from cjsim.readout.uplift_readout import uplift as read_uplift

        settings = ReadoutSettings(
            value=None if value is None else _amount("--value", value),
            cost=0.0 if cost is None else _amount("--cost", cost),
            max_share=_number("--max-share", max_share),
            adjust=_names("--adjust", adjust) or (),
            adjustment="cuped" if cuped else "regression",
            detect=detect,
            learners=_names("--learners", learners),
            splits=splits,
            draws=draws,
            seed=seed,
        )
        readout = read_uplift(
            data,
            treatment=treatment,
            outcome=_names("--outcome", outcome) or (),
            control=control,
            features=_names("--features", features),
            cluster=cluster,
            propensity=propensity if propensity is None or "=" not in propensity else _pairs("--propensity", propensity),
            received=received,
            shares=None if shares is None else {name: _number("--shares", text) for name, text in _pairs("--shares", shares).items()},
            settings=settings,
            progress=progress,
        )
        if folder is not None:
            readout.save(folder)
    print_result(readout, as_json=as_json, table_format=table_format)
    if rule_file is not None:
        readout.rule(policy=rule).save(rule_file)
        echo_message(f"{rule_file}: wrote the rule")


def _names(option: str, text: str | None) -> tuple[str, ...] | None:
    """Return the names in a list separated by commas; None if the option is omitted."""
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise InputError(format_error(option, "must be names separated by commas", short_repr(text), "Use names such as a,b."))
    return names


def _amount(option: str, text: str) -> float | dict[str, float]:
    """Return a number, or numbers by name from a list such as A=1,B=2."""
    if "=" not in text:
        return _number(option, text)
    return {name: _number(option, number) for name, number in _pairs(option, text).items()}


def _pairs(option: str, text: str) -> dict[str, str]:
    """Return the values by name in a list such as A=1,B=2."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and sign and value.strip() for name, sign, value in pairs):
        raise InputError(format_error(option, "must be a list such as A=1,B=2", short_repr(text), "Give each name a value."))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _number(option: str, text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text.strip(), re.IGNORECASE):
        raise InputError(format_error(option, "must be a number", short_repr(text), "Use a value such as 0.5."))
    return float(text)

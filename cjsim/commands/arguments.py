"""Command-line options and their parsing: numbers, PATH=VALUE settings, and the files that users name."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjsim.errors import InputError, did_you_mean, format_error, quote_choices, short_repr

if TYPE_CHECKING:
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Scenario
    from cjsim.tuning.study import Study
    from cjsim.yaml.document import Document
    from cjsim.yaml.tree import Node

ENGINE_NAMES = ("compiled", "readable")
# Settings that both sides of a comparison must share, because they determine the customers and the days.
SHARED_SETTINGS = ("seed", "customers", "horizon", "start", "entry")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A journey, a policy, a scenario or a study.", show_default=False)]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A value set otherwise; repeat for more.")]
# Numbers and choices are parsed from text, so that errors have the format of `format_error`.
CustomersOption = Annotated[str | None, typer.Option("--customers", metavar="N", help="Customers, instead of the scenario's.")]
MaxCustomersOption = Annotated[
    str | None,
    typer.Option("--max-customers", metavar="N", help="End a run in which there come to be more, by acquisition and referrals."),
]
SeedOption = Annotated[str | None, typer.Option("--seed", metavar="S", help="Seed, instead of the scenario's.")]
HorizonOption = Annotated[
    str | None, typer.Option("--horizon", metavar="DURATION", help="Horizon such as 180d, instead of the scenario's.")
]
EngineOption = Annotated[
    str, typer.Option("--engine", metavar="|".join(ENGINE_NAMES), help="Both give the same results; readable is slow.")
]
ThreadsOption = Annotated[str | None, typer.Option("--threads", metavar="N", help="Threads; all cores if not given.")]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
FullOption = Annotated[bool, typer.Option("--full", help="Print all metrics, also by stage and channel.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


def parse_set_options(sets: list[str] | None, **options: int | str | None) -> dict[str, Any]:
    """Values by path, from `--set` and from options that set a value."""
    from cjsim.yaml.tree import parse_value, to_tree

    values: dict[str, Any] = {}
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(format_error("--set", "must be PATH=VALUE", short_repr(text), "Write for example horizon=90d."))
        values[path.strip()] = parse_value(value, "--set")
    for name, option in options.items():
        if option is not None:
            values[name] = to_tree(option, f"--{name}")
    return values


def load_scenario(file: Path, values: dict[str, Any]) -> "Scenario":
    """Load a scenario and override values."""
    from cjsim.simulation.documents import Scenario

    root, model = _read_document_tree(file)
    if model is not Scenario:
        raise InputError(format_error(str(file), "must be a scenario", f"a {document_kind(model)}", "Name a scenario that uses it."))
    scenario = Scenario.from_tree(root)
    return scenario.with_values(values) if values else scenario


def document_types() -> "dict[str, type[Document]]":
    """The document types by kind, such as 'journey'."""
    from cjsim.lab.experiment import Experiment
    from cjsim.simulation.documents import Journey, Policy, Scenario
    from cjsim.tuning.study import Study

    return {document_kind(model): model for model in (Scenario, Journey, Policy, Study, Experiment)}


def load_study(file: Path, values: dict[str, Any]) -> "Study":
    """Load a study and override values."""
    from cjsim.tuning.study import Study

    root, model = _read_document_tree(file)
    if model is not Study:
        remedy = "Name a file that has 'scenario', 'free' and 'objectives'."
        raise InputError(format_error(str(file), "must be a study", f"a {document_kind(model)}", remedy))
    study = Study.from_tree(root)
    return study.with_values(values) if values else study


def load_experiment(file: Path, values: dict[str, Any]) -> "Experiment":
    """Load an experiment and override values."""
    from cjsim.lab.experiment import Experiment

    root, model = _read_document_tree(file)
    if model is not Experiment:
        remedy = "Name a file that has 'hypothesis', 'scenario' and 'variants'."
        raise InputError(format_error(str(file), "must be an experiment", f"a {document_kind(model)}", remedy))
    experiment = Experiment.from_tree(root)
    return experiment.with_values(values) if values else experiment


def load_document(file: Path, sets: list[str] | None) -> "Document":
    """Load a document of any kind and override values."""
    root, model = _read_document_tree(file)
    document, values = model.from_tree(root), parse_set_options(sets)
    return document.with_values(values) if values else document


def _read_document_tree(file: Path) -> "tuple[Node, type[Document]]":
    """The tree of a file and its document type, which its keys determine."""
    from cjsim.yaml.extends import load_tree

    models = tuple(document_types().values())
    chosen: list[type[Document]] = []

    def choose_type(keys: Any) -> type["Document"]:
        # The type with the most keys that only it has; a scenario if there are none.
        unique_keys = {
            model: set(model.model_fields) - {key for other in models if other is not model for key in other.model_fields}
            for model in models
        }
        best = max(models, key=lambda model: len(unique_keys[model] & set(keys)))
        chosen.append(best)
        return best

    root = load_tree(file, choose_type)
    return root, chosen[-1]


def document_kind(document_type: "type[Document]") -> str:
    """The kind of a document: 'journey', 'policy', 'scenario', 'study' or 'experiment'."""
    return document_type.__name__.lower()


def print_warnings(file: Path, document: "Document", printed_before: Collection[str] = ()) -> list[str]:
    """Print the warnings of a document, except those that were printed before, and return all of them."""
    warnings = find_warnings(document)
    for warning in warnings:
        if warning not in printed_before:
            typer.echo(f"{file}: warning: {warning}", err=True)
    return warnings


def find_warnings(document: "Document") -> list[str]:
    """Warnings about a document; those of its scenario, if it has one."""
    from cjsim.validate.lint import lint_warnings

    scenario = getattr(document, "scenario", None)
    if scenario is None:
        return lint_warnings(document)  # type: ignore[arg-type]
    return [f"scenario.{warning}" for warning in lint_warnings(scenario)]


def parse_integer_option(option: str, text: str | None, example: int) -> int | None:
    """The integer value of an option; None if it is not given."""
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip()):
        raise InputError(format_error(option, "must be a whole number", short_repr(text), f"Give a number such as {example}."))
    return int(text)


def parse_run_options(engine: str, threads: str | None, max_customers: str | None) -> dict[str, Any]:
    """The checked run options of `simulate` and `compare`."""
    if engine not in ENGINE_NAMES:
        must, remedy = f"must be one of {quote_choices(ENGINE_NAMES)}", did_you_mean(engine, ENGINE_NAMES) or "Name one of these."
        raise InputError(format_error("--engine", must, short_repr(engine), remedy))
    n_threads = parse_integer_option("--threads", threads, 4)
    limit = parse_integer_option("--max-customers", max_customers, 2_000_000)
    if n_threads is not None and not 1 <= n_threads <= 1024:
        raise InputError(format_error("--threads", "must be from 1 to 1024", f"{n_threads}", "Leave it out to use all cores."))
    if limit is not None and not 1 <= limit <= 100_000_000:
        remedy = "Leave it out to allow for 20 times the first customers."
        raise InputError(format_error("--max-customers", "must be from 1 to 100,000,000", f"{limit}", remedy))
    return {"engine": engine, "threads": n_threads, "max_customers": limit}


def parse_setting_options(customers: str | None, seed: str | None, horizon: str | None) -> dict[str, Any]:
    """Values by path, from the options for customers, seed and horizon."""
    return parse_set_options(
        None, customers=parse_integer_option("--customers", customers, 5000), seed=parse_integer_option("--seed", seed, 7), horizon=horizon
    )


def require_shared_settings(changes: dict[str, Any]) -> None:
    """Raise if `--set` would give one side of a comparison other customers or days."""
    for path in changes:
        name = re.split(r"[.\[]", path)[0].strip()
        if name in SHARED_SETTINGS:
            remedy = f"Give --{name}, which holds" if name in ("seed", "customers", "horizon") else "Set it in BASE: it must hold"
            must = "must change the journey or the policy alone, as both sides have the same customers and days"
            raise InputError(format_error("--set", must, short_repr(path), f"{remedy} for both."))


def label_scenarios(scenarios: "dict[Path, Scenario]") -> "dict[str, Scenario]":
    """Scenarios by name, file stem or path, whichever is the first that is unique."""
    for label in (lambda file: scenarios[file].name, lambda file: file.stem, str):
        labeled = {label(file): scenario for file, scenario in scenarios.items()}
        if len(labeled) == len(scenarios):
            return labeled
    raise AssertionError("paths differ")

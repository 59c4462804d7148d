"""What a user types: options and their types, numbers, PATH=VALUE, the files that are named.

Lives here: from text to values and records, with the messages of what is wrong. Does not live here: commands (cli.py), what is in a file
(model/).
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cjsim.errors import InputError, complaint, did_you_mean, one_of, shown

if TYPE_CHECKING:
    from cjsim.lab.experiment import Experiment
    from cjsim.model.document import Document
    from cjsim.model.scenario import Scenario
    from cjsim.model.source import Node
    from cjsim.tuning.study import Study

ENGINES = ("compiled", "readable")
# What customers there are, and which days they live: the same on both sides of a comparison.
SHARED = ("seed", "customers", "horizon", "start", "entry")

File = Annotated[Path, typer.Argument(metavar="FILE", help="A journey, a policy, a scenario or a study.", show_default=False)]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="A value set otherwise; repeat for more.")]
# Numbers and choices are taken as text: what we say of wrong ones is in house form.
Customers = Annotated[str | None, typer.Option("--customers", metavar="N", help="Customers, instead of the scenario's.")]
MaxCustomers = Annotated[
    str | None,
    typer.Option("--max-customers", metavar="N", help="End a run in which there come to be more, by acquisition and referrals."),
]
Seed = Annotated[str | None, typer.Option("--seed", metavar="S", help="Seed, instead of the scenario's.")]
Horizon = Annotated[str | None, typer.Option("--horizon", metavar="DURATION", help="Horizon such as 180d, instead of the scenario's.")]
EngineName = Annotated[str, typer.Option("--engine", metavar="|".join(ENGINES), help="Both give the same results; readable is slow.")]
Threads = Annotated[str | None, typer.Option("--threads", metavar="N", help="Threads; all cores if not given.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")]
Full = Annotated[bool, typer.Option("--full", help="Print all metrics, also by stage and channel.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")]


def values_of(sets: list[str] | None, **options: int | str | None) -> dict[str, Any]:
    """Nodes by path, from `--set` and from options that stand for a value."""
    from cjsim.model.source import parse_value, tree

    values: dict[str, Any] = {}
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise InputError(complaint("--set", "must be PATH=VALUE", shown(text), "Write for example horizon=90d."))
        values[path.strip()] = parse_value(value, "--set")
    for name, option in options.items():
        if option is not None:
            values[name] = tree(option, f"--{name}")
    return values


def scenario_in(file: Path, values: dict[str, Any]) -> "Scenario":
    """A scenario with values set otherwise."""
    from cjsim.model.scenario import Scenario

    root, model = _tree(file)
    if model is not Scenario:
        raise InputError(complaint(str(file), "must be a scenario", f"a {kind_of(model)}", "Name a scenario that uses it."))
    scenario = Scenario.from_tree(root)
    return scenario.with_values(values) if values else scenario


def kinds() -> "dict[str, type[Document]]":
    """What a file may hold, by what it is called."""
    from cjsim.lab.experiment import Experiment
    from cjsim.model.journey import Journey
    from cjsim.model.policy import Policy
    from cjsim.model.scenario import Scenario
    from cjsim.tuning.study import Study

    return {kind_of(model): model for model in (Scenario, Journey, Policy, Study, Experiment)}


def study_in(file: Path, values: dict[str, Any]) -> "Study":
    """A study with values set otherwise."""
    from cjsim.tuning.study import Study

    root, model = _tree(file)
    if model is not Study:
        remedy = "Name a file that has 'scenario', 'free' and 'objectives'."
        raise InputError(complaint(str(file), "must be a study", f"a {kind_of(model)}", remedy))
    study = Study.from_tree(root)
    return study.with_values(values) if values else study


def experiment_in(file: Path, values: dict[str, Any]) -> "Experiment":
    """An experiment with values set otherwise."""
    from cjsim.lab.experiment import Experiment

    root, model = _tree(file)
    if model is not Experiment:
        remedy = "Name a file that has 'hypothesis', 'scenario' and 'variants'."
        raise InputError(complaint(str(file), "must be an experiment", f"a {kind_of(model)}", remedy))
    asked = Experiment.from_tree(root)
    return asked.with_values(values) if values else asked


def any_document(file: Path, sets: list[str] | None) -> "Document":
    """Whatever a file holds, with values set otherwise."""
    root, model = _tree(file)
    record, values = model.from_tree(root), values_of(sets)
    return record.with_values(values) if values else record


def _tree(file: Path) -> "tuple[Node, type[Document]]":
    """What is in a file, and what kind of thing that is: its keys tell."""
    from cjsim.model.assemble import assembled

    models = tuple(kinds().values())
    found: list[type[Document]] = []

    def kind(keys: Any) -> type["Document"]:
        # The record that knows most of the keys that no two records share; a scenario if none does.
        own = {
            model: set(model.model_fields) - {key for other in models if other is not model for key in other.model_fields}
            for model in models
        }
        best = max(models, key=lambda model: len(own[model] & set(keys)))
        found.append(best)
        return best

    root = assembled(file, kind)
    return root, found[-1]


def kind_of(model: "type[Document]") -> str:
    """What a record is called: 'journey', 'policy', 'scenario', 'study', 'experiment'."""
    return model.__name__.lower()


def warn(file: Path, record: "Document", known: Collection[str] = ()) -> list[str]:
    """Say what looks like a mistake in a record, but for what is known already."""
    doubts = doubts_of(record)
    for doubt in doubts:
        if doubt not in known:
            typer.echo(f"{file}: warning: {doubt}", err=True)
    return doubts


def doubts_of(record: "Document") -> list[str]:
    """What looks like a mistake in a record; of one that has a scenario, in that."""
    from cjsim.model.mistakes import warnings

    scenario = getattr(record, "scenario", None)
    return warnings(record) if scenario is None else [f"scenario.{doubt}" for doubt in warnings(scenario)]  # type: ignore[arg-type]


def whole(option: str, text: str | None, example: int) -> int | None:
    """The whole number that an option gives."""
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,40}", text.strip()):
        raise InputError(complaint(option, "must be a whole number", shown(text), f"Give a number such as {example}."))
    return int(text)


def how_to_run(engine: str, threads: str | None, max_customers: str | None) -> dict[str, Any]:
    """How to run: options of `simulate` and `compare`, checked."""
    if engine not in ENGINES:
        must, remedy = f"must be one of {one_of(ENGINES)}", did_you_mean(engine, ENGINES) or "Name one of these."
        raise InputError(complaint("--engine", must, shown(engine), remedy))
    number, most = whole("--threads", threads, 4), whole("--max-customers", max_customers, 2_000_000)
    if number is not None and not 1 <= number <= 1024:
        raise InputError(complaint("--threads", "must be from 1 to 1024", f"{number}", "Leave it out to use all cores."))
    if most is not None and not 1 <= most <= 100_000_000:
        remedy = "Leave it out to allow for 20 times the first customers."
        raise InputError(complaint("--max-customers", "must be from 1 to 100,000,000", f"{most}", remedy))
    return {"engine": engine, "threads": number, "max_customers": most}


def values_of_options(customers: str | None, seed: str | None, horizon: str | None) -> dict[str, Any]:
    """What options say of customers and days, by path."""
    return values_of(None, customers=whole("--customers", customers, 5000), seed=whole("--seed", seed, 7), horizon=horizon)


def check_changes(changes: dict[str, Any]) -> None:
    """Raise where the other side of a comparison would have other customers or days."""
    for path in changes:
        name = re.split(r"[.\[]", path)[0].strip()
        if name in SHARED:
            remedy = f"Give --{name}, which holds" if name in ("seed", "customers", "horizon") else "Set it in BASE: it must hold"
            must = "must change the journey or the policy alone, as both sides have the same customers and days"
            raise InputError(complaint("--set", must, shown(path), f"{remedy} for both."))


def by_name(scenarios: "dict[Path, Scenario]") -> "dict[str, Scenario]":
    """Scenarios by the shortest of name, stem and path that tells them apart."""
    for label in (lambda file: scenarios[file].name, lambda file: file.stem, str):
        named = {label(file): scenario for file, scenario in scenarios.items()}
        if len(named) == len(scenarios):
            return named
    raise AssertionError("paths differ")

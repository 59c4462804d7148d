"""`describe` leaves nothing out: changing any value of a journey, policy or scenario changes the description."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from conftest import ROOT
from pydantic import BaseModel

from cjsim.description import describe as describe_module
from cjsim.description.describe import describe
from cjsim.simulation.documents import Scenario

WORLDS = ROOT / "tests" / "worlds"
SMALL = (
    *(WORLDS / f"{name}.yaml" for name in ("every_construct", "touchpoints")),
    ROOT / "configs" / "starter" / "scenarios" / "today.yaml",
)
LIBRARY = tuple(
    ROOT / "configs" / "scenarios" / f"{name}.yaml" for name in ("retail_holidays", "subscription_churn_offer", "saas_better", "b2b_better")
)
# Fields that a description need not contain, with the reason.
EXCEPTIONS = {
    "accept_warnings": "it changes no result, and `check` lists it",
    "stop": "it is always true",
    "learn_from": "it has no effect without 'best_hour'",
    "every_weeks": "it has no effect with 'dates' or 'days_of_month'",
    "machine_open_delay": "it has no effect without 'machine_opens'",
    "promised": "it has no effect without 'sla'",
    "every_months": "it has no effect with 'weekdays'",
}
Place = tuple[str | int, ...]


def records(node: Any, place: Place = (), schema: str = "") -> Iterator[tuple[Place, str, BaseModel]]:
    """All records in a record, with their places (attributes, keys and indices) and their paths in the schema (attributes)."""
    if isinstance(node, BaseModel):
        yield place, schema, node
        for name in type(node).model_fields:
            yield from records(getattr(node, name), (*place, name), f"{schema}.{name}" if schema else name)
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from records(value, (*place, key), schema)
    elif isinstance(node, tuple):
        for index, value in enumerate(node):
            yield from records(value, (*place, index), schema)


def with_value(node: Any, place: Place, value: Any) -> Any:
    """A copy of a record with another value at a place, without validation."""
    if not place:
        return value
    if isinstance(node, BaseModel):
        return node.model_copy(update={str(place[0]): with_value(getattr(node, str(place[0])), place[1:], value)})
    if isinstance(node, Mapping):
        return {**node, place[0]: with_value(node[str(place[0])], place[1:], value)}
    return tuple(with_value(item, place[1:], value) if index == place[0] else item for index, item in enumerate(node))


def other_values(value: Any, annotation: Any) -> Iterator[Any]:
    """Other values of the same kind as a value; nothing for values that contain records, which are walked."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (type(value)(value * 1.5 + 1), value / 2)  # one of them is valid
    elif isinstance(value, str) and value not in ("never", "endless", "anywhere", "flow_start"):
        literals = [choice for choice in literal_choices(annotation) if choice != value]
        yield from literals or [f"{value}_other"]
    elif isinstance(value, date):
        yield value + timedelta(days=1)
    elif isinstance(value, tuple) and value and not isinstance(value[0], BaseModel | tuple):
        for changed in other_values(value[0], None):
            yield (changed, *value[1:])
    elif isinstance(value, Mapping) and value and isinstance(first := next(iter(value.values())), int | float):
        yield {**value, next(iter(value)): first / 2 + 0.003}


def literal_choices(annotation: Any) -> list[str]:
    if annotation is None:
        return []
    found = [choice for part in get_args(annotation) for choice in literal_choices(part)]
    return found + [choice for choice in get_args(annotation) if isinstance(choice, str)]


def missing_fields(files: Sequence[Path], *, by_place: bool) -> dict[str, str]:
    """Values whose changes no description shows, with a place. `by_place`: check every value, not only one of each path in the schema."""
    shown: set[str] = set()
    tried: dict[str, str] = {}
    for file in files:
        scenario = Scenario.load(file)
        before = describe(scenario)
        for place, schema, record in records(scenario):
            for name, field in type(record).model_fields.items():
                label = ".".join(map(str, (*place, name))) if by_place else f"{schema}.{name}".removeprefix(".")
                if label in shown:
                    continue
                for value in other_values(getattr(record, name), field.annotation):
                    try:
                        after = describe(with_value(scenario, (*place, name), value))
                    except (KeyError, AttributeError):  # a name that does not exist, or text in place of a record
                        continue
                    if after != before:
                        shown.add(label)
                        break
                    tried.setdefault(label, f"{file.stem}: {'.'.join(map(str, (*place, name)))} = {value!r}")
    return {label: where for label, where in tried.items() if label not in shown}


def unexplained(missing: Mapping[str, str]) -> dict[str, str]:
    return {label: where for label, where in missing.items() if EXCEPTIONS.keys().isdisjoint(label.split("."))}


@pytest.mark.parametrize("file", SMALL, ids=lambda file: file.stem)
def test_every_value_of_a_world_changes_its_description(file: Path) -> None:
    assert unexplained(missing_fields([file], by_place=True)) == {}


def test_every_field_of_the_library_changes_its_description() -> None:
    assert unexplained(missing_fields(LIBRARY, by_place=False)) == {}


def test_a_value_that_the_description_omits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe_module, "activity_lines", lambda journey: ())
    assert {"journey.clock_shift", "journey.activity.hours"} <= missing_fields(SMALL[:1], by_place=False).keys()

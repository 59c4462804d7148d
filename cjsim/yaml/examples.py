"""Examples of values for error messages, taken from the fields and types of the models."""

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from cjsim.yaml.keyed_union import Kind, kinds_of
from cjsim.yaml.paths import KeyPath, union_members
from cjsim.yaml.tree import Node, to_inline_yaml

_MAX_CHARS = 70


class Slot(NamedTuple):
    """A place for a value: its type, examples of the value, what it is called, and whether it can be omitted."""

    annotation: Any
    examples: tuple[Any, ...] = ()
    title: str = ""
    is_optional: bool = False

    def example(self) -> Any:
        """Return an example of a value; None if there is none."""
        return self.examples[0] if self.examples else _example_of(self.annotation)


def slots_at(model: type[BaseModel], root: Node, path: KeyPath) -> list[Slot]:
    """Return the places in a model that a path of a tree may refer to: several if the path leads through a union."""
    slots, node = [Slot(model)], root
    for key in path:
        value = node.value
        slots = [below for slot in slots for below in _children(slot, key, value)]
        node = node.child(key) or Node(None, node.location)
    return slots


def example_text(slots: Iterable[Slot]) -> str:
    """Format the first short example among the slots as YAML on one line; empty if there is none."""
    examples = [found for slot in slots for found in (slot.example(), *(_minimal(one) for one in union_members(slot.annotation)))]
    texts = (to_inline_yaml(one) for one in examples if one is not None)
    return next((text for text in texts if len(text) <= _MAX_CHARS), "")


@cache
def _annotations(model: type[BaseModel]) -> dict[str, Any]:
    """Annotations of the fields with their metadata, by YAML key."""
    hints = get_type_hints(model, include_extras=True)
    return {field.alias or name: hints[name] for name, field in model.model_fields.items()}


def _children(slot: Slot, key: str | int, value: Any) -> list[Slot]:
    """The places under a key or an index of a value."""
    found = []
    for member in kinds_of(union_members(slot.annotation), value):
        origin, args = get_origin(member), get_args(member)
        if isinstance(member, type) and issubclass(member, BaseModel):
            if isinstance(key, str) and key in _annotations(member):
                found.append(_slot_of_field(member, key))
        elif (origin is dict and isinstance(key, str)) or (origin is tuple and isinstance(key, int)):
            within = [_part(one, key) for one in slot.examples]
            inner = args[1] if origin is dict else args[0]
            found.append(Slot(inner, tuple(one for one in within if one is not None), _title(inner)))
    return found


def _part(example: Any, key: str | int) -> Any:
    """The first value in the example of a list or a mapping."""
    if isinstance(key, int):
        return example[0] if isinstance(example, (list, tuple)) and example else None
    return next(iter(example.values()), None) if isinstance(example, dict) else None


def _slot_of_field(model: type[BaseModel], key: str) -> Slot:
    info = next(field for name, field in model.model_fields.items() if key == (field.alias or name))
    annotation = _annotations(model)[key]
    return Slot(annotation, tuple(info.examples or ()), info.title or _title(annotation), not info.is_required())


def _title(annotation: Any) -> str:
    return next((one.title for one in _metadata(annotation) if isinstance(one, FieldInfo) and one.title), "")


def _metadata(annotation: Any) -> list[Any]:
    """The metadata of an `Annotated` type, the outermost first."""
    return list(reversed(get_args(annotation)[1:])) if get_origin(annotation) is Annotated else []


def _declared_examples(annotation: Any) -> list[Any]:
    """The examples in the metadata of a type."""
    for one in _metadata(annotation):
        found = one.examples if isinstance(one, FieldInfo) else None
        found = (one.json_schema or {}).get("examples") if isinstance(one, WithJsonSchema) else found
        if found:
            return list(found)
    return []


def _example_of(annotation: Any) -> Any:
    """An example of a type: the one that it declares, or one composed of the examples of its parts."""
    if declared := _declared_examples(annotation):
        return declared[0]
    if alternatives := _alternatives(annotation):
        return next((found for one in alternatives if (found := _example_of(one)) is not None), None)
    [member] = union_members(annotation)
    origin, args = get_origin(member), get_args(member)
    if origin is Literal:
        return args[0]
    if origin is tuple:
        return None if (item := _example_of(args[0])) is None else [item]
    if origin is dict:
        value = _example_of(args[1])
        return None if value is None else {_example_of(args[0]) or "name": value}
    return _example_of_model(member) if isinstance(member, type) and issubclass(member, BaseModel) else None


def _example_of_model(model: type[BaseModel]) -> Any:
    extra = model.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    return examples[0] if isinstance(examples, list) and examples else _minimal(model)


def _minimal(model: Any) -> Any:
    """The required fields of a model, or else its first other field, with an example of each; None if one has no example."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    key = model.key if issubclass(model, Kind) else ""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    needed = [name for name, field in fields.items() if field.is_required() or name == key]
    chosen = needed or [name for name in fields if name != "title"][:1]
    parts = {name: _slot_of_field(model, name).example() for name in chosen}
    return None if not parts or None in parts.values() else parts


def _alternatives(annotation: Any) -> list[Any]:
    """The alternatives of a union without null, with their metadata; empty if the annotation is not a union."""
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return [one for one in get_args(bare) if one is not type(None)] if len(union_members(bare)) > 1 else []

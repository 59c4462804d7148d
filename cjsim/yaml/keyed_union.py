"""Unions of models that are discriminated by a key, such as the effects `go: active` and `purchase: {value: 25}`.

Each kind is a model with a field named after its key. The family is the union of its kinds:

    Effect = Annotated[Go | Purchase, KeyedUnion("effect")]
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from cjsim.yaml.strict_model import StrictModel

NO_SINGLE_KIND = "no_single_kind"  # type of the validation error if a value has the keys of no kind or of several kinds


class Kind(StrictModel):
    """One kind in a family. `key` is the field that identifies the kind; the mapping may have other fields too."""

    key: ClassVar[str] = ""

    def __init_subclass__(cls, *, key: str = "", **config: Any) -> None:
        super().__init_subclass__(**config)
        if key:
            cls.key = key

    @property
    def body(self) -> Any:
        """The value of the key."""
        return getattr(self, self.key)


def kinds_of(types: Sequence[Any], mapping: Any) -> list[Any]:
    """The kinds whose key is in a mapping, or all kinds if none matches."""
    keyed = [
        one for one in types if isinstance(one, type) and issubclass(one, Kind) and isinstance(mapping, Mapping) and one.key in mapping
    ]
    return keyed or list(types)


class KeyedUnion:
    """Annotation for a union of kinds. A mapping is validated as the kind whose key it has.

    Parameters
    ----------
    title : str
        What a value of the family is called in JSON schemas, in the singular, such as 'effect'.
    expand : callable, optional
        Expands a short form into the full mapping, and returns other values unchanged.
    short_schema : mapping, optional
        JSON schema of the short form.
    """

    def __init__(self, title: str, *, expand: Callable[[Any], Any] | None = None, short_schema: Mapping[str, Any] | None = None) -> None:
        self._title = title
        self._expand = expand
        self._short_schema = short_schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build a union that is discriminated by key."""
        kinds: tuple[type[Kind], ...] = get_args(source)
        # Error locations contain the tag. Its brackets distinguish it from a key of the file.
        tags: dict[Hashable, CoreSchema] = {f"<{kind.key}>": handler.generate_schema(kind) for kind in kinds}

        def tag_of(value: Any) -> str | None:
            given = value if isinstance(value, Mapping) else [value.key] if isinstance(value, Kind) else []
            keys = [kind.key for kind in kinds if kind.key in given]
            return f"<{keys[0]}>" if len(keys) == 1 else None

        listed = ", ".join(f"'{kind.key}'" for kind in kinds)
        union = core_schema.tagged_union_schema(
            tags, tag_of, custom_error_type=NO_SINGLE_KIND, custom_error_message=f"must have exactly one of {listed}"
        )
        return union if self._expand is None else core_schema.no_info_before_validator_function(self._expand, union)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Build the JSON schema: the short form, or one of the kinds."""
        long_form = {"title": self._title, **handler(schema)}
        return long_form if self._short_schema is None else {"anyOf": [dict(self._short_schema), long_form]}

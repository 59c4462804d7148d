"""Frames: many arrays, handed to a kernel as one pointer.

Lives here: the class, and what numba must know of it. Does not live here: which arrays there are (model/world.py, model/state.py).

In Python a frame is an object with arrays as attributes, and with JIT off it is nothing else. In a kernel it is the address of a table of
addresses and shapes, so that `world.events[i].tau` is two loads, and a call with a frame costs one register. A tuple of fifty arrays
is four hundred machine words instead, which LLVM copies at every mention and numba reference-counts at every call.
"""

import operator
from typing import Any, ClassVar

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global
from numba.extending import NativeValue, lower_builtin, lower_getattr, lower_getattr_generic, register_model, unbox
from numba.np import numpy_support

types: Any = numba.types
_WORD = ir.IntType(64)


class FrameType(types.Type):  # type: ignore[misc]
    """numba's name for a class of frames: its fields' dtypes and dimensions, never their sizes."""

    def __init__(self, title: str, fields: tuple[tuple[str, Any, int], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"{title}({', '.join(f'{name}: {dtype}[{ndim}]' for name, dtype, ndim in fields)})")

    def place(self, name: str) -> tuple[int, Any, int] | None:
        """First word in the table, dtype and dimensions of a field; None if there is no such field."""
        word = 0
        for field, dtype, ndim in self.fields:
            if field == name:
                return word, dtype, ndim
            word += 1 + ndim
        return None


class Frame:
    """A fixed set of C-contiguous arrays; subclasses say which, by `SPEC`: name -> (dtype, number of dimensions)."""

    SPEC: ClassVar[dict[str, tuple[np.dtype[Any], int]]] = {}
    _numba_type_: ClassVar[FrameType]

    def __init_subclass__(cls) -> None:
        fields = tuple((name, numpy_support.from_dtype(np.dtype(dtype)), ndim) for name, (dtype, ndim) in cls.SPEC.items())
        cls._numba_type_ = FrameType(cls.__name__, fields)

    def __init__(self, **arrays: np.ndarray[Any, Any]) -> None:
        assert sorted(arrays) == sorted(self.SPEC), set(arrays) ^ set(self.SPEC)
        table: list[int] = []
        for name, (dtype, ndim) in self.SPEC.items():
            array = arrays[name]
            assert array.dtype == dtype and array.ndim == ndim and array.flags.c_contiguous, (name, array.dtype, array.shape)
            setattr(self, name, array.view(np.recarray) if array.dtype.names else array)
            table += [array.ctypes.data, *array.shape]
        self._table = np.array(table, dtype=np.int64)
        self.address = self._table.ctypes.data


@register_model(FrameType)
class _FrameModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: FrameType) -> None:
        super().__init__(dmm, fe_type, _WORD.as_pointer())


@unbox(FrameType)
def _unbox_frame(typ: FrameType, obj: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(obj, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, _WORD.as_pointer()), is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


@infer_getattr
class _FrameAttribute(AttributeTemplate):  # type: ignore[misc]
    key = FrameType

    def generic_resolve(self, typ: FrameType, attr: str) -> "SpanType | None":
        place = typ.place(attr)
        return None if place is None else SpanType(place[1], place[2])


@lower_getattr_generic(FrameType)
def _load_field(context: Any, builder: Any, typ: FrameType, value: Any, attr: str) -> Any:
    place = typ.place(attr)
    assert place is not None
    word, dtype, ndim = place

    def load(offset: int) -> Any:
        loaded = builder.load(builder.gep(value, [_WORD(offset)]))
        # The table never changes during a call: this lets LLVM load an address once.
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    span = cgutils.create_struct_proxy(SpanType(dtype, ndim))(context, builder)
    span.data = builder.inttoptr(load(word), context.get_data_type(dtype).as_pointer())
    span.shape = context.make_tuple(builder, types.UniTuple(types.intp, ndim), [load(word + 1 + axis) for axis in range(ndim)])
    return span._getvalue()


class SpanType(types.Type):  # type: ignore[misc]
    """numba's name for an array of a frame: an address and a shape. An index is not looked at: never negative, never out of range."""

    def __init__(self, dtype: Any, ndim: int) -> None:
        self.dtype = dtype
        self.ndim = ndim
        super().__init__(name=f"Span({dtype}, {ndim})")

    def index(self, given: Any) -> Any:
        """The type that an index must be cast to; None if it is no index of one element."""
        places = tuple(given) if isinstance(given, types.BaseTuple) else (given,)
        if len(places) != self.ndim or not all(isinstance(place, (types.Integer, types.IntEnumMember)) for place in places):
            return None
        return types.UniTuple(types.intp, self.ndim) if isinstance(given, types.BaseTuple) else types.intp


@register_model(SpanType)
class _SpanModel(models.StructModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: SpanType) -> None:
        members = [("data", types.CPointer(fe_type.dtype)), ("shape", types.UniTuple(types.intp, fe_type.ndim))]
        super().__init__(dmm, fe_type, members)


@infer_getattr
class _SpanAttribute(AttributeTemplate):  # type: ignore[misc]
    key = SpanType

    def resolve_shape(self, typ: SpanType) -> Any:
        return types.UniTuple(types.intp, typ.ndim)


@infer_global(operator.getitem)
class _SpanGet(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        span, index = args
        to = span.index(index) if isinstance(span, SpanType) else None
        return None if to is None else signature(span.dtype, span, to)


@infer_global(operator.setitem)
class _SpanSet(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        span, index, _ = args
        to = span.index(index) if isinstance(span, SpanType) else None
        return None if to is None else signature(types.none, span, to, span.dtype)


@lower_getattr(SpanType, "shape")
def _span_shape(context: Any, builder: Any, typ: SpanType, value: Any) -> Any:
    return cgutils.create_struct_proxy(typ)(context, builder, value).shape


def _element(context: Any, builder: Any, typ: SpanType, value: Any, index_type: Any, index: Any) -> Any:
    """Address of an element: rows lie one after another."""
    span = cgutils.create_struct_proxy(typ)(context, builder, value)
    if isinstance(index_type, types.Integer):
        return builder.gep(span.data, [index])
    at, *others = cgutils.unpack_tuple(builder, index, typ.ndim)
    _, *extents = cgutils.unpack_tuple(builder, span.shape, typ.ndim)
    for extent, other in zip(extents, others, strict=True):
        at = builder.add(builder.mul(at, extent), other)
    return builder.gep(span.data, [at])


@lower_builtin(operator.getitem, SpanType, types.Integer)
@lower_builtin(operator.getitem, SpanType, types.UniTuple)
def _span_get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    address = _element(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    return context.unpack_value(builder, sig.return_type, address)


@lower_builtin(operator.setitem, SpanType, types.Integer, types.Any)
@lower_builtin(operator.setitem, SpanType, types.UniTuple, types.Any)
def _span_set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    address = _element(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    context.pack_value(builder, sig.args[0].dtype, args[2], address)
    return context.get_dummy_value()

"""Frames: groups of arrays that are passed to a kernel as one pointer.

In Python, with or without the JIT, a frame is an object whose attributes are arrays. In a kernel, it is the address of a table of addresses
and shapes: `world.events[i].tau` takes two loads, and a frame argument takes one register. A tuple of fifty arrays would instead take four
hundred machine words, which LLVM copies at every use and whose references numba counts at every call.

Kernels do not check the indices of a frame's arrays, and negative indices do not count from the end. A debug build
(`CJSIM_BOUNDSCHECK=1`) checks every index and raises `FrameIndexError`, even with the JIT off.
"""

import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, NoReturn, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config
from numba.core.datamodel import models
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global
from numba.extending import NativeValue, lower_builtin, lower_getattr, lower_getattr_generic, register_model, unbox
from numba.np import numpy_support

from cjsim.kernel import IS_BOUNDS_CHECKED

Array = np.ndarray[Any, np.dtype[Any]]

types: Any = numba.types
_WORD = ir.IntType(64)


class FrameIndexError(IndexError):
    """Raised in debug builds if an index into a frame's array is negative or out of range.

    Parameters
    ----------
    field : str
        Class and field, such as `World.events`.
    kernel : str
        Compiled function that used the index; empty with the JIT off.
    axis, index, size : int
        Axis of the array, index, and size along that axis.
    """

    def __init__(self, field: str, kernel: str, axis: int, index: int, size: int) -> None:
        super().__init__(field, kernel, axis, index, size)

    def __str__(self) -> str:
        field, kernel, axis, index, size = self.args
        return f"{field}: index {index} is out of range for axis {axis} of size {size}{kernel and f', in {kernel}'}"


class _CheckedArray(np.ndarray[Any, Any]):
    """An array that rejects negative indices. Frames hold such arrays in debug builds with the JIT off."""

    _field = "array of a frame"

    def _check(self, index: Any) -> None:
        places = index if isinstance(index, tuple) else (index,)
        if all(isinstance(place, (int, np.integer, slice)) for place in places):
            for axis, (place, size) in enumerate(zip(places, self.shape, strict=False)):
                if not isinstance(place, slice) and not 0 <= place < size:
                    raise FrameIndexError(self._field, "", axis, int(place), size)

    def __getitem__(self, index: Any) -> Any:
        self._check(index)
        return super().__getitem__(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._check(index)
        super().__setitem__(index, value)


class _CheckedRecords(_CheckedArray, np.recarray[Any, Any]):
    """A record array that rejects negative indices."""


class FieldType(NamedTuple):
    """Declared type of a frame's field: dtype and number of dimensions of its array."""

    dtype: np.dtype[Any]
    ndim: int


def array_of(dtype: Any, ndim: int = 1) -> Array:
    """Declare a field in the body of a `Frame` subclass. Type checkers see the array that instances hold.

    Parameters
    ----------
    dtype : dtype or dtype-like
        Dtype of the array.
    ndim : int
        Number of dimensions of the array.
    """
    return cast(Array, FieldType(np.dtype(dtype), ndim))


class _FrameBody(dict[str, Any]):
    """A class body namespace in which each field may be declared only once."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self and FieldType in (type(value), type(self[name])):
            raise TypeError(f"{self['__qualname__']}.{name} is declared twice. Remove one, or give it another name.")
        super().__setitem__(name, value)


class _FrameMeta(type):
    @classmethod
    def __prepare__(cls, name: str, bases: tuple[type, ...], /, **options: Any) -> _FrameBody:
        return _FrameBody()


class FrameType(types.Type):
    """The numba type of a frame class: dtypes and dimensions of its fields, independent of their sizes."""

    def __init__(self, title: str, fields: tuple[tuple[str, Any, int], ...]) -> None:
        self.fields: dict[str, tuple[int, SpanType]] = {}  # each field's first word in the table, and its type
        word = 0
        for name, dtype, ndim in fields:
            self.fields[name] = word, SpanType(dtype, ndim, f"{title}.{name}" if IS_BOUNDS_CHECKED else "")
            word += 1 + ndim
        super().__init__(name=f"{title}({', '.join(f'{name}: {dtype}[{ndim}]' for name, dtype, ndim in fields)})")


class Frame(metaclass=_FrameMeta):
    """A fixed set of C-contiguous arrays.

    A subclass declares each field once, as `name = array_of(dtype, ndim)`. An instance takes one array per field and keeps a view of it.
    The fields of record arrays are available as attributes of their elements. Attributes cannot be set or deleted after construction,
    because kernels use the addresses that the arrays had at construction.

    Parameters
    ----------
    arrays : ndarray
        One array per field, with the declared dtype and number of dimensions, C-contiguous and aligned. Arrays are not copied.

    Raises
    ------
    TypeError
        If a field is missing or unknown, is not an array, or has the wrong dtype. When a subclass is declared: if a field is declared twice
        or hides an attribute of a base class.
    ValueError
        If an array has the wrong number of dimensions, or is not C-contiguous and aligned.

    Examples
    --------
    >>> class Line(Frame):
    ...     ends = array_of("f8", 2)  # meters, (2, 3)
    >>> line = Line(ends=np.zeros((2, 3)))
    >>> line.ends[1] = 2.0
    >>> line.ends = np.ones((2, 3))
    Traceback (most recent call last):
    AttributeError: Line.ends cannot be set: kernels would use the old array. Write into it (ends[...] = values), or make a new Line.
    """

    FIELDS: ClassVar[Mapping[str, FieldType]] = MappingProxyType({})
    _numba_type_: ClassVar[FrameType]
    _table: Array | None = None  # address and shape of each field
    address: int = 0  # address of the table

    def __init_subclass__(cls) -> None:
        fields = {name: field for base in cls.__bases__ if issubclass(base, Frame) for name, field in base.FIELDS.items()}
        for name, field in list(vars(cls).items()):
            if name in fields or (isinstance(field, FieldType) and any(hasattr(base, name) for base in cls.__bases__)):
                raise TypeError(f"{cls.__name__}.{name} hides an attribute of its base class. Give it another name.")
            if isinstance(field, FieldType):
                fields[name] = field
                delattr(cls, name)
        cls.FIELDS = MappingProxyType(fields)
        native = ((name, numpy_support.from_dtype(field.dtype), field.ndim) for name, field in fields.items())
        cls._numba_type_ = FrameType(cls.__name__, tuple(native))

    def __init__(self, /, **arrays: Array) -> None:
        title = type(self).__name__
        if missing := self.FIELDS.keys() - arrays.keys():
            raise TypeError(f"{title} must get an array for each of its fields, got none for {', '.join(sorted(missing))}.")
        if unknown := arrays.keys() - self.FIELDS.keys():
            raise TypeError(f"{title} has no field {', '.join(sorted(unknown))}. Its fields: {', '.join(self.FIELDS)}.")
        table: list[int] = []
        for name, field in self.FIELDS.items():
            _check_array(f"{title}.{name}", field, arrays[name])
            self.__dict__[name] = _view(f"{title}.{name}", arrays[name])
            table += [arrays[name].ctypes.data, *arrays[name].shape]
        self.__dict__["_table"] = np.array(table, dtype=np.int64)
        self.__dict__["address"] = self.__dict__["_table"].ctypes.data

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        title = type(self).__name__
        if name not in self.FIELDS:
            raise AttributeError(f"{title}.{name} cannot be set: a {title} has no attributes but its arrays.")
        remedy = f"Write into it ({name}[...] = values), or make a new {title}."
        raise AttributeError(f"{title}.{name} cannot be set: kernels would use the old array. {remedy}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: kernels would still use the array.")

    def __reduce__(self) -> Any:
        """Construct copies and unpickled frames from their arrays, so that each has its own addresses."""
        return _construct, (type(self), {name: np.asarray(getattr(self, name)) for name in self.FIELDS})


def _construct(kind: type[Frame], arrays: dict[str, Array]) -> Frame:
    return kind(**arrays)


def _check_array(title: str, field: FieldType, array: Any) -> None:
    """Raise if an array does not match the declaration of its field."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{title} must be a numpy array, got {type(array).__name__}.")
    if array.dtype != field.dtype:
        raise TypeError(f"{title} must hold {_shown(field.dtype, array.dtype)}, got {_shown(array.dtype, field.dtype)}.")
    if array.ndim != field.ndim:
        raise ValueError(f"{title} must have {field.ndim} dimension(s), got shape {array.shape}.")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{title} must be C-contiguous and aligned, got strides {array.strides}. Use numpy.ascontiguousarray.")


def _shown(dtype: np.dtype[Any], other: np.dtype[Any]) -> str:
    """Format a dtype for a message. For record dtypes, only the differences from the other dtype are shown."""
    if dtype.fields is None:
        return str(dtype)
    if other.fields is None:
        return f"records of {len(dtype.fields)} fields"
    differing = [f"{name}: {field[0]}" for name, field in dtype.fields.items() if other.fields.get(name) != field]
    return f"records {'with' if differing else 'without'} {', '.join(differing[:3]) or 'them'}"


def _view(title: str, array: Array) -> Array:
    """Return the view of an array that a frame keeps, which cannot be resized and exposes record fields as attributes."""
    if config.DISABLE_JIT and IS_BOUNDS_CHECKED:
        checked = array.view(_CheckedRecords if array.dtype.names else _CheckedArray)
        checked._field = title
        return checked
    return array.view(np.recarray if array.dtype.names else np.ndarray)


@register_model(FrameType)
class _FrameModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: FrameType) -> None:
        super().__init__(dmm, fe_type, _WORD.as_pointer())


@unbox(FrameType)
def _unbox_frame(typ: FrameType, obj: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(obj, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, _WORD.as_pointer()), is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


@infer_getattr
class _FrameAttribute(AttributeTemplate):
    key = FrameType

    def generic_resolve(self, typ: FrameType, attr: str) -> "SpanType | None":
        """Return the type of a field; None if the frame has no field of that name. Called by numba."""
        return typ.fields[attr][1] if attr in typ.fields else None


@lower_getattr_generic(FrameType)
def _load_field(context: Any, builder: Any, typ: FrameType, value: Any, attr: str) -> Any:
    word, span_type = typ.fields[attr]

    def load(offset: int) -> Any:
        loaded = builder.load(builder.gep(value, [_WORD(offset)]))
        # The table never changes during a call, so LLVM may load each address once.
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    span = cgutils.create_struct_proxy(span_type)(context, builder)
    span.data = builder.inttoptr(load(word), context.get_data_type(span_type.dtype).as_pointer())
    shape = [load(word + 1 + axis) for axis in range(span_type.ndim)]
    span.shape = context.make_tuple(builder, types.UniTuple(types.intp, span_type.ndim), shape)
    return span._getvalue()


class SpanType(types.Type):
    """The numba type of an array field in a frame: an address and a shape.

    In a debug build, the field is part of the type, so that errors can name it. A function is then compiled separately for each field.
    """

    def __init__(self, dtype: Any, ndim: int, field: str) -> None:
        self.dtype = dtype
        self.ndim = ndim
        self.field = field
        super().__init__(name=f"Span({dtype}, {ndim}{field and f', {field}'})")

    def index(self, given: Any) -> Any:
        """Return the type to which an index must be cast; None if it does not select one element."""
        places = tuple(given) if isinstance(given, types.BaseTuple) else (given,)
        if len(places) != self.ndim or not all(isinstance(place, (types.Integer, types.IntEnumMember)) for place in places):
            return None
        return types.UniTuple(types.intp, self.ndim) if isinstance(given, types.BaseTuple) else types.intp


@register_model(SpanType)
class _SpanModel(models.StructModel):
    def __init__(self, dmm: Any, fe_type: SpanType) -> None:
        members = [("data", types.CPointer(fe_type.dtype)), ("shape", types.UniTuple(types.intp, fe_type.ndim))]
        super().__init__(dmm, fe_type, members)


@infer_getattr
class _SpanAttribute(AttributeTemplate):
    key = SpanType

    def resolve_shape(self, typ: SpanType) -> Any:
        """Return the type of `array.shape`. Called by numba."""
        return types.UniTuple(types.intp, typ.ndim)


@infer_global(operator.getitem)
class _SpanGet(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the signature of `array[index]`; None if the index does not select one element. Called by numba."""
        span, index = args
        to = span.index(index) if isinstance(span, SpanType) else None
        return None if to is None else signature(span.dtype, span, to)


@infer_global(operator.setitem)
class _SpanSet(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        """Return the signature of `array[index] = value`; None if the index does not select one element. Called by numba."""
        span, index, _ = args
        to = span.index(index) if isinstance(span, SpanType) else None
        return None if to is None else signature(types.none, span, to, span.dtype)


@lower_getattr(SpanType, "shape")
def _span_shape(context: Any, builder: Any, typ: SpanType, value: Any) -> Any:
    return cgutils.create_struct_proxy(typ)(context, builder, value).shape


def _element(context: Any, builder: Any, typ: SpanType, value: Any, index_type: Any, index: Any) -> Any:
    """Return the address of an element in row-major order."""
    span = cgutils.create_struct_proxy(typ)(context, builder, value)
    places = [index] if isinstance(index_type, types.Integer) else cgutils.unpack_tuple(builder, index, typ.ndim)
    sizes = cgutils.unpack_tuple(builder, span.shape, typ.ndim)
    if context.enable_boundscheck:
        for axis, (place, size) in enumerate(zip(places, sizes, strict=True)):
            _check_index(context, builder, typ.field, axis, place, size)
    at = places[0]
    for place, size in zip(places[1:], sizes[1:], strict=True):
        at = builder.add(builder.mul(at, size), place)
    return builder.gep(span.data, [at])


def _check_index(context: Any, builder: Any, field: str, axis: int, index: Any, size: Any) -> None:
    """Emit code that raises FrameIndexError if an index, interpreted as unsigned, is not below the size."""
    with cgutils.if_unlikely(builder, builder.icmp_unsigned(">=", index, size)):
        # Arguments of the exception need memory, but kernels are compiled without numba's allocator.
        call_conv = context.subtarget(enable_nrt=True).call_conv
        kernel = f"{context.fndesc.modname}.{context.fndesc.qualname}"
        values = (field or "array of a frame", kernel, axis, index, size)
        call_conv.return_dynamic_user_exc(builder, FrameIndexError, values, (None, None, None, types.intp, types.intp))


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

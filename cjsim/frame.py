"""Frames: many arrays, handed to a kernel as one pointer.

Lives here: the class, and what numba must know of it. Does not live here: which arrays there are (model/state.py).

In Python a frame is an object with arrays as attributes, and with JIT off it is nothing else. In a kernel it is the address of a table of
addresses and shapes, so that `world.events[i].tau` is two loads, and a call with a frame costs one register. A tuple of fifty arrays
is four hundred machine words instead, which LLVM copies at every mention and numba reference-counts at every call.
"""

from typing import Any, ClassVar

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import NativeValue, lower_getattr_generic, register_model, unbox
from numba.np import numpy_support
from numba.np.arrayobj import populate_array

_WORD = ir.IntType(64)


class FrameType(types.Type):
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


@unbox(FrameType)  # type: ignore[untyped-decorator]
def _unbox_frame(typ: FrameType, obj: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(obj, "address")
    address = c.pyapi.long_as_longlong(number)
    c.pyapi.decref(number)
    return NativeValue(c.builder.inttoptr(address, _WORD.as_pointer()), is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


@infer_getattr
class _FrameAttribute(AttributeTemplate):  # type: ignore[misc]
    key = FrameType

    def generic_resolve(self, typ: FrameType, attr: str) -> types.Array | None:
        place = typ.place(attr)
        return None if place is None else types.Array(place[1], place[2], "C")


@lower_getattr_generic(FrameType)  # type: ignore[untyped-decorator]
def _load_field(context: Any, builder: Any, typ: FrameType, value: Any, attr: str) -> Any:
    place = typ.place(attr)
    assert place is not None
    word, dtype, ndim = place

    def load(offset: int) -> Any:
        loaded = builder.load(builder.gep(value, [_WORD(offset)]))
        # The table never changes during a call: this lets LLVM load an address once.
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    kind = types.Array(dtype, ndim, "C")
    array = context.make_array(kind)(context, builder)
    itemsize = context.get_constant(types.intp, dtype.size if isinstance(dtype, types.Record) else dtype.bitwidth // 8)
    shape = [load(word + 1 + axis) for axis in range(ndim)]
    strides = [itemsize]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    data = builder.inttoptr(load(word), context.get_data_type(dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()

"""Frames: declarations, construction, and arrays that cannot be replaced."""

import copy
import gc
import pickle
from typing import Any

import numpy as np
import pytest

from cjsim.frame import Frame, array_of
from cjsim.kernel import kernel
from cjsim.kernels.state import CustomerState, Output, Population
from cjsim.kernels.world import World

CELL = np.dtype([("count", "i4"), ("level", "f8")])


class Grid(Frame):
    """A small frame."""

    heights = array_of("f8", 2)
    cells = array_of(CELL)


@kernel
def double_heights(grid):  # type: ignore[no-untyped-def]
    for i in range(grid.heights.shape[0]):
        for j in range(grid.heights.shape[1]):
            grid.heights[i, j] = 2.0 * grid.heights[i, j]


def grid_arrays() -> dict[str, Any]:
    return {"heights": np.arange(6.0).reshape(2, 3), "cells": np.zeros(4, CELL)}


def test_kernel_writes_into_the_given_array() -> None:
    arrays = grid_arrays()
    double_heights(Grid(**arrays))
    assert arrays["heights"].tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]


def test_fields_keep_the_order_of_declaration() -> None:
    assert list(Grid.FIELDS) == ["heights", "cells"]
    assert Grid.FIELDS["heights"] == (np.dtype("f8"), 2)


def test_records_are_read_by_attribute() -> None:
    grid = Grid(**grid_arrays())
    grid.cells[1].level = 0.5
    assert grid.cells["level"].tolist() == [0.0, 0.5, 0.0, 0.0]


def test_second_declaration_of_a_field_raises() -> None:
    with pytest.raises(TypeError, match=r"Twice\.a is declared twice"):

        class Twice(Frame):
            a = array_of("f8")
            a = array_of("i4")  # noqa: PIE794


def test_value_that_overwrites_a_field_raises() -> None:
    with pytest.raises(TypeError, match=r"Overwritten\.a is declared twice"):

        class Overwritten(Frame):
            a = array_of("f8")
            a = np.zeros(3)  # noqa: PIE794


@pytest.mark.parametrize("name", ["FIELDS", "address", "_table", "__init__"])
def test_field_that_hides_an_attribute_of_frame_raises(name: str) -> None:
    with pytest.raises(TypeError, match=rf"Hiding\.{name} hides an attribute"):
        type(Frame)("Hiding", (Frame,), {name: array_of("f8")})


@pytest.mark.parametrize("value", [array_of("f8", 2), 3.0])
def test_subclass_cannot_redefine_an_inherited_field(value: Any) -> None:
    with pytest.raises(TypeError, match=r"Finer\.heights hides an attribute"):
        type(Frame)("Finer", (Grid,), {"heights": value})


def test_subclass_adds_to_inherited_fields() -> None:
    class Finer(Grid):
        widths = array_of("f8")

    assert list(Finer.FIELDS) == ["heights", "cells", "widths"]
    assert list(Grid.FIELDS) == ["heights", "cells"]


def test_field_cannot_be_set() -> None:
    grid = Grid(**grid_arrays())
    with pytest.raises(AttributeError, match=r"Grid\.heights cannot be set.*Write into it \(heights\[...\] = values\), or make a new Grid"):
        grid.heights = np.zeros((2, 3))
    assert grid.heights[1, 2] == 5.0


def test_other_attributes_cannot_be_set() -> None:
    grid = Grid(**grid_arrays())
    for name in ("address", "width"):
        with pytest.raises(AttributeError, match=rf"Grid\.{name} cannot be set"):
            setattr(grid, name, 0)


def test_field_cannot_be_deleted() -> None:
    grid = Grid(**grid_arrays())
    with pytest.raises(AttributeError, match=r"Grid\.cells cannot be deleted"):
        del grid.cells
    assert len(grid.cells) == 4


def test_arrays_live_as_long_as_the_frame() -> None:
    grid = Grid(heights=np.full((300, 300), 1.0), cells=np.zeros(1, CELL))
    gc.collect()
    others = [np.full((300, 300), 7.0) for _ in range(20)]
    double_heights(grid)
    assert (grid.heights == 2.0).all()
    assert all((other == 7.0).all() for other in others)


def test_array_of_a_frame_cannot_be_resized() -> None:
    grid = Grid(heights=np.zeros((2, 3)), cells=np.zeros(4, CELL))
    with pytest.raises(ValueError, match="resize"):
        grid.heights.resize((400, 300))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda grid: pickle.loads(pickle.dumps(grid))])
def test_copy_has_its_own_arrays(duplicate: Any) -> None:
    grid = Grid(**grid_arrays())
    other = duplicate(grid)
    double_heights(other)
    assert grid.heights[1, 2] == 5.0
    assert other.heights[1, 2] == 10.0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"cells": None}, TypeError, r"Grid\.cells must be a numpy array, got NoneType"),
        ({"heights": [[1.0]]}, TypeError, r"Grid\.heights must be a numpy array, got list"),
        ({"heights": np.zeros((2, 3), "f4")}, TypeError, r"Grid\.heights must hold float64, got float32"),
        ({"heights": np.zeros((2, 3), ">f8")}, TypeError, r"Grid\.heights must hold float64, got >f8"),
        ({"cells": np.zeros(4)}, TypeError, r"Grid\.cells must hold records of 2 fields, got float64"),
        (
            {"cells": np.zeros(4, [("count", "i8"), ("level", "f8")])},
            TypeError,
            r"Grid\.cells must hold records with count: int32, level: float64, got records with count: int64, level: float64",
        ),
        ({"heights": np.zeros(6)}, ValueError, r"Grid\.heights must have 2 dimension\(s\), got shape \(6,\)"),
        ({"heights": np.zeros((3, 2)).T}, ValueError, r"Grid\.heights must be C-contiguous and aligned, got strides"),
        ({"cells": np.zeros(8, CELL)[::2]}, ValueError, r"Grid\.cells must be C-contiguous and aligned, got strides"),
        ({"widths": np.zeros(2)}, TypeError, r"Grid has no field widths\. Its fields: heights, cells"),
    ],
)
def test_wrong_array_raises(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Grid(**grid_arrays() | changes)


def test_missing_field_raises() -> None:
    with pytest.raises(TypeError, match=r"Grid must get an array for each of its fields, got none for cells, heights"):
        Grid()


def test_every_frame_of_the_model_has_a_distinct_type() -> None:
    kinds = [World, CustomerState, Output, Population]
    assert len({kind._numba_type_ for kind in kinds}) == len(kinds)
    assert all(kind._numba_type_.fields for kind in kinds)

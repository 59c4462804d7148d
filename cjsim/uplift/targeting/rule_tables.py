"""A targeting rule as tables: features, columns computed from them, and terms (linear models and trees) that sum to the score.

A rule contains numbers and names only, so that a file can be read without running code from it.
"""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import FiniteFloat, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from cjsim.errors import InputError, format_error, short_repr
from cjsim.input_files.json_file import read_json_object
from cjsim.input_files.regular_file import MIB
from cjsim.json_records import JsonRecord
from cjsim.output_folder import write_atomically

_MAX_BYTES = 64 * MIB  # a tree takes about 100 bytes per node
FORMAT = "cjsim targeting rule 1"
Link = Literal["identity", "logistic"]
ColumnKind = Literal["number", "presence", "level"]


def _finite_or_missing(value: Any, check: ValidatorFunctionWrapHandler) -> float:
    return math.nan if value is None else float(check(value))


FiniteOrMissing = Annotated[FiniteFloat, WrapValidator(_finite_or_missing)]  # null in JSON where a model has no value


@dataclass(frozen=True)
class RuleInput:
    """A feature. `levels`: the labels of a categorical feature; None for a number."""

    name: str
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RuleColumn:
    """A column of a model, computed from one feature.

    "number": (x - shift) / scale. "presence": `shift` if the feature has a value. "level": `values` by level, `other` for other labels if
    `takes_other`. `missing` replaces all of these if the feature has no value. A constant has the feature None and the kind "presence".
    """

    feature: int | None
    kind: ColumnKind = "number"
    shift: FiniteFloat = 0.0
    scale: FiniteFloat = 1.0
    missing: FiniteOrMissing = math.nan
    values: tuple[FiniteOrMissing, ...] = ()
    other: FiniteOrMissing = math.nan
    takes_other: bool = False


@dataclass(frozen=True)
class RuleTree:
    """A binary tree, by node; node 0 is the root. A row goes left if its column is at most `threshold`. A leaf has column -1."""

    column: tuple[int, ...]
    threshold: tuple[FiniteFloat, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    missing_left: tuple[bool, ...]
    value: tuple[FiniteFloat, ...]


@dataclass(frozen=True)
class RuleTerm:
    """weight * link(v), with v = intercept + sum of coefficient * column, or v = (intercept + sum of leaf values) / divisor.

    `rounds_to_float32`: scikit-learn trees compare columns as float32.
    """

    weight: FiniteFloat
    link: Link
    columns: tuple[RuleColumn, ...]
    intercept: FiniteFloat
    coefficients: tuple[FiniteFloat, ...] = ()
    trees: tuple[RuleTree, ...] = ()
    divisor: FiniteFloat = 1.0
    rounds_to_float32: bool = False


@dataclass(frozen=True)
class TargetingRule(JsonRecord):
    """A targeting rule: a customer is treated if the score, the sum of the terms, exceeds `threshold`.

    `agreement`: share of held-out rows on which a distilled rule makes the same decision as the model; None for an exact rule.
    """

    features: tuple[RuleInput, ...]
    terms: tuple[RuleTerm, ...]
    threshold: FiniteFloat = 0.0
    agreement: FiniteFloat | None = None
    format: Literal["cjsim targeting rule 1"] = field(default="cjsim targeting rule 1")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the rule to a JSON file.

        Parameters
        ----------
        path : str or path
            The file to write. An existing file is replaced atomically.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        try:
            write_atomically(Path(path), json.dumps(self.to_json(), separators=(",", ":"), allow_nan=False) + "\n")
        except OSError as error:
            remedy = "Choose another file name."
            raise InputError(format_error(str(path), "must be a file that can be written", error.strerror or str(error), remedy)) from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TargetingRule":
        """Read a rule from a JSON file that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        TargetingRule

        Raises
        ------
        InputError
            If the file cannot be read or is not a valid rule.
        """
        try:
            facts = os.stat(path)  # noqa: PTH116 - the path may be text
        except (OSError, ValueError):
            remedy = "Write one with 'export_rule'; file names in a policy are relative to its file."
            raise InputError(format_error(str(path), "must be a file that exists", "no such file", remedy)) from None
        return _load(str(path), facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=64)
def _load(path: str, _changed: int, _bytes: int) -> TargetingRule:
    """Read a rule. Cached by file version, because every trial of a study checks its scenario."""
    must, remedy = "must be a targeting rule", "Write it with 'export_rule'."
    try:
        content = read_json_object(path, max_bytes=_MAX_BYTES, remedy=remedy, is_finite=False)
        if content.get("format") != FORMAT:
            raise InputError(format_error(path, f"{must} with the format '{FORMAT}'", "different content", remedy))
        rule = TargetingRule.from_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "finite_number":
            must = "must be a finite number"
        raise InputError(format_error(f"{path}: {where}", must, f"{short_repr(first['input'])} ({first['msg']})", remedy)) from None
    for where, fault in table_faults(rule):
        raise InputError(format_error(f"{path}: {where}", must, fault, remedy))
    return rule


def table_faults(rule: TargetingRule) -> Iterator[tuple[str, str]]:
    """Yield the location and description of each fault that would make kernels, which do not check indices, read outside a table."""
    for i, term in enumerate(rule.terms):
        place = f"terms.{i}"
        if not term.trees and len(term.coefficients) != len(term.columns):
            yield f"{place}.coefficients", f"{len(term.coefficients)} coefficients for {len(term.columns)} columns"
        if term.divisor == 0.0 or any(column.scale == 0.0 for column in term.columns):
            yield place, "a division by 0"
        for j, column in enumerate(term.columns):
            if column.feature is not None and not 0 <= column.feature < len(rule.features):
                yield f"{place}.columns.{j}.feature", f"{column.feature} of {len(rule.features)} features"
                continue
            levels = None if column.feature is None else rule.features[column.feature].levels
            if (column.kind == "level") != bool(levels is not None and column.kind != "presence") or len(column.values) != (
                len(levels or ()) if column.kind == "level" else 0
            ):
                yield f"{place}.columns.{j}", f"a column of the kind '{column.kind}' that does not fit the levels of its feature"
        for j, tree in enumerate(term.trees):
            if not _is_tree(tree, len(term.columns)):
                yield f"{place}.trees.{j}", "nodes that do not form a tree"


def _is_tree(tree: RuleTree, n_columns: int) -> bool:
    n = len(tree.column)
    if n == 0 or {len(tree.threshold), len(tree.left), len(tree.right), len(tree.missing_left), len(tree.value)} != {n}:
        return False
    inner = [i for i in range(n) if tree.column[i] >= 0]
    return all(tree.column[i] < n_columns and i < tree.left[i] < n and i < tree.right[i] < n for i in inner)

"""`attribute_paths`: the credit that attribution rules give to the touchpoints of a firm's own paths."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.argument_types import checked_arguments
from cjsim.attribution.credit_rules import Credits, Rule, TimeDecay
from cjsim.attribution.path_reader import read_paths
from cjsim.attribution.rule_set import RULES
from cjsim.attribution.touch_paths import Paths
from cjsim.json_records import plain_values, write_json
from cjsim.metrics.text_table import align_columns
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    import pandas as pd

CREDITS_FILE = "credits.json"


@dataclass(frozen=True, repr=False)
class PathCredits(FolderResult):
    """Credits of the touchpoints in a firm's paths. `save` writes `credits.csv` and `credits.json`.

    Attributes
    ----------
    touchpoints : tuple of str
        Touchpoints, sorted by last-touch credit, largest first.
    rules : Mapping of str to str
        Titles of the rules, by name.
    conversions, value : Mapping of str to Mapping of str to float
        Credited conversions, and credited value in money, by rule, then by touchpoint.
    errors : Mapping of str to Mapping of str to float
        Standard errors of credited conversions under rules that sample, by rule, then by touchpoint.
    total_conversions, total_value, total_nulls, unattributed_conversions : float
        Totals of the paths. Conversions that no touch preceded are not attributed.
    has_times : bool
        Whether the paths have times. Without times, time decay is omitted.
    """

    touchpoints: tuple[str, ...]
    rules: Mapping[str, str]
    conversions: Mapping[str, Mapping[str, float]]
    value: Mapping[str, Mapping[str, float]]
    errors: Mapping[str, Mapping[str, float]]
    total_conversions: float
    total_value: float
    total_nulls: float
    unattributed_conversions: float
    has_times: bool
    _marker = CREDITS_FILE

    def _facts(self) -> str:
        return f"{len(self.touchpoints)} touchpoints, {len(self.rules)} rules, {self.total_conversions:,.0f} conversions"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return credited conversions as a text table, with one column per rule."""
        rows = [(name, *(f"{self.conversions[rule][name]:,.1f}" for rule in self.rules), "") for name in self.touchpoints]
        totals = (
            f"{self.total_conversions:,.0f} conversions worth {self.total_value:,.2f}, {self.total_nulls:,.0f} paths without a conversion"
        )
        notes = [
            f"{totals}. Credited value: `to_json`.",
            "Credit is not an incremental effect: it says nothing about what would happen without the touchpoint.",
        ]
        if self.unattributed_conversions:
            notes.append(f"{self.unattributed_conversions:,.0f} conversions without a touch are not attributed.")
        if not self.has_times:
            notes.append("The paths have no times, so time decay is omitted.")
        return "\n\n".join([align_columns(("touchpoint", *self.rules.values(), ""), rows), "\n".join(notes)])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = ("rules", "total_conversions", "total_value", "total_nulls", "unattributed_conversions", "has_times")
        touchpoints = [
            {
                "touchpoint": name,
                "credits": {
                    rule: {"conversions": self.conversions[rule][name], "value": self.value[rule][name]}
                    | ({"conversions_error": self.errors[rule][name]} if rule in self.errors else {})
                    for rule in self.rules
                },
            }
            for name in self.touchpoints
        ]
        return plain_values({name: getattr(self, name) for name in names} | {"touchpoints": touchpoints})

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with one row per touchpoint and rule.

        The columns are touchpoint, rule, conversions, conversions_error (missing under rules that do not sample) and value (money).
        """
        import pandas as pd

        rows = [
            (name, rule, self.conversions[rule][name], self.errors.get(rule, {}).get(name, math.nan), self.value[rule][name])
            for name in self.touchpoints
            for rule in self.rules
        ]
        return pd.DataFrame(rows, columns=["touchpoint", "rule", "conversions", "conversions_error", "value"])

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "credits.csv")
        write_json(folder / CREDITS_FILE, self.to_json())


@checked_arguments
def attribute_paths(source: Paths | str | Path, *, rules: Sequence[Rule] | None = None, window_days: float = math.inf) -> PathCredits:
    r"""Split the conversions of a firm's paths among touchpoints, under several attribution rules.

    Parameters
    ----------
    source : Paths, str or Path
        Paths, or a file as described in `read_paths`.
    rules : sequence of Rule, optional
        Attribution rules. By default, first touch, last touch, linear, time decay (if there are times), Markov and two Shapley values.
    window_days : float
        Look-back window of a file with times, in days.

    Returns
    -------
    PathCredits

    Raises
    ------
    InputError
        If the file is invalid, or time decay is requested for paths without times.

    Examples
    --------
    >>> paths = Paths.from_sequences([["ad", "email"], ["ad"]], conversions=[6, 2])
    >>> credits = attribute_paths(paths).conversions
    >>> credits["last"], credits["linear"]
    ({'email': 6.0, 'ad': 2.0}, {'email': 3.0, 'ad': 5.0})
    """
    paths = source if isinstance(source, Paths) else read_paths(source, window_days=window_days)
    has_times = paths.days_before is not None
    chosen = [rule for rule in RULES if has_times or not isinstance(rule, TimeDecay)] if rules is None else list(rules)
    found: dict[str, Credits] = {rule.name: rule.credits(paths) for rule in chosen}
    last = found.get("last") or next(iter(found.values()))
    names = tuple(paths.touchpoints[i] for i in (-last.conversions).argsort(kind="stable"))

    def _by_name(values: Any) -> dict[str, float]:
        lookup = dict(zip(paths.touchpoints, values.tolist(), strict=True))
        return {name: lookup[name] for name in names}

    return PathCredits(
        touchpoints=names,
        rules={rule.name: rule.title for rule in chosen},
        conversions={name: _by_name(one.conversions) for name, one in found.items()},
        value={name: _by_name(one.value) for name, one in found.items()},
        errors={name: _by_name(one.conversions_error) for name, one in found.items() if one.conversions_error is not None},
        total_conversions=float(paths.conversions.sum()),
        total_value=float(paths.value.sum()),
        total_nulls=float(paths.nulls.sum()),
        unattributed_conversions=float(paths.conversions[~paths.touched].sum()),
        has_times=has_times,
    )

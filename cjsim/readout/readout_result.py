"""`Readout`: the result of `uplift`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cjsim.errors import InputError, format_error, quote_choices, unknown_name_parts
from cjsim.json_records import plain_values, write_json
from cjsim.metrics.text_table import align_columns
from cjsim.output_folder import FolderResult
from cjsim.readout.outcome_readout import OutcomeReadout
from cjsim.readout.readout_figures import FIGURES, curves_data, effects_data, groups_data, policies_data
from cjsim.readout.readout_page import render_readout_page
from cjsim.readout.readout_tables import outcome_tables
from cjsim.readout.readout_verdict import assumption_sentences, verdict_sentences
from cjsim.table_files import write_csv
from cjsim.uplift.soundness.finding import Finding

if TYPE_CHECKING:
    import pandas as pd

    from cjsim.uplift.targeting.rule_tables import TargetingRule

READOUT_FILE, PAGE_FILE = "uplift.json", "report.md"
_TABLES = {"effects": effects_data, "curves": curves_data, "groups": groups_data, "policies": policies_data}


@dataclass(frozen=True, eq=False, repr=False)
class Readout(FolderResult):
    """Readout of a trial.

    `save` writes `report.md`, the tables `effects.csv`, `curves.csv`, `groups.csv` and `policies.csv`, a figure for each of them, and
    `uplift.json`.

    Attributes
    ----------
    source : str
        File of the trial.
    n : int
        Number of rows.
    arms : tuple of str
        Labels of the arms, the control first.
    assignment : str
        "randomized", or "given" or "estimated" if rows differ in their propensities.
    outcomes : tuple of OutcomeReadout
        One per outcome.
    findings : tuple of Finding
        Results of all checks of the trial.
    notes : tuple of str
        How columns were read, and what was reduced because of the number of rows.
    draws, seed : int
        Bootstrap draws, and seed.
    """

    source: str
    n: int
    arms: tuple[str, ...]
    assignment: str
    outcomes: tuple[OutcomeReadout, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    draws: int
    seed: int
    _marker = READOUT_FILE

    def _facts(self) -> str:
        return f"{Path(self.source).name}: {self.n:,} rows, arms {', '.join(self.arms)}"

    def _answer(self) -> str:
        return "\n".join(f"{one.name}: {' '.join(verdict_sentences(one))}" for one in self.outcomes)

    def __str__(self) -> str:
        return self.summary()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages of the checks that found a fault."""
        return tuple(finding.message for finding in self.findings if finding.severity != "ok")

    def outcome(self, name: str) -> OutcomeReadout:
        """Return the readout of an outcome.

        Parameters
        ----------
        name : str
            Name of the outcome.

        Raises
        ------
        InputError
            If there is no such outcome.
        """
        by_name = {one.name: one for one in self.outcomes}
        if name not in by_name:
            raise InputError(format_error("outcome", *unknown_name_parts(name, by_name, "outcome")))
        return by_name[name]

    def rule(self, outcome: str | None = None, *, policy: str | None = None, distill_depth: int | None = None) -> "TargetingRule":
        """Return the proposed policy as a targeting rule, for `rules` in a policy. See `OutcomeReadout.rule`.

        Parameters
        ----------
        outcome : str, optional
            Name of the outcome. Can be omitted if there is only one.
        policy : str, optional
            Name of another personalized policy for one arm, such as 'gain above cost: mail'.
        distill_depth : int, optional
            Maximum depth of a tree that imitates the rule; see `export_rule`.

        Returns
        -------
        TargetingRule

        Raises
        ------
        InputError
            As in `OutcomeReadout.rule`, or if the outcome does not exist.
        """
        names = [one.name for one in self.outcomes]
        if outcome is None and len(names) > 1:
            raise InputError(format_error("outcome", f"must be one of {quote_choices(names)}", "none", "Name the outcome of the rule."))
        return self.outcome(names[0] if outcome is None else outcome).rule(policy, distill_depth=distill_depth)

    def _heading(self) -> str:
        """Return a one-line description of the trial."""
        how = {"randomized": "randomized", "given": "propensities given", "estimated": "observational, propensities estimated"}
        return f"{Path(self.source).name}: {self.n:,} rows, arms {', '.join(self.arms)} (control: {self.arms[0]}); {how[self.assignment]}."

    def _soundness(self) -> str:
        """Return how many checks passed, in one sentence."""
        count = len(self.findings) - len(self.warnings)
        return f"{count} of {len(self.findings)} checks of the trial passed."

    def summary(self) -> str:
        """Return warnings, then for each outcome the verdict and its tables."""
        parts = [self._heading()]
        parts += ["\n".join(f"Warning: {message}" for message in self.warnings)] if self.warnings else []
        for one in self.outcomes:
            parts.append("\n".join([one.name.upper(), *verdict_sentences(one)]))
            for table in outcome_tables(one):
                parts.append("\n".join([align_columns((*table.header, ""), [(*row, "") for row in table.rows]), table.note]))
            parts.append("\n".join(assumption_sentences(one)))
        parts.append(
            "\n".join([self._soundness(), *(f"{note[0].upper()}{note[1:]}." for note in (text.rstrip(".") for text in self.notes))])
        )
        return "\n\n".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON. Undefined and infinite numbers are null.

        If there is only one outcome, its values also appear at the top level.
        """
        by_name = {one.name: one.to_json() for one in self.outcomes}
        content: dict[str, Any] = {"outcomes": by_name, "warnings": list(self.warnings)}
        content |= {"source": self.source, "rows": self.n, "control": self.arms[0], "assignment": self.assignment}
        content |= {"draws": self.draws, "seed": self.seed, "notes": list(self.notes)}
        content |= {"checks": [finding.to_json() for finding in self.findings]}
        if len(by_name) == 1:
            content |= next(iter(by_name.values()))
        return plain_values(content)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the effects, one row per outcome and pair of arms."""
        return effects_data(self.outcomes)

    def _write_files(self, folder: Path) -> None:
        for name, table in _TABLES.items():
            write_csv(table(self.outcomes), folder / f"{name}.csv")
        drawn = [figure for figure in FIGURES if len(figure.data(self.outcomes))]
        for figure in drawn:
            figure.save(self.outcomes, folder)
        page = render_readout_page(
            self.outcomes,
            heading=self._heading(),
            warnings=self.warnings,
            closing=(self._soundness(), *self.notes),
            figures=[figure.name for figure in drawn],
        )
        (folder / PAGE_FILE).write_text(page, encoding="utf-8")
        write_json(folder / READOUT_FILE, self.to_json())

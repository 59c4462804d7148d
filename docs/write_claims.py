"""Writes the table of docs/claims.md from the experiments and their reports; the words above it and the sources are kept.

python docs/write_claims.py
"""

import re
from pathlib import Path

from cjsim.lab.experiment import Experiment
from cjsim.lab.journal import JournalEntry
from cjsim.lab.report_folder import run_folder
from cjsim.manifest import Manifest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "claims.md"


def row(file: Path, source: str) -> str:
    """The row of an experiment: verdict, claim and effect of its report, hypothesis, and the source of the claim."""
    experiment = Experiment.load(file)
    folder = run_folder(experiment, ROOT / "reports")
    manifest = Manifest.read(folder)
    size = f" by {experiment.by}" if experiment.by else ""
    claim = f"`{experiment.metric}` {experiment.direction}{size}"
    cells = (file.stem, manifest.verdict, claim, JournalEntry(folder, manifest).effect_text, manifest.hypothesis, source)
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Write the table again."""
    text = PAGE.read_text(encoding="utf-8")
    sources = dict(re.findall(r"^\| (\w+) \| .* \| ([^|]*) \|$", text, re.MULTILINE))
    head = text[: text.index("|---")].rstrip("\n")
    rows = [row(file, sources.get(file.stem, "")) for file in sorted((ROOT / "experiments").glob("*.yaml"))]
    PAGE.write_text("\n".join([head, "|---|---|---|---|---|---|", *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Results of mutation testing: `mutants.csv`, and `report.md` with the survivors and their explanations."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from mutation_sites import Mutant, apply_mutant

ROOT = Path(__file__).parents[2]


def write_report(mutants: list[Mutant], results: dict[str, dict[str, Any]], out: Path, heading: str) -> str:
    """Write `mutants.csv` and `report.md`; returns the summary."""
    known = json.loads((Path(__file__).parent / "explained_mutants.json").read_text(encoding="utf-8"))
    counts = Counter(results[mutant.key]["status"] for mutant in mutants)
    left = [mutant for mutant in mutants if results[mutant.key]["status"] in ("survived", "not covered")]
    why = {mutant.key: explanation(mutant, known) for mutant in left}
    killed = counts["killed"] + counts["timed out"]
    explained = sum(bool(text) for text in why.values())
    share = 100 * killed / max(len(mutants), 1)
    summary = (
        f"{heading}: {len(mutants)} mutants, {killed} killed ({share:.1f} %; {counts['timed out']} of them by a time limit), "
        f"{counts['survived']} survived, {counts['not covered']} not covered; {explained} of those left are explained"
    )
    with (out / "mutants.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "line", "function", "before", "after", "status", "test", "how", "tests run", "tests covering", "seconds"])
        for mutant in mutants:
            one = results[mutant.key]
            row = [mutant.file, mutant.line, mutant.function, mutant.before, mutant.after]
            writer.writerow([*row, *(one[name] for name in ("status", "by", "how", "tests", "of", "seconds"))])
    lines = [f"# {heading}", "", summary + ".", "", "| file | killed | timed out | survived | not covered |", "|---|---|---|---|---|"]
    for name in sorted({mutant.file for mutant in mutants}):
        by = Counter(results[mutant.key]["status"] for mutant in mutants if mutant.file == name)
        lines.append(f"| {name} | {by['killed']} | {by['timed out']} | {by['survived']} | {by['not covered']} |")
    lines += ["", "| survivor | function | before | after | tests run | explanation |", "|---|---|---|---|---|---|"]
    for mutant in left:
        one = results[mutant.key]
        cells = [
            f"{mutant.file}:{mutant.line}",
            mutant.function,
            f"`{mutant.before}`",
            f"`{mutant.after}`",
            f"{one['tests']} of {one['of']}",
        ]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, why[mutant.key]]) + " |")
    (out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return summary


def explanation(mutant: Mutant, known: list[dict[str, str]]) -> str:
    """The known reason why no fast test kills a mutant; entries give its source line before and after the change, without comments."""
    source = (ROOT / mutant.file).read_bytes()
    before, after = (
        text.decode("utf-8").splitlines()[mutant.line - 1].split("  # ")[0].strip() for text in (source, apply_mutant(source, mutant))
    )
    for entry in known:
        if (entry["function"], entry["before"], entry["after"]) == (mutant.function, before, after):
            return entry["why"]
    return ""

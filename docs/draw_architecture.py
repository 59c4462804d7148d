"""Draws docs/architecture.svg from the imports of the package: its layers, and the records that each one hands to higher ones.

    python docs/draw_architecture.py

A box is a folder of `cjsim/`; the lowest layer of `tests/test_layers.py` is at the bottom. Modules outside folders share one box at the
bottom and one at the top. An arc leads from a box to a higher one that imports from it, unless arcs through other boxes lead there too.
The second line of a box names the classes that most modules of other boxes import from it, or the functions if they import no classes.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
FOUNDATIONS, COMMAND_LINE = "errors, kernel, frame, ...", "cli, __main__"  # boxes of modules that are not folders
MAX_NAMES = 4  # in a box
BOX_WIDTH, BOX_HEIGHT, ROW_HEIGHT, MARGIN = 470, 40, 54, 16
ARC_STEP, ARC_BASE = 13, 10  # how far an arc stands out, by the rows that it spans
STYLE = (
    "text{font:12px sans-serif;fill:#222}.name{font-weight:bold}.box{fill:#f4f6f8;stroke:#7a8794}"
    ".arc{fill:none;stroke:#4a6fa5;stroke-width:1.2}.head{fill:#4a6fa5}svg{background:#fff}"
)

Edges = set[tuple[str, str]]  # (imported, importing)


def boxes() -> list[str]:
    """The boxes, lowest first: the folders of the layers in tests/test_layers.py, and those of single modules."""
    tree = ast.parse((ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8"))
    declared = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "LAYERS"
    )
    folders = [name for layer in declared for name in layer if (ROOT / "cjsim" / name).is_dir()]
    return [FOUNDATIONS, *folders, COMMAND_LINE]


def box_of(module: str, known: Iterable[str]) -> str:
    """The box of a module such as `cjsim.engine.buffers`; empty for the package itself."""
    part = module.partition(".")[2].partition(".")[0]
    if part in ("", *known):
        return part
    return COMMAND_LINE if part in COMMAND_LINE.split(", ") else FOUNDATIONS


def read_imports(known: list[str]) -> tuple[Edges, dict[str, Counter[str]]]:
    """Which box imports from which, and how many modules of other boxes import each class and function of a box."""
    edges: Edges = set()
    imported_names: dict[str, Counter[str]] = defaultdict(Counter)
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted((ROOT / "cjsim").rglob("*.py"))}
    trees = {name.removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8")) for name, path in paths.items()}
    defined = {
        (name, node.name): node.name if isinstance(node, ast.ClassDef) else f"{node.name}()"
        for name, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    for module, tree in trees.items():
        importing = box_of(module, known)
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module not in trees:
                continue
            imported = box_of(node.module, known)
            if "" not in (imported, importing) and imported != importing:
                edges.add((imported, importing))
                imported_names[imported].update(defined[node.module, one.name] for one in node.names if (node.module, one.name) in defined)
    return edges, imported_names


def most_imported(counts: Counter[str]) -> list[str]:
    """The classes that most modules import, or the functions if no class is imported."""
    ordered = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return ([name for name in ordered if not name.endswith("()")] or ordered)[:MAX_NAMES]


def without_detours(edges: Edges) -> Edges:
    """The edges that no longer path replaces."""
    above: dict[str, set[str]] = defaultdict(set)
    for low, high in edges:
        above[low].add(high)

    def reaches(start: str, goal: str) -> bool:
        return goal in above[start] or any(reaches(middle, goal) for middle in above[start])

    return {(low, high) for low, high in edges if not any(reaches(middle, high) for middle in above[low] - {high})}


def draw() -> str:
    """The picture as SVG."""
    order = boxes()
    edges, imported_names = read_imports(order)
    height = ROW_HEIGHT * len(order) + 2 * MARGIN
    tops = {name: height - MARGIN - ROW_HEIGHT * (row + 1) for row, name in enumerate(order)}
    right = MARGIN + BOX_WIDTH
    shapes = []
    kept = without_detours(edges)
    spans = {(low, high): order.index(high) - order.index(low) for low, high in kept}
    for low, high in sorted(kept, key=lambda edge: (spans[edge], edge)):
        reach = right + ARC_BASE + ARC_STEP * spans[low, high]
        start, end = tops[low] + 12, tops[high] + BOX_HEIGHT - 10
        shapes.append(f'<path class="arc" d="M{right} {start}C{reach} {start} {reach} {end} {right + 6} {end}"/>')
        shapes.append(f'<path class="head" d="M{right} {end}l8 -4v8z"/>')
    for name in order:
        top = tops[name]
        shapes.append(f'<rect class="box" x="{MARGIN}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4"/>')
        shapes.append(f'<text class="name" x="{MARGIN + 10}" y="{top + 16}">{escape(name)}</text>')
        shapes.append(f'<text x="{MARGIN + 10}" y="{top + 32}">{escape(", ".join(most_imported(imported_names[name])))}</text>')
    width = right + ARC_BASE + ARC_STEP * max(spans.values()) + MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *shapes, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")

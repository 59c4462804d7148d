"""Mutants of Python sources: places where one comparison, sign, logical operator or constant can be changed, found in the syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BOUNDARIES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
NEGATIONS = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}


class Mutant(NamedTuple):
    """One change of one place of a source."""

    file: str  # relative to the package's parent
    line: int
    function: str  # "" at the top level of a module
    before: str
    after: str
    start: int  # the span of bytes that `text` replaces
    end: int
    text: str
    lines: tuple[int, ...]  # lines that run if the place runs
    names: tuple[str, ...]  # at the top level: names set by the statement

    @property
    def site(self) -> tuple[str, int, int]:
        """The place: changes of one place are alternatives."""
        return self.file, self.start, self.end

    @property
    def key(self) -> str:
        """An identifier for a results file."""
        return f"{self.file}:{self.line}:{self.start}:{self.after}"


class _Finder:
    """Walks one source. Class bodies, decorators, annotations and `np.dtype(...)` only describe arrays and are excluded."""

    def __init__(self, file: str, source: bytes) -> None:
        self.file, self.source = file, source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.function = ""
        self.statement: ast.stmt | None = None
        self.found: list[Mutant] = []

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "np.dtype"):
            return
        if isinstance(node, ast.FunctionDef):
            outer, self.function = self.function, node.name
            for child in node.body:
                self.visit(child)
            self.function = outer
            return
        if isinstance(node, ast.stmt):
            self.statement = node
        self.mutate(node)
        for name, value in ast.iter_fields(node):
            if name == "annotation":
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    outer_statement = self.statement
                    self.visit(child)
                    self.statement = outer_statement

    def mutate(self, node: ast.AST) -> None:
        if isinstance(node, ast.Compare):
            for i, op in enumerate(node.ops):
                for table in (BOUNDARIES, NEGATIONS):
                    if type(op) in table:
                        node.ops[i] = table[type(op)]()
                        self.add(node, f"({ast.unparse(node)})", number=i)
                        node.ops[i] = op
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
            op = node.op
            node.op = ARITHMETIC[type(op)]()
            self.add(node, ast.unparse(node) if isinstance(node, ast.AugAssign) else f"({ast.unparse(node)})")
            node.op = op
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            self.add(node, f"({ast.unparse(node.operand)})")
        elif isinstance(node, ast.BoolOp):
            op_of_both = node.op
            node.op = ast.Or() if isinstance(op_of_both, ast.And) else ast.And()
            self.add(node, f"({ast.unparse(node)})")
            node.op = op_of_both
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            self.add(node, _changed(node.value))

    def add(self, node: ast.expr | ast.stmt, text: str, number: int = 0) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        assert self.statement is not None
        start, end = self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset
        names: tuple[str, ...] = ()
        if not self.function:
            names = tuple(part.id for part in ast.walk(self.statement) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
        before = " ".join(self.source[start:end].decode().split())
        lines = tuple(sorted({self.statement.lineno, *range(node.lineno, node.end_lineno + 1)}))
        after = text if number == 0 else f"{text}  [comparison {number + 1}]"
        self.found.append(Mutant(self.file, node.lineno, self.function, before, after, start, end, text, lines, names))


def _changed(value: float) -> str:
    if isinstance(value, bool):
        return repr(not value)
    if value in (0, 1):
        return repr(type(value)(1 - value))
    return repr(value + 1) if isinstance(value, int) else repr(value * 2.0)


def find_mutants(package: Path, folder: str = "kernels", skip: frozenset[str] = frozenset({"codes.py"})) -> list[Mutant]:
    """All mutants of the sources below a folder of a package, in the order of files and places."""
    found: list[Mutant] = []
    for path in sorted((package / folder).rglob("*.py")):
        if path.name not in skip:
            source = path.read_bytes()
            finder = _Finder(path.relative_to(package.parent).as_posix(), source)
            for node in ast.parse(source).body:
                finder.visit(node)
            found += sorted(finder.found, key=lambda mutant: (mutant.start, mutant.end))
    return found


def apply_mutant(source: bytes, mutant: Mutant) -> bytes:
    """The source with the change of a mutant."""
    return source[: mutant.start] + mutant.text.encode() + source[mutant.end :]


def lines_using(package: Path, names: tuple[str, ...], folder: str = "kernels") -> Iterator[tuple[str, int]]:
    """Lines of functions (file, number) that read one of the names, or a top-level name derived from one."""
    trees = {path.relative_to(package.parent).as_posix(): ast.parse(path.read_bytes()) for path in (package / folder).rglob("*.py")}
    wanted, size = set(names), -1
    while size != len(wanted):
        size = len(wanted)
        for tree in trees.values():
            for node in tree.body:
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and wanted & _names_read(node):
                    wanted |= {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    for file, tree in trees.items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for part in ast.walk(function):
                    if isinstance(part, ast.stmt) and part is not function and wanted & _names_read(part):
                        yield file, part.lineno


def _names_read(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}

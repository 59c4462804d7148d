"""Compiles conditions to postfix programs.

No Python code is evaluated: `ast` parses the text, and each node is either translated or rejected.
"""

import ast
import math
import warnings

from cjsim.errors import did_you_mean, nearest_choices, short_repr, unknown_name_parts
from cjsim.kernels.codes import STACK_DEPTH, ConditionOp
from cjsim.scenario.condition_names import CALLS, LABELS, LATENT_LABELS, LATENT_WORDS, WORDS, ConditionError, ConditionNames
from cjsim.scenario.condition_slips import HELP, SYNONYMS, remedy_for_slip, remedy_for_syntax
from cjsim.scenario.fields import parse_duration

Instruction = tuple[ConditionOp, int, float]
Program = tuple[Instruction, ...]

_COMPARE: dict[type[ast.cmpop], ConditionOp] = {
    ast.Eq: ConditionOp.EQ,
    ast.NotEq: ConditionOp.NE,
    ast.Lt: ConditionOp.LT,
    ast.LtE: ConditionOp.LE,
    ast.Gt: ConditionOp.GT,
    ast.GtE: ConditionOp.GE,
}
_BINARY: dict[type[ast.operator], ConditionOp] = {
    ast.Add: ConditionOp.ADD,
    ast.Sub: ConditionOp.SUBTRACT,
    ast.Mult: ConditionOp.MULTIPLY,
    ast.Div: ConditionOp.DIVIDE,
}
_EQUALITY = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def parse_condition(text: str, names: ConditionNames) -> Program:
    """Compile a condition to a postfix program that ends with `ConditionOp.END`.

    Parameters
    ----------
    text : str
        The condition, such as `purchases >= 2 and not tagged(vip)`.
    names : ConditionNames
        The names that the condition may use.

    Returns
    -------
    Program
        Instructions: tuples of operation, code of the name, and constant. The stack never holds more than `STACK_DEPTH` values.

    Raises
    ------
    ConditionError
        If the text is not a valid condition.

    Examples
    --------
    >>> [(op.name, arg, x) for op, arg, x in parse_condition("purchases >= 2", ConditionNames())]
    [('PURCHASES', 0, 0.0), ('CONST', 0, 2.0), ('GE', 0, 0.0), ('END', 0, 0.0)]
    """
    tree = parse_condition_syntax(text)
    try:
        instructions = _Translator(names).number(tree)
    except RecursionError:
        instructions = []
    depth = deepest = 0
    for op, _, _ in instructions:
        depth += _stack_growth(op)
        deepest = max(deepest, depth)
    if not instructions or deepest > STACK_DEPTH:
        raise ConditionError("must not be nested so deeply", short_repr(text), "Split the condition, or use fewer parentheses.")
    return (*instructions, (ConditionOp.END, 0, 0.0))


def parse_condition_syntax(text: str) -> ast.expr:
    """Parse the syntax of a condition. Names are not checked.

    Parameters
    ----------
    text : str
        The condition.

    Returns
    -------
    ast.expr

    Raises
    ------
    ConditionError
        If the text is not a Python expression.
    """
    line = " ".join(text.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns about text such as `1in [..]`, which the translator checks
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        column = f" (column {error.offset})" if error.offset else ""
        must = "must be a condition such as 'purchases >= 2 and not tagged(vip)'"
        raise ConditionError(must, short_repr(text) + column, remedy_for_syntax(line, error.msg)) from None
    except (ValueError, MemoryError, RecursionError):
        raise ConditionError("must be a condition such as 'purchases >= 2'", short_repr(text), "Shorten it.") from None


def _stack_growth(op: ConditionOp) -> int:
    """Number of values that an operation adds to the stack."""
    if op < ConditionOp.NOT:
        return 1
    return 0 if op in (ConditionOp.NOT, ConditionOp.NEGATE) else -1


class _Translator:
    """Translates syntax trees into instructions, and rejects unsupported nodes."""

    def __init__(self, names: ConditionNames) -> None:
        self.names = names

    def error_at(self, node: ast.AST, must: str, remedy: str, got: str = "") -> ConditionError:
        """Build the error for a node, with its column."""
        column = getattr(node, "col_offset", 0) + 1
        return ConditionError(must, f"{got or short_repr(ast.unparse(node))} (column {column})", remedy)

    def code(self, kind: str, name: str, node: ast.AST) -> int:
        """Return the code of a name. Errors give the column."""
        try:
            return self.names.code(kind, name)
        except ConditionError as error:
            raise self.error_at(node, error.must, error.remedy, error.got) from None

    def number(self, node: ast.expr) -> list[Instruction]:
        """Translate a node into instructions that push one number."""
        if isinstance(node, ast.BoolOp):
            op = ConditionOp.AND if isinstance(node.op, ast.And) else ConditionOp.OR
            return _join_by([self.number(value) for value in node.values], op)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
            return [*self.number(node.operand), _instruction(ConditionOp.NOT if isinstance(node.op, ast.Not) else ConditionOp.NEGATE)]
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return [*self.number(node.left), *self.number(node.right), _instruction(_BINARY[type(node.op)])]
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            pairs = [self.comparison(left, op, right) for left, op, right in zip(sides, node.ops, sides[1:], strict=False)]
            return _join_by(pairs, ConditionOp.AND)
        if isinstance(node, ast.Call):
            return self.call(node)
        if isinstance(node, ast.Constant):
            return self.constant(node)
        if isinstance(node, ast.Name):
            return self.word(node)
        must = "must use only and, or, not, comparisons, + - * /, numbers and names of the condition language"
        raise self.error_at(node, must, remedy_for_slip(ast.unparse(node)) or f"Remove this part. {HELP}")

    def constant(self, node: ast.Constant) -> list[Instruction]:
        """Translate a number, or a quoted duration (to days)."""
        value = node.value
        if isinstance(value, str):
            try:
                return [(ConditionOp.CONST, 0, float(parse_duration(value)))]
            except ValueError:
                remedy = "To compare a name, write it alone on one side of ==."
                raise self.error_at(node, "must be a number or a duration such as '36h' here", remedy) from None
        if not isinstance(value, (int, float)):
            raise self.error_at(node, "must be a number or a duration such as '36h' here", "Write it as a number.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.error_at(node, "must be a finite number", "Use a smaller number.", "a number out of range")
        return [(ConditionOp.CONST, 0, number)]

    def word(self, node: ast.Name) -> list[Instruction]:
        """Translate a name with a numeric value."""
        name, names = node.id, self.names
        if name in WORDS:
            return [_instruction(WORDS[name])]
        if name in LATENT_WORDS or name in names.traits or name in LATENT_LABELS:
            self.check_latent(node, name)
        if name in LATENT_WORDS:
            return [_instruction(LATENT_WORDS[name])]
        if name in names.traits:
            return [(ConditionOp.TRAIT, names.traits[name], 0.0)]
        if name in LABELS or name in names.attributes:
            remedy = f"Write {name} == NAME or {name} in [NAME, ..]."
            raise self.error_at(node, f"must compare '{name}' with a name, using ==, != or in", remedy)
        if name in CALLS:
            raise self.error_at(node, f"must name one {CALLS[name][1]} in parentheses", f"Write {name}(NAME).")
        latent = {*LATENT_LABELS, *LATENT_WORDS, *names.traits} if names.latent else set()
        known = sorted({"stage", *WORDS, *CALLS, *names.attributes, *latent})
        if name.lower() in ("true", "false", "yes", "no"):
            raise self.error_at(
                node, "must use only names of the condition language", "Leave out the comparison, and write 'not' for false."
            )
        synonym = f"Did you mean '{SYNONYMS[name]}'?" if name in SYNONYMS else ""
        remedy = synonym or did_you_mean(name, known) or f"Use a name such as {nearest_choices(name, known)}. {HELP}"
        raise self.error_at(node, "must use only names of the condition language", remedy)

    def check_latent(self, node: ast.AST, name: str) -> None:
        """Raise an error if a policy uses a latent variable."""
        if not self.names.latent:
            kind = "a trait" if name in self.names.traits else f"the {name}" if name in LATENT_LABELS else f"a customer's {name}"
            remedy = "Use what the firm observes: purchases, opens, clicks, days since events, attributes, scores or tags."
            raise self.error_at(node, f"must use only what the firm observes; a policy cannot see {kind}", remedy)

    def call(self, node: ast.Call) -> list[Instruction]:
        """Translate a call such as `count(order)`, with one name in parentheses."""
        word = node.func.id if isinstance(node.func, ast.Name) else ""
        if word not in CALLS:
            near = did_you_mean(word, CALLS) if word else ""
            if word.lower() in ("and", "or", "not"):
                near = f"Write '{word.lower()}' in lower case."
            raise self.error_at(node, f"must call only {nearest_choices(word, CALLS)}", near or f"Remove the parentheses. {HELP}")
        if len(node.args) != 1 or node.keywords:
            raise self.error_at(node, f"must have one name in the parentheses of '{word}'", f"Write {word}(NAME).")
        op, kind = CALLS[word]
        name = _bare_name(node.args[0])
        if name is None:
            raise self.error_at(node.args[0], f"must name one {kind} in the parentheses of '{word}'", f"Write {word}(NAME).")
        return [(op, self.code(kind, name, node.args[0]), 0.0)]

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> list[Instruction]:
        """Translate a comparison of two expressions."""
        if self.is_label(right) and isinstance(op, (ast.Eq, ast.NotEq)) and not self.is_label(left):
            left, right = right, left
        if isinstance(op, (ast.In, ast.NotIn)):
            if not isinstance(right, (ast.List, ast.Tuple, ast.Set)) or not right.elts:
                raise self.error_at(right, "must have a list after 'in'", "Write it as [NAME, ..].")
            pairs = [self.comparison(left, ast.Eq(), choice) for choice in right.elts]
            return [*_join_by(pairs, ConditionOp.OR), *([_instruction(ConditionOp.NOT)] if isinstance(op, ast.NotIn) else [])]
        if self.is_label(left):
            assert isinstance(left, ast.Name)
            return self.label_comparison(left, op, right)
        if type(op) not in _COMPARE:
            raise self.error_at(right, "must compare using ==, !=, <, <=, >, >=, in or not in", "Write == or !=.")
        return [*self.number(left), *self.number(right), _instruction(_COMPARE[type(op)])]

    def is_label(self, node: ast.expr) -> bool:
        """Whether a node is `stage`, `persona`, `interest` or an attribute. These are compared with names."""
        return isinstance(node, ast.Name) and (node.id in LABELS or node.id in self.names.attributes)

    def label_comparison(self, left: ast.Name, op: ast.cmpop, right: ast.expr) -> list[Instruction]:
        """Translate a comparison of `stage`, `persona`, `interest` or an attribute with a name."""
        if left.id in LATENT_LABELS:
            self.check_latent(left, left.id)
        if not isinstance(op, _EQUALITY):
            raise self.error_at(left, f"must compare '{left.id}' using ==, != or in", f"Write {left.id} == NAME.")
        name = _bare_name(right)
        if name is None:
            raise self.error_at(right, f"must compare '{left.id}' with a name", f"Write {left.id} == NAME.")
        if left.id in LABELS:
            instructions = [(LABELS[left.id], self.code(left.id, name, right), 0.0)]
            return [*instructions, _instruction(ConditionOp.NOT)] if isinstance(op, ast.NotEq) else instructions
        levels = self.names.levels[left.id]
        if name not in levels:
            must, got, remedy = unknown_name_parts(name, levels, "level")
            raise self.error_at(right, must, remedy, got)
        return [
            (ConditionOp.ATTRIBUTE, self.names.attributes[left.id], 0.0),
            (ConditionOp.CONST, 0, float(levels[name])),
            _instruction(_COMPARE[type(op)]),
        ]


def _bare_name(node: ast.expr) -> str | None:
    """Return the name in a node, bare or quoted, or None if the node is not a name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _instruction(op: ConditionOp) -> Instruction:
    return (op, 0, 0.0)


def _join_by(parts: list[list[Instruction]], op: ConditionOp) -> list[Instruction]:
    """Join parts by a binary operation, from left to right."""
    instructions = list(parts[0])
    for part in parts[1:]:
        instructions += [*part, _instruction(op)]
    return instructions

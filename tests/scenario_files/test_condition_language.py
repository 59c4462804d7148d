"""The condition language: words, rejected conditions, and programs compared with an independent oracle."""

import math
import operator
from collections.abc import Callable

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from cjsim.kernels.codes import STACK_DEPTH, ConditionOp
from cjsim.scenario.condition_names import (
    ACQUIRED_BY,
    CALLS,
    LABELS,
    LATENT_WORDS,
    RESERVED,
    TIME_DEPENDENT_OPS,
    WORDS,
    ConditionError,
    ConditionNames,
)
from cjsim.scenario.condition_parser import Program, parse_condition
from cjsim.simulation.documents import Scenario

NAMES_BY_KIND = {
    "stages": ("new", "old", "gone"),
    "events": ("buy", "return", "visit"),
    "channels": ("email", "sms"),
    "messages": ("hello", "offer"),
    "scores": ("lead", "use"),
    "tags": ("vip", "angry"),
    "attributes": ("country", "plan"),
    "traits": ("pace", "drop"),
    "personas": ("keen", "wary"),
    "interests": ("cars", "boats"),
    "offers": ("tenth", "gift"),
    "desks": ("support", "sales"),
    "rules": ("mail", "call"),
}
ATTRIBUTE_LEVELS = {"country": {"DE": 0, "US": 1}, "plan": {"free": 0, "paid": 1, "team": 2}}
JOURNEY_NAMES = ConditionNames(
    **{key: {name: code for code, name in enumerate(names)} for key, names in NAMES_BY_KIND.items()}, levels=ATTRIBUTE_LEVELS, latent=True
)
POLICY_NAMES = ConditionNames(
    **{
        **{key: getattr(JOURNEY_NAMES, key) for key in NAMES_BY_KIND},
        "levels": ATTRIBUTE_LEVELS,
        "hidden": frozenset({"stage gone", "event visit"}),
    }
)

# The state of the one customer that the oracle and the stack machine evaluate.
STAGE, PERSONA, INTEREST, COUNTRY, PLAN = "old", "keen", "boats", "US", "team"


def value_of(op: ConditionOp, arg: int) -> float:
    """The value of a name, different for each."""
    if op is ConditionOp.STAGE:
        return float(NAMES_BY_KIND["stages"][arg] == STAGE)
    if op is ConditionOp.PERSONA:
        return float(NAMES_BY_KIND["personas"][arg] == PERSONA)
    if op is ConditionOp.INTEREST:
        return float(NAMES_BY_KIND["interests"][arg] == INTEREST)
    if op is ConditionOp.ATTRIBUTE:
        return float(ATTRIBUTE_LEVELS["country"][COUNTRY] if arg == 0 else ATTRIBUTE_LEVELS["plan"][PLAN])
    if op in (ConditionOp.TAGGED, ConditionOp.CONSENT):
        return float(arg == 0)
    return math.inf if op is ConditionOp.SINCE and arg == 1 else int(op) / 4 + arg


BINARY: dict[ConditionOp, Callable[[float, float], float]] = {
    ConditionOp.AND: lambda a, b: float(a != 0 and b != 0),
    ConditionOp.OR: lambda a, b: float(a != 0 or b != 0),
    ConditionOp.EQ: operator.eq,
    ConditionOp.NE: operator.ne,
    ConditionOp.LT: operator.lt,
    ConditionOp.LE: operator.le,
    ConditionOp.GT: operator.gt,
    ConditionOp.GE: operator.ge,
    ConditionOp.ADD: operator.add,
    ConditionOp.SUBTRACT: operator.sub,
    ConditionOp.MULTIPLY: operator.mul,
    ConditionOp.DIVIDE: lambda a, b: a / b if b else 0.0,
}


def run_program(program: Program) -> float:
    """Evaluate a program with a plain stack machine."""
    stack: list[float] = []
    for op, arg, x in program:
        assert len(stack) <= STACK_DEPTH
        if op is ConditionOp.END:
            assert len(stack) == 1
            return stack[0]
        if op in BINARY:
            right, left = stack.pop(), stack.pop()
            stack.append(float(BINARY[op](left, right)))
        elif op in (ConditionOp.NOT, ConditionOp.NEGATE):
            value = stack.pop()
            stack.append(float(value == 0) if op is ConditionOp.NOT else -value)
        else:
            stack.append(x if op is ConditionOp.CONST else value_of(op, arg))
    raise AssertionError("no END")


TextAndValue = tuple[str, float]  # the text of an expression, and its value by the oracle
COMPARE = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@st.composite
def numbers(draw: st.DrawFn) -> TextAndValue:
    kind = draw(st.sampled_from(["constant", "duration", "word", "call", "trait"]))
    if kind == "constant":
        value = draw(st.integers(0, 20)) / 4
        return f"{value}", value
    if kind == "duration":
        hours = draw(st.integers(0, 96))
        return f"'{hours}h'", hours * (1 / 24)
    if kind == "word":
        word, op = draw(st.sampled_from([*WORDS.items(), *LATENT_WORDS.items()]))
        return word, value_of(op, 0)
    if kind == "trait":
        code = draw(st.integers(0, 1))
        return NAMES_BY_KIND["traits"][code], value_of(ConditionOp.TRAIT, code)
    word, (op, kind_of_name) = draw(st.sampled_from(list(CALLS.items())))
    names = NAMES_BY_KIND[f"{kind_of_name}s"]
    code = draw(st.integers(0, len(names) - 1))
    quoted = names[code] == "return" or draw(st.booleans())
    return f"{word}({names[code]!r})" if quoted else f"{word}({names[code]})", value_of(op, code)


@st.composite
def labels(draw: st.DrawFn) -> TextAndValue:
    left, truth, names = draw(
        st.sampled_from(
            [
                ("stage", STAGE, NAMES_BY_KIND["stages"]),
                ("persona", PERSONA, NAMES_BY_KIND["personas"]),
                ("interest", INTEREST, NAMES_BY_KIND["interests"]),
                ("country", COUNTRY, tuple(ATTRIBUTE_LEVELS["country"])),
                ("plan", PLAN, tuple(ATTRIBUTE_LEVELS["plan"])),
            ]
        )
    )
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    form = draw(st.sampled_from(["==", "!=", "in", "not in", "turned"]))
    if form == "turned":
        return f"'{chosen[0]}' == {left}", float(truth == chosen[0])
    if form in ("==", "!="):
        return f"{left} {form} {chosen[0]}", float((truth == chosen[0]) is (form == "=="))
    return f"{left} {form} [{', '.join(chosen)}]", float((truth in chosen) is (form == "in"))


def combine(inner: st.SearchStrategy[TextAndValue]) -> st.SearchStrategy[TextAndValue]:
    def chain(parts: list[TextAndValue], signs: list[str]) -> TextAndValue:
        text = parts[0][0] + "".join(f" {sign} {part[0]}" for sign, part in zip(signs, parts[1:], strict=False))
        pairs = zip(signs, parts, parts[1:], strict=False)
        return f"({text})", float(all(COMPARE[sign](left[1], right[1]) for sign, left, right in pairs))

    def logic(a: TextAndValue, b: TextAndValue, word: str) -> TextAndValue:
        left, right = a[1] != 0, b[1] != 0
        return f"({a[0]} {word} {b[0]})", float((left and right) if word == "and" else (left or right))

    def arithmetic(a: TextAndValue, b: TextAndValue, sign: str) -> TextAndValue:
        op = {"+": ConditionOp.ADD, "-": ConditionOp.SUBTRACT, "*": ConditionOp.MULTIPLY, "/": ConditionOp.DIVIDE}[sign]
        return f"({a[0]} {sign} {b[0]})", float(BINARY[op](a[1], b[1]))

    return st.one_of(
        st.builds(chain, st.lists(inner, min_size=3, max_size=3), st.lists(st.sampled_from(list(COMPARE)), min_size=1, max_size=2)),
        st.builds(logic, inner, inner, st.sampled_from(["and", "or"])),
        st.builds(arithmetic, inner, inner, st.sampled_from("+-*/")),
        st.builds(lambda a: (f"(not {a[0]})", float(a[1] == 0)), inner),
        st.builds(lambda a: (f"(-{a[0]})", -a[1]), inner),
        st.builds(lambda a: (f"({a[0]} in [1, 2.5])", float(a[1] in (1, 2.5))), inner),
    )


@given(st.recursive(st.one_of(numbers(), labels().map(lambda term: (f"({term[0]})", term[1]))), combine, max_leaves=12))
def test_program_agrees_with_the_oracle(condition: TextAndValue) -> None:
    text, value = condition
    result = run_program(parse_condition(text, JOURNEY_NAMES))
    assert result == value or (math.isnan(result) and math.isnan(value)), text


@pytest.mark.parametrize(
    ("text", "must", "remedy"),
    [
        ("purchases >= ", "must be a condition", ""),
        ("count(return) > 1", "must be a condition", "in quotes: 'return'"),
        ("stage = old", "must be a condition", "Write '==' in place of '='."),
        ("purchases => 3", "must be a condition", "Write '>=' in place of '=>'."),
        ("days_since(buy) > 30d", "must be a condition", "Put durations in quotes: '30d'."),
        ("hour > 3 AND day > 2", "must be a condition", "Write 'and' in lower case."),
        ("NOT(hour > 3)", "must call only", "Write 'not' in lower case."),
        ("hour > 3 && day > 2", "must be a condition", "Write 'and' in place of '&&'."),
        ("hour > 3 || day > 2", "must be a condition", "Write 'or' in place of '||'."),
        ("stage <> old", "must be a condition", "Write '!=' in place of '<>'."),
        ("!tagged(vip)", "must be a condition", "Write 'not' in place of '!'."),
        (
            "stage contains old",
            "must be a condition",
            "Write 'NAME in [A, B]', 'tagged(TAG)' or 'count(EVENT) > 0' in place of 'contains'.",
        ),
        ("hour > 3 & day > 2", "must use only and, or, not", "Write 'and' in place of '&'."),
        ("hour between 8 and 9", "must be a condition", "Write a range as 8 <= hour <= 18."),
        ("opens / contacts > 10%", "must be a condition", "Write 0.1 for 10 %."),
        ("stage == 'old", "must be a condition", "Close the quote."),
        ("(hour > 3", "must be a condition", "Balance the parentheses"),
        ("hour hour", "must be a condition", "'cjsim explain condition' shows what a condition may contain."),
        ("held_out == true", "must use only names of the condition language", "Leave out the comparison"),
        ("last_purchase > 3", "must use only names of the condition language", "days_since_purchase"),
        ("stage is old", "must compare 'stage' using ==, != or in", "Write stage == NAME."),
        ("xyz > 1", "must use only names of the condition language", "more. 'cjsim explain condition' shows"),
        ("purchases > 1)", "must be a condition", "column 14"),
        ("(" * 300, "must be a condition", ""),
        ("purchase > 1", "must use only names of the condition language", "Did you mean 'purchases'?"),
        ("count(by) > 1", "must be one of 'buy', 'return', 'visit'", "Did you mean 'buy'?"),
        ("count(by) > 1", "must be one of 'buy'", "(column 7)"),
        ("stage == odl", "must be one of 'new', 'old', 'gone'", "Did you mean 'old'?"),
        ("plan == fre", "must be one of 'free', 'paid', 'team'", "Did you mean 'free'?"),
        ("stage == 3", "must compare 'stage' with a name", "Write stage == NAME"),
        ("stage > old", "must compare 'stage' using ==, != or in", ""),
        ("stage", "must compare 'stage' with a name", ""),
        ("plan + 1 > 2", "must compare 'plan' with a name", ""),
        ("tagged", "must name one tag in parentheses", "Write tagged(NAME)"),
        ("tagged(vip, angry)", "must have one name in the parentheses", ""),
        ("tagged(vip and angry)", "must name one tag", ""),
        ("purchases(3) > 1", "must call only", ""),
        ("stage in old", "must have a list after 'in'", ""),
        ("purchases in []", "must have a list after 'in'", ""),
        ("hour is 3", "must compare using", ""),
        ("1e999 > 1", "must be a finite number", ""),
        ("'3 days' > 1", "must be a number or a duration", ""),
        ("None", "must be a number or a duration", ""),
        ("2 ** 9", "must use only and, or, not", ""),
        ("[1, 2]", "must use only and, or, not", ""),
        ("__import__('os').system('true')", "must call only", ""),
        ("(lambda: 1)()", "must call only", ""),
        ("purchases if 1 else 2", "must use only and, or, not", ""),
        ("revenue.real", "must use only and, or, not", ""),
        ("(1 + " * 40 + "1" + ")" * 40, "must not be nested so deeply", "Split the condition"),
        ("-" * 1900 + "1", "must not be nested so deeply", "Split the condition"),
    ],
)
def test_invalid_condition_is_rejected(text: str, must: str, remedy: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text, JOURNEY_NAMES)
    assert str(caught.value).startswith(must)
    assert remedy in str(caught.value)
    assert ", got " in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "pace > 1",
        "persona == keen",
        "interest == cars",
        "interest in [cars]",
        "satisfaction < 0.2",
        "pressure > 3",
        "purchases > 1 and drop < 1",
    ],
)
def test_policy_cannot_use_latent_variables(text: str) -> None:
    parse_condition(text, JOURNEY_NAMES)
    with pytest.raises(ConditionError, match="a policy cannot see"):
        parse_condition(text, POLICY_NAMES)


@pytest.mark.parametrize(
    "text", ["stage == gone", "visited(gone) > 0", "count(visit) > 1", "days_since(visit) > 1", "stage in [old, gone]"]
)
def test_policy_cannot_use_unobserved_stages_or_events(text: str) -> None:
    parse_condition(text, JOURNEY_NAMES)
    with pytest.raises(ConditionError, match=r"must use only (stage|event)s that the firm observes"):
        parse_condition(text, POLICY_NAMES)


def test_stack_depth_limit_is_as_documented() -> None:
    def nested(depth: int) -> str:
        return "(1 + " * (depth - 1) + "1" + ")" * (depth - 1)

    assert run_program(parse_condition(nested(STACK_DEPTH), JOURNEY_NAMES)) == STACK_DEPTH
    with pytest.raises(ConditionError):
        parse_condition(nested(STACK_DEPTH + 1), JOURNEY_NAMES)


def test_tag_that_is_never_set_is_rejected() -> None:
    unknown = ConditionNames(**{**{key: getattr(JOURNEY_NAMES, key) for key in NAMES_BY_KIND}, "tags": None})
    assert run_program(parse_condition("tagged(anything)", unknown)) == 1
    with pytest.raises(ConditionError, match="must be one of 'vip', 'angry', got 'vpi'"):
        parse_condition("tagged(vpi)", JOURNEY_NAMES)


def test_codes_are_the_order_of_declaration() -> None:
    scenario = Scenario.load(ROOT / "tests" / "worlds" / "every_construct.yaml")
    names = ConditionNames.from_documents(scenario.journey, scenario.policy, latent=False)
    assert list(names.events)[:3] == ["payday", "browse", "buy"]
    assert names.events["order_extra"] == 3
    assert names.tags == {"curious": 0, "angry": 1, "back": 2, "greeted": 3, "warm": 4, "vip": 5}
    assert names.levels["country"] == {"DE": 0, "FR": 1, "US": 2}


def test_every_keyword_is_reserved_and_every_op_has_a_keyword() -> None:
    words = {*WORDS.values(), *LATENT_WORDS.values(), *(op for op, _ in CALLS.values())}
    assert words | {ConditionOp.CONST, ConditionOp.OBSERVED_STAGE, ConditionOp.ATTRIBUTE, ConditionOp.TRAIT, *LABELS.values()} == {
        op
        for op in ConditionOp
        if op < ConditionOp.NOT and not op.name.startswith("TRUE_")  # these replace others in journeys
    }
    assert {ACQUIRED_BY, *LABELS, *WORDS, *CALLS, *LATENT_WORDS} == RESERVED
    assert words >= TIME_DEPENDENT_OPS.keys()

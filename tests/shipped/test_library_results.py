"""docs/library_results.md: every automation of a shipped firm states what it should do, and the page reports whether it does."""

import re

import pytest

import cjsim as cj
from cjsim.metrics.paired_differences import PairedDifference
from docs.write_library_results import FIRMS, PAGE, automations, p_value, page, results

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("firm", FIRMS)
def test_every_automation_has_one_row(firm: str) -> None:
    rows = [line for line in TEXT.splitlines() if re.match(rf"\| {firm} \| {firm}(_better)? \| (flow|broadcast) ", line)]
    expected = automations(firm)
    assert len(rows) == len(expected) > 3
    for one, row in zip(expected, rows, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:4] == [one.policy, f"{one.kind} `{one.name}`", f"{'raise' if one.raises else 'lower'} `{one.metric}`"]


@pytest.mark.parametrize("firm", FIRMS)
def test_every_sent_message_of_the_current_policy_has_a_card(firm: str) -> None:
    named = set(re.findall(rf"^\| {firm} \| `(\w+)` \|", TEXT, re.MULTILINE))
    assert named <= set(cj.Scenario.load(firm).journey.messages)
    assert len(named) > 2


def test_counts_above_the_ablations_match_the_table() -> None:
    n, does, harms = map(int, re.search(r"Of (\d+) automations, (\d+) clearly do what\nthey should, and (\d+)", TEXT).groups())  # type: ignore[union-attr]
    verdicts = re.findall(r"^\| \w+ \| \w+ \| (?:flow|broadcast) .*\| (yes|no, the opposite|not clear) \| [^|]*\|$", TEXT, re.MULTILINE)
    assert (n, does, harms) == (len(verdicts), verdicts.count("yes"), verdicts.count("no, the opposite"))


def test_p_value_at_the_end_of_the_interval_is_5_percent() -> None:
    assert p_value(PairedDifference(1, 2, 1.0, 0.0, 2.0, 1.0)) == pytest.approx(0.05)
    assert p_value(PairedDifference(1, 1, 0.0, 0.0, 0.0, 1.0)) == 1
    assert p_value(PairedDifference(1, 2, 1.0, 0.9, 1.1, 1.0)) < 1e-4


@pytest.mark.slow
def test_page_is_up_to_date() -> None:
    assert page([results(firm) for firm in FIRMS]) == TEXT

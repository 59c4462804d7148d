"""`Finding`: the result of one check of a trial."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from cjsim.json_records import JsonRecord, Number
from cjsim.uplift.p_values import adjusted_p_values

Severity = Literal["ok", "warning", "error"]

# Probability that a sound trial fails at least one of the tests (assumed). It leaves room below 5 % for the checks that are not tests.
FALSE_ALARM_RATE = 0.02


@dataclass(frozen=True, kw_only=True)
class Finding(JsonRecord):
    """Result of a check.

    Attributes
    ----------
    check : str
        Name of the check.
    severity : {"ok", "warning", "error"}
        An error means that the effects cannot be trusted.
    message : str
        What was found; for a warning or an error, also why it matters and what to do.
    p, p_adjusted : float
        p-value of a test, and the same value adjusted for the number of tests; nan if the check is not a test.
    figure : float
        The main figure of the message; nan if there is none.
    column : str or None
        The column that the finding concerns.
    message_if_ok : str
        Message of a test that is not significant after adjustment.
    """

    check: str
    severity: Severity
    message: str
    p: Number = math.nan
    p_adjusted: Number = math.nan
    figure: Number = math.nan
    column: str | None = None
    message_if_ok: Annotated[str, Field(exclude=True)] = ""


def finding_of_test(
    check: str,
    p: float,
    *,
    ok: str,
    alarm: str,
    severity: Severity = "warning",
    figure: float = math.nan,
    column: str | None = None,
) -> Finding:
    """Return the finding of a single test, which is significant if p is at most `FALSE_ALARM_RATE`.

    Parameters
    ----------
    check : str
        Name of the check.
    p : float
        p-value.
    ok, alarm : str
        Messages if the test is not significant, and if it is.
    severity : {"warning", "error"}
        Severity if the test is significant.
    figure : float
        The main figure quoted in the messages.
    column : str, optional
        The column that the alarm concerns.
    """
    if p <= FALSE_ALARM_RATE:
        return Finding(check=check, severity=severity, message=alarm, p=p, figure=figure, column=column, message_if_ok=ok)
    return Finding(check=check, severity="ok", message=ok, p=p, figure=figure, column=column, message_if_ok=ok)


def corrected_for_many(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Adjust the p-values of all tests (Holm), and mark tests that are no longer significant as ok.

    Parameters
    ----------
    findings : sequence of Finding
        Findings of tests and of other checks.

    Returns
    -------
    tuple of Finding
        A sound trial fails at least one of the tests with probability at most `FALSE_ALARM_RATE`.
    """
    adjusted = adjusted_p_values([finding.p for finding in findings]).tolist()
    return tuple(_corrected(finding, p) for finding, p in zip(findings, adjusted, strict=True))


def _corrected(finding: Finding, p_adjusted: float) -> Finding:
    if p_adjusted > FALSE_ALARM_RATE:  # false for nan
        return replace(finding, p_adjusted=p_adjusted, severity="ok", message=finding.message_if_ok)
    return replace(finding, p_adjusted=p_adjusted)

"""The family of steps: the actions of a flow. Each kind has its schema, checks, phrases and record."""

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field

from cjsim.kernels.codes import StepCode
from cjsim.scenario.fields import (
    Condition,
    EventName,
    MessageName,
    Name,
    Number,
    OfferName,
    PositiveDuration,
    ScoreName,
    Share,
    TagName,
)
from cjsim.scenario.kinds.earlier_events import Since, since_days, since_phrase
from cjsim.scenario.kinds.effects import DeskRequest
from cjsim.scenario.kinds.local_time_waits import WaitUntilTerms
from cjsim.scenario.kinds.references import ReferringKind, add_scores, experiment_stream
from cjsim.scenario.kinds.registers import Chain, PendingIndex, PolicyNames, RecordFields
from cjsim.scenario.name_checks import duplicate_faults, sum_faults
from cjsim.scenario.phrases import desk_phrase, duration_phrase, format_percent, score_phrase
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import StrictModel


class StepRecords(Chain, Protocol):
    """The step records of one flow under construction."""

    owner: str  # prefix of the names of the flow's random streams: `flow:NAME`

    def add_branch(self, entry: PendingIndex, steps: "Iterable[Step]", path: str) -> list[PendingIndex]:
        """Append the steps of a branch, and link `entry` to the first. Returns the fields that need the index of the next step."""

    def site(self, message: str) -> tuple[int, int]:
        """Return the code of the flow's site for a message, and the slot that counts its sends."""

    def jump(self, label: str) -> None:
        """Append a record that jumps to a label of the flow."""

    def add_shares(self, shares: list[RecordFields]) -> int:
        """Append SPLIT_SHARE records. Returns the index of the first."""


class StepKind(ReferringKind):
    """One step of a flow. `jump` refers to its `label`."""

    code: ClassVar[StepCode]
    instruction: ClassVar[str] = "{key} {body}"  # with placeholders for the key and its value
    takes_time: ClassVar[bool] = False  # time passes before the next step
    ends: ClassVar[bool] = False  # the flow does not continue with the next step in the list
    is_noticed: ClassVar[bool] = False  # the customer notices the step
    changes_something: ClassVar[bool] = True  # more than the position in the flow

    label: Annotated[Name, Field(examples=["again"])] | None = None
    """Name of the step, to which `jump` refers."""

    def phrase(self) -> str:
        """Describe the step as an instruction."""
        return self.instruction.format(key=self.key, body=self.body)

    def lever_phrase(self) -> str:
        """Return the title of the step as a lever: its key, and the names that it refers to."""
        return " ".join((self.key, *self.referred()))

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        """Append the STEP_RECORD records of the step at `path` in its flow. Returns the fields that need the index of the next step."""
        [name] = self.referred()
        return records.add({"op": self.code, "target": records.registers.code(self.refers_to, name)})

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        """Yield faults that do not depend on the journey."""
        yield from ()

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        """Yield a fault for each name that the journey does not declare or the firm does not observe."""
        yield from self.unknown_faults(path, names.journey)

    def branches(self) -> "Iterator[StepBranch]":
        """Iterate over the branches of the step."""
        yield from ()

    def condition(self) -> Condition | None:
        """Return the condition at the key `if`, or None."""
        return None


class StepBranch(NamedTuple):
    """A branch of a step."""

    keys: tuple[str, ...]  # path of its steps, relative to the step
    name: str
    phrase: str  # heading in descriptions
    steps: "tuple[Step, ...]"
    is_shown_empty: bool = False  # appears in descriptions even without steps
    takes_time: bool = False  # time passes before the first of its steps


class SendStep(StepKind, key="send"):
    """Sends a message."""

    code = StepCode.SEND
    refers_to = "message"
    is_noticed = True
    send: MessageName
    """Message to send; the guardrails may refuse or defer it."""

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        site, slot = records.site(self.send)
        return records.add({"op": self.code, "target": site, "slot": slot})


class WaitStep(StepKind, key="wait"):
    """Waits for a fixed time."""

    code = StepCode.WAIT
    takes_time = True
    changes_something = False
    wait: PositiveDuration = Field(examples=["3d"])
    """Time to wait before the next step."""

    def phrase(self) -> str:
        return f"wait {duration_phrase(self.wait)}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": self.code, "x": self.wait})


class WaitUntilStep(StepKind, key="wait_until"):
    """Waits until a local time. The wait ends immediately if it is that time now."""

    code = StepCode.UNTIL
    changes_something = False
    wait_until: WaitUntilTerms
    """Time of day and days of the week at which the wait ends."""

    def phrase(self) -> str:
        return self.wait_until.phrase()

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from duplicate_faults((*path, self.key, "weekdays"), self.wait_until.weekdays)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": self.code, **self.wait_until.fields()})


class WaitForTerms(StrictModel):
    """An event and a maximum wait, with steps for either outcome."""

    event: EventName = Field(examples=["order"])
    """Event to wait for; the firm must observe it."""
    at_most: PositiveDuration = Field(examples=["14d"])
    """Longest time to wait."""
    since: Since = Field(None, examples=["flow_start"])
    """Time from which an event that has already happened counts: a duration before this step, or `flow_start`; by default, none counts."""
    then: tuple["Step", ...] = ()
    """Steps to take when the event happens in time; none by default."""
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")
    """Steps to take if the event does not happen in time; none by default."""


class WaitForStep(StepKind, key="wait_for"):
    """Waits for an event, up to a maximum time."""

    code = StepCode.WAIT_FOR
    changes_something = False
    wait_for: WaitForTerms
    """Event to wait for, the longest wait, and what to do in either case."""

    def phrase(self) -> str:
        return f"wait up to {duration_phrase(self.wait_for.at_most)} for {self.wait_for.event}{since_phrase(self.wait_for.since)}"

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from names.observed_faults((*path, self.key, "event"), "event", self.wait_for.event)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        event = records.registers.code("event", self.wait_for.event)
        terms = {"x": self.wait_for.at_most, "since": since_days(self.wait_for.since)}
        return _add_fork(records, {"op": self.code, "target": event, **terms}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        waits = (self.wait_for.since is None, True)
        yield from _then_else(self.key, self.wait_for.then, self.wait_for.otherwise, waits)


class BranchTerms(StrictModel):
    """A condition, with steps for either case."""

    condition: Condition = Field(alias="if")
    """Condition that decides, evaluated when the customer reaches the step."""
    then: tuple["Step", ...] = ()
    """Steps to take if the condition holds; none by default."""
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")
    """Steps to take if the condition does not hold; none by default."""


class BranchStep(StepKind, key="branch"):
    """Continues with one of two branches, depending on a condition."""

    code = StepCode.BRANCH
    instruction = "if {body.condition}"
    changes_something = False
    branch: BranchTerms = Field(examples=[{"if": "purchases >= 1", "then": [{"send": "thanks"}]}])
    """Condition, and the steps to take in either case."""

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        program = records.registers.condition(self.branch.condition)
        return _add_fork(records, {"op": self.code, "program": program}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        yield from _then_else(self.key, self.branch.then, self.branch.otherwise)

    def condition(self) -> Condition:
        return self.branch.condition


def _then_else(key: str, then: "tuple[Step, ...]", otherwise: "tuple[Step, ...]", waits: tuple[bool, ...] = ()) -> Iterator[StepBranch]:
    for (name, steps), takes_time in zip((("then", then), ("else", otherwise)), waits or (False, False), strict=True):
        yield StepBranch((key, name), name, name, steps, takes_time=takes_time)


def _add_fork(records: StepRecords, record: RecordFields, step: StepKind, path: str) -> list[PendingIndex]:
    """Append the record of a step with the branches `then` and `else`, followed by its branches."""
    [(row, _)] = records.add(record)
    pending: list[PendingIndex] = []
    for field, branch in zip(("next", "other"), step.branches(), strict=True):
        pending += records.add_branch((row, field), branch.steps, f"{path}.{'.'.join(branch.keys)}")
    return pending


class Arm(StrictModel):
    """One arm of a split, and its share of customers."""

    share: Share = Field(examples=[0.5])
    """Share of customers in this arm; the shares of all arms sum to 1."""
    steps: tuple["Step", ...] = ()
    """Steps for customers in this arm; none by default."""


def _change_something(steps: tuple["Step", ...]) -> bool:
    return any(step.changes_something or any(_change_something(branch.steps) for branch in step.branches()) for step in steps)


class SplitStep(StepKind, key="split"):
    """Assigns the customer to a random arm. With `experiment`, a customer is in the same arm in all flows, and the log records the arm."""

    code = StepCode.SPLIT
    changes_something = False
    split: Annotated[dict[Name, Arm], Field(min_length=2, examples=[{"control": {"share": 0.5}, "treated": {"share": 0.5}}])]
    """Arms by name, with their shares and steps. The name of an `experiment` goes next to `split`, not inside it."""
    experiment: Name | None = Field(None, examples=["win_back_test"])
    """Experiment that the split belongs to; without it, each split draws a new arm each time."""

    def phrase(self) -> str:
        return "split at random" if self.experiment is None else f"split by experiment {self.experiment}"

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from sum_faults((*path, self.key), {name: arm.share for name, arm in self.split.items()})

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        cumulative, moment, name = self._cumulative_shares(), 0, f"{records.owner}::split:{self.label or path}"
        if self.experiment is not None:
            idle = [arm for arm, terms in self.split.items() if not _change_something(terms.steps)]
            moment, name = records.registers.experiment(self.experiment, cumulative, idle), experiment_stream(self.experiment)
        fields = {"target": moment, "count": len(self.split), "slot": records.registers.new_slot()}
        [(row, _)] = records.add({"op": self.code, **fields, "stream": records.registers.stream(name)})
        shares: list[RecordFields] = [{"cumulative": share, "step": -1} for share in cumulative.values()]
        row["other"] = records.add_shares(shares)
        pending: list[PendingIndex] = []
        for branch, share in zip(self.branches(), shares, strict=True):
            pending += records.add_branch((share, "step"), branch.steps, f"{path}.{'.'.join(branch.keys)}")
        return pending

    def _cumulative_shares(self) -> dict[str, float]:
        """Return the cumulative share of each arm, in the order of declaration."""
        total = math.fsum(arm.share for arm in self.split.values())
        return dict(zip(self.split, accumulate(arm.share / total for arm in self.split.values()), strict=True))

    def branches(self) -> Iterator[StepBranch]:
        for name, arm in self.split.items():
            phrase = f"{name}, {format_percent(arm.share)}"
            yield StepBranch((self.key, name, "steps"), name, phrase, arm.steps, is_shown_empty=True)


class TagStep(StepKind, key="tag"):
    """Sets a tag."""

    code = StepCode.TAG
    refers_to = "tag"
    tag: TagName
    """Tag to set."""


class UntagStep(StepKind, key="untag"):
    """Removes a tag."""

    code = StepCode.UNTAG
    refers_to = "tag"
    untag: TagName
    """Tag to remove."""


class ScoreStep(StepKind, key="score"):
    """Adds points to scores, by name."""

    code = StepCode.SCORE
    refers_to = "score"
    score: dict[ScoreName, Number]
    """Points to add to each score; negative points lower it."""

    def phrase(self) -> str:
        return score_phrase(self.score)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return add_scores(records, self.score, code=self.code, empty=StepCode.JUMP)


class OfferStep(StepKind, key="offer"):
    """Grants an offer."""

    code = StepCode.OFFER
    refers_to = "offer"
    is_noticed = True
    offer: OfferName
    """Offer that the customer gets; its validity and its uses are reset."""


class AskStep(StepKind, key="ask"):
    """Sends a request to a desk on behalf of the customer."""

    code = StepCode.ASK
    refers_to = "desk"
    changed_words = frozenset({"asks"})
    is_noticed = True
    ask: DeskRequest
    """Desk that gets the request, or `{desk, priority}`."""

    def phrase(self) -> str:
        return f"ask {desk_phrase(self.ask.desk, self.ask.priority)}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        desk = records.registers.code("desk", self.ask.desk)
        return records.add({"op": self.code, "target": desk, "x": float(self.ask.priority)})


class JumpStep(StepKind, key="jump"):
    """Continues at the step with the given label."""

    code = StepCode.JUMP
    instruction = "jump to {body}"
    ends = True
    changes_something = False
    jump: Name = Field(examples=["again"])
    """Label of the step to continue with."""

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        records.jump(self.jump)
        return []


class StopStep(StepKind, key="stop"):
    """Ends the flow."""

    code = StepCode.STOP
    instruction = "stop"
    ends = True
    changes_something = False
    stop: Literal[True]
    """Always `true`; the flow ends here."""

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        records.add({"op": self.code})
        return []


Step = Annotated[
    SendStep
    | WaitStep
    | WaitUntilStep
    | WaitForStep
    | BranchStep
    | SplitStep
    | TagStep
    | UntagStep
    | ScoreStep
    | OfferStep
    | AskStep
    | JumpStep
    | StopStep,
    KeyedUnion("step"),
]

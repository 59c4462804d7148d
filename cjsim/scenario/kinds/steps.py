"""The family of steps: what a flow does, one after another. Each kind has its schema, checks, phrases and record."""

import math
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field

from cjsim.kernels.codes import StepCode
from cjsim.scenario.fields import WEEKDAYS, Condition, Hour, Integer, Name, Number, PositiveDuration, Share, Weekday, hour_text
from cjsim.scenario.kinds.effects import DeskRequest
from cjsim.scenario.kinds.references import ReferringKind, add_scores
from cjsim.scenario.kinds.registers import Chain, PendingIndex, PolicyNames, RecordFields
from cjsim.scenario.name_checks import duplicate_faults, sum_faults
from cjsim.scenario.phrases import desk_phrase, duration_phrase, format_percent, join_names, score_phrase
from cjsim.yaml.keyed_union import KeyedUnion
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import StrictModel


class StepRecords(Chain, Protocol):
    """The step records of one flow under construction."""

    @property
    def owner(self) -> str:
        """The flow, as in the names of its random streams: `flow:NAME`."""

    def add_branch(self, entry: PendingIndex, steps: "Iterable[Step]", path: str) -> list[PendingIndex]:
        """Append the steps of a branch, to whose first the field `entry` points. Returns the fields that wait for the next step."""

    def site(self, message: str) -> tuple[int, int]:
        """Code of the flow's site for a message, and the slot that counts its sends."""

    def jump(self, label: str) -> None:
        """Append a record that continues at a label of the flow."""

    def add_shares(self, shares: list[RecordFields]) -> int:
        """Append SPLIT_SHARE records. Returns the index of the first."""


class StepKind(ReferringKind):
    """One step of a flow; a `label` names it for `jump`."""

    code: ClassVar[StepCode]
    takes_time: ClassVar[bool] = False  # the flow waits here, so that what follows does not happen at the same moment
    ends: ClassVar[bool] = False  # the step that is written after it does not follow
    is_noticed: ClassVar[bool] = False  # by the customer
    changes_something: ClassVar[bool] = True  # other than where the flow is

    label: Name | None = None

    def phrase(self) -> str:
        """The step in words, as an instruction."""
        return f"{self.key} {self.body}"

    def lever_phrase(self) -> str:
        """The step as the title of a lever."""
        return f"{self.key} {self.body}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        """Append the STEP_RECORD records of the step, which is at `path` in its flow. Returns the fields that wait for the next step."""
        [name] = self.referred()
        return records.add({"op": self.code, "target": records.registers.code(self.refers_to, name)})

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        """Yield what is wrong whatever the journey."""
        yield from ()

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        """Yield names that the journey does not declare or that the firm cannot observe."""
        yield from self.unknown_faults(path, names.journey)

    def branches(self) -> "Iterator[StepBranch]":
        """The branches of a step that forks the flow."""
        yield from ()

    def condition(self) -> Condition | None:
        """The step's condition, at the key `if`."""
        return None


class StepBranch(NamedTuple):
    """A branch of a step."""

    keys: tuple[str, ...]  # below the step, of its steps
    name: str
    phrase: str  # that introduces it in descriptions
    steps: "tuple[Step, ...]"
    is_shown_empty: bool = False  # described even if it has no steps


class SendStep(StepKind, key="send"):
    """Sends a message."""

    code = StepCode.SEND
    refers_to = "message"
    is_noticed = True
    send: Name

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        site, slot = records.site(self.send)
        return records.add({"op": self.code, "target": site, "slot": slot})


class WaitStep(StepKind, key="wait"):
    """Waits for a fixed time."""

    code = StepCode.WAIT
    takes_time = True
    changes_something = False
    wait: PositiveDuration

    def phrase(self) -> str:
        return f"wait {duration_phrase(self.wait)}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": self.code, "x": self.wait})


class WaitUntilTerms(StrictModel):
    """The next time that it is `at`, local time, on one of the weekdays (any, if none are named).

    `best_hour`: later than `at` by as much as the firm has observed this customer open, click and visit later in the day than `typical`,
    once it has observed at least `learn_from` of them; `at` before that. `at` is then the best hour for all customers, and `typical` the
    hour around which customers who are contacted at `at` open, click and visit (the circular mean, from the log). Without `typical`,
    `at` is taken for it, and customers who open their mail late are taken for customers who are late.
    """

    at: Hour
    weekdays: tuple[Weekday, ...] = ()
    best_hour: bool = False
    typical: Hour | None = None
    learn_from: Annotated[Integer, Field(ge=1, le=1000)] = 5


class WaitUntilStep(StepKind, key="wait_until"):
    """Waits until a local time. The wait is over at once where it is that time."""

    code = StepCode.UNTIL
    changes_something = False
    wait_until: WaitUntilTerms

    def phrase(self) -> str:
        until = self.wait_until
        days = f" on {join_names(until.weekdays)}" if until.weekdays else ""
        if not until.best_hour:
            return f"wait until {hour_text(until.at)}{days}"
        typical = hour_text(until.at if until.typical is None else until.typical)
        learned = f"{hour_text(until.at)} before {until.learn_from} activities; later if they are later than {typical}"
        return f"wait until the customer's best hour{days} ({learned})"

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from duplicate_faults((*path, self.key, "weekdays"), self.wait_until.weekdays)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        until = self.wait_until
        days = sum(1 << WEEKDAYS.index(day) for day in set(until.weekdays)) if until.weekdays else 2 ** len(WEEKDAYS) - 1
        typical = until.at if until.typical is None else until.typical
        fields = {"x": until.at, "typical": typical, "count": days, "target": int(until.best_hour), "other": until.learn_from}
        return records.add({"op": self.code, **fields})


class WaitForTerms(StrictModel):
    """An event, and the longest wait for it; `then` follows the event, `else` the end of the wait."""

    event: Name
    at_most: PositiveDuration
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class WaitForStep(StepKind, key="wait_for"):
    """Waits for an event."""

    code = StepCode.WAIT_FOR
    takes_time = True
    changes_something = False
    wait_for: WaitForTerms

    def phrase(self) -> str:
        return f"wait for {self.wait_for.event}, at most {duration_phrase(self.wait_for.at_most)}"

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from names.observed_faults((*path, self.key, "event"), "event", self.wait_for.event)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        event = records.registers.code("event", self.wait_for.event)
        return _add_fork(records, {"op": self.code, "target": event, "x": self.wait_for.at_most}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        yield from _then_else(self.key, self.wait_for.then, self.wait_for.otherwise)


class BranchTerms(StrictModel):
    """A condition; `then` follows if it holds, `else` if not."""

    condition: Condition = Field(alias="if")
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class BranchStep(StepKind, key="branch"):
    """Continues in one of two ways."""

    code = StepCode.BRANCH
    changes_something = False
    branch: BranchTerms

    def phrase(self) -> str:
        return f"if {self.branch.condition}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        program = records.registers.condition(self.branch.condition)
        return _add_fork(records, {"op": self.code, "program": program}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        yield from _then_else(self.key, self.branch.then, self.branch.otherwise)

    def condition(self) -> Condition:
        return self.branch.condition


def _then_else(key: str, then: "tuple[Step, ...]", otherwise: "tuple[Step, ...]") -> Iterator[StepBranch]:
    for name, steps in (("then", then), ("else", otherwise)):
        yield StepBranch((key, name), name, name, steps)


def _add_fork(records: StepRecords, record: RecordFields, step: StepKind, path: str) -> list[PendingIndex]:
    """Append the record of a step with the branches `then` and `else`, and the branches."""
    [(row, _)] = records.add(record)
    pending: list[PendingIndex] = []
    for field, branch in zip(("next", "other"), step.branches(), strict=True):
        pending += records.add_branch((row, field), branch.steps, f"{path}.{'.'.join(branch.keys)}")
    return pending


class Arm(StrictModel):
    """One arm of a split, and the share of customers that it gets."""

    share: Share
    steps: tuple["Step", ...] = ()


class SplitStep(StepKind, key="split"):
    """Draws an arm. With `experiment`, a customer always gets the same arm of that experiment, in all flows, and the log names it."""

    code = StepCode.SPLIT
    changes_something = False
    split: Annotated[dict[Name, Arm], Field(min_length=2)]
    experiment: Name | None = None

    def phrase(self) -> str:
        return "split at random" if self.experiment is None else f"split by experiment {self.experiment}"

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from sum_faults((*path, self.key), {name: arm.share for name, arm in self.split.items()})

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        name = f"{records.owner}::split:{self.label or path}" if self.experiment is None else f"experiment:{self.experiment}"
        fields = {"target": int(self.experiment is not None), "count": len(self.split), "slot": records.registers.new_slot()}
        [(row, _)] = records.add({"op": self.code, **fields, "stream": records.registers.stream(name)})
        total = math.fsum(arm.share for arm in self.split.values())
        cumulative = 0.0
        shares: list[RecordFields] = []
        for arm in self.split.values():
            cumulative += arm.share / total
            shares.append({"cumulative": cumulative, "step": -1})
        row["other"] = records.add_shares(shares)
        pending: list[PendingIndex] = []
        for branch, share in zip(self.branches(), shares, strict=True):
            pending += records.add_branch((share, "step"), branch.steps, f"{path}.{'.'.join(branch.keys)}")
        return pending

    def branches(self) -> Iterator[StepBranch]:
        for name, arm in self.split.items():
            phrase = f"{name}, {format_percent(arm.share)}"
            yield StepBranch((self.key, name, "steps"), name, phrase, arm.steps, is_shown_empty=True)


class TagStep(StepKind, key="tag"):
    """Sets a tag."""

    code = StepCode.TAG
    refers_to = "tag"
    tag: Name


class UntagStep(StepKind, key="untag"):
    """Removes a tag."""

    code = StepCode.UNTAG
    refers_to = "tag"
    untag: Name


class ScoreStep(StepKind, key="score"):
    """Adds points to scores, by name."""

    code = StepCode.SCORE
    refers_to = "score"
    score: dict[Name, Number]

    def phrase(self) -> str:
        return score_phrase(self.score)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return add_scores(records, self.score, code=self.code, empty=StepCode.JUMP)


class OfferStep(StepKind, key="offer"):
    """Grants an offer."""

    code = StepCode.OFFER
    refers_to = "offer"
    is_noticed = True
    offer: Name


class AskStep(StepKind, key="ask"):
    """Asks a desk on the customer's behalf."""

    code = StepCode.ASK
    refers_to = "desk"
    is_noticed = True
    ask: DeskRequest

    def phrase(self) -> str:
        return f"ask {desk_phrase(self.ask.desk, self.ask.priority)}"

    def lever_phrase(self) -> str:
        return f"ask {self.ask.desk}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        desk = records.registers.code("desk", self.ask.desk)
        return records.add({"op": self.code, "target": desk, "x": float(self.ask.priority)})

    def changed_words(self) -> frozenset[str]:
        return frozenset({"asks"})


class JumpStep(StepKind, key="jump"):
    """Continues at the step with a label."""

    code = StepCode.JUMP
    ends = True
    changes_something = False
    jump: Name

    def phrase(self) -> str:
        return f"jump to {self.jump}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        records.jump(self.jump)
        return []


class StopStep(StepKind, key="stop"):
    """Ends the flow."""

    code = StepCode.STOP
    ends = True
    changes_something = False
    stop: Literal[True]

    def phrase(self) -> str:
        return "stop"

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
    KeyedUnion(),
]


def step_lines(steps: Iterable[Step]) -> Iterator[str]:
    """Steps in words, a line each; the steps of branches are indented below the branch."""
    for step in steps:
        yield f"{step.label}: {step.phrase()}" if step.label else step.phrase()
        for branch in step.branches():
            if branch.steps or branch.is_shown_empty:
                yield f"  {branch.phrase}:" if branch.steps else f"  {branch.phrase}: nothing"
                yield from (f"    {line}" for line in step_lines(branch.steps))

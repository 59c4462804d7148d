"""The family of steps: what a flow does, one after another. Each kind has its schema, checks, phrases and record."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field

from cjsim.kernels.codes import StepCode
from cjsim.scenario.effects import DeskRequest
from cjsim.scenario.fields import WEEKDAYS, Condition, Hour, Integer, Name, Number, PositiveDuration, Share, Weekday, hour_text
from cjsim.scenario.name_checks import duplicate_faults, sum_faults, unknown_key_faults, unknown_name_faults
from cjsim.scenario.phrases import desk_phrase, duration_phrase, format_percent, join_names, score_phrase
from cjsim.scenario.registers import PendingIndex, PolicyNames, RecordFields, Registers
from cjsim.yaml.keyed_union import KeyedUnion, Kind
from cjsim.yaml.paths import Fault, KeyPath
from cjsim.yaml.strict_model import StrictModel


class StepRecords(Protocol):
    """The step records of one flow under construction."""

    @property
    def registers(self) -> Registers:
        """Codes, streams and conditions."""
        ...

    @property
    def owner(self) -> str:
        """The flow, as in the names of its random streams: `flow:NAME`."""
        ...

    def add(self, record: RecordFields) -> list[PendingIndex]:
        """Append a record. Returns its field that waits for the index of the next step."""
        ...

    def add_branch(self, entry: PendingIndex, steps: "Iterable[Step]", path: str) -> list[PendingIndex]:
        """Append the steps of a branch, to whose first the field `entry` points. Returns the fields that wait for the next step."""
        ...

    def resume(self, pending: Iterable[PendingIndex]) -> None:
        """Let the fields that wait point to the record that is appended next."""
        ...

    def site(self, message: str) -> tuple[int, int]:
        """Code of the flow's site for a message, and the slot that counts its sends."""
        ...

    def jump(self, label: str) -> None:
        """Append a record that continues at a label of the flow."""
        ...

    def add_shares(self, shares: list[RecordFields]) -> int:
        """Append SPLIT_SHARE records. Returns the index of the first."""
        ...


class StepKind(Kind):
    """One step of a flow; a `label` names it for `jump`."""

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

    @abstractmethod
    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        """Append the STEP_RECORD records of the step, which is at `path` in its flow. Returns the fields that wait for the next step."""

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        """Yield what is wrong whatever the journey."""
        yield from ()

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        """Yield names that the journey does not declare or that the firm cannot observe."""
        yield from ()

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of each message, desk, score or tag that it sends, asks or changes."""
        return ()

    def changed_words(self) -> frozenset[str]:
        """Words of conditions whose value it may change, other than the names in `leads_to`."""
        return frozenset()

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

    is_noticed = True
    send: Name

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_name_faults((*path, self.key), self.send, names.journey.messages, "message")

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        site, slot = records.site(self.send)
        return records.add({"op": StepCode.SEND, "target": site, "slot": slot})

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        return (("message", self.send),)


class WaitStep(StepKind, key="wait"):
    """Waits for a fixed time."""

    takes_time = True
    changes_something = False
    wait: PositiveDuration

    def phrase(self) -> str:
        return f"wait {duration_phrase(self.wait)}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": StepCode.WAIT, "x": self.wait})


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

    changes_something = False
    wait_until: WaitUntilTerms

    def phrase(self) -> str:
        until = self.wait_until
        days = f" on {join_names(until.weekdays)}" if until.weekdays else ""
        if not until.best_hour:
            return f"wait until {hour_text(until.at)}{days}"
        learned = f"{hour_text(until.at)} until {until.learn_from} activities are known"
        typical = hour_text(until.at if until.typical is None else until.typical)
        return f"wait until the customer's best hour{days} ({learned}, then later by as much as its activity is later than {typical})"

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from duplicate_faults((*path, self.key, "weekdays"), self.wait_until.weekdays)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        until = self.wait_until
        days = sum(1 << WEEKDAYS.index(day) for day in set(until.weekdays)) if until.weekdays else 2 ** len(WEEKDAYS) - 1
        typical = until.at if until.typical is None else until.typical
        fields = {"x": until.at, "typical": typical, "count": days, "target": int(until.best_hour), "other": until.learn_from}
        return records.add({"op": StepCode.UNTIL, **fields})


class WaitForTerms(StrictModel):
    """An event, and the longest wait for it; `then` follows the event, `else` the end of the wait."""

    event: Name
    at_most: PositiveDuration
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class WaitForStep(StepKind, key="wait_for"):
    """Waits for an event."""

    takes_time = True
    changes_something = False
    wait_for: WaitForTerms

    def phrase(self) -> str:
        return f"wait for {self.wait_for.event}, at most {duration_phrase(self.wait_for.at_most)}"

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from names.observed_faults((*path, self.key, "event"), "event", self.wait_for.event)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        event = records.registers.code("event", self.wait_for.event)
        return _add_fork(records, {"op": StepCode.WAIT_FOR, "target": event, "x": self.wait_for.at_most}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        yield from _then_else(self.key, self.wait_for.then, self.wait_for.otherwise)


class BranchTerms(StrictModel):
    """A condition; `then` follows if it holds, `else` if not."""

    condition: Condition = Field(alias="if")
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class BranchStep(StepKind, key="branch"):
    """Continues in one of two ways."""

    changes_something = False
    branch: BranchTerms

    def phrase(self) -> str:
        return f"if {self.branch.condition}"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        program = records.registers.condition(self.branch.condition)
        return _add_fork(records, {"op": StepCode.BRANCH, "program": program}, self, path)

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
        [(row, _)] = records.add({"op": StepCode.SPLIT, **fields, "stream": records.registers.stream(name)})
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

    tag: Name

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": StepCode.TAG, "target": records.registers.code("tag", self.tag)})

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        return (("tag", self.tag),)


class UntagStep(StepKind, key="untag"):
    """Removes a tag."""

    untag: Name

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": StepCode.UNTAG, "target": records.registers.code("tag", self.untag)})

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        return (("tag", self.untag),)


class ScoreStep(StepKind, key="score"):
    """Adds points to scores, by name."""

    score: dict[Name, Number]

    def phrase(self) -> str:
        return score_phrase(self.score)

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_key_faults((*path, self.key), self.score, names.journey.scores, "score")

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        pending: list[PendingIndex] = [] if self.score else records.add({"op": StepCode.JUMP})
        for name, points in self.score.items():
            records.resume(pending)
            pending = records.add({"op": StepCode.SCORE, "target": records.registers.code("score", name), "x": points})
        return pending

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        return tuple(("score", name) for name in self.score)


class OfferStep(StepKind, key="offer"):
    """Grants an offer."""

    is_noticed = True
    offer: Name

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_name_faults((*path, self.key), self.offer, names.journey.offers, "offer")

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        return records.add({"op": StepCode.OFFER, "target": records.registers.code("offer", self.offer)})


class AskStep(StepKind, key="ask"):
    """Asks a desk on the customer's behalf."""

    is_noticed = True
    ask: DeskRequest

    def phrase(self) -> str:
        return f"ask {desk_phrase(self.ask.desk, self.ask.priority)}"

    def lever_phrase(self) -> str:
        return f"ask {self.ask.desk}"

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from unknown_name_faults((*path, self.key, "desk"), self.ask.desk, names.journey.desks, "desk")

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        desk = records.registers.code("desk", self.ask.desk)
        return records.add({"op": StepCode.ASK, "target": desk, "x": float(self.ask.priority)})

    def leads_to(self) -> tuple[tuple[str, str], ...]:
        return (("desk", self.ask.desk),)

    def changed_words(self) -> frozenset[str]:
        return frozenset({"asks"})


class JumpStep(StepKind, key="jump"):
    """Continues at the step with a label."""

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

    ends = True
    changes_something = False
    stop: Literal[True]

    def phrase(self) -> str:
        return "stop"

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        records.add({"op": StepCode.STOP})
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

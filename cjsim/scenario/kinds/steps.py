"""The family of steps: the actions of a flow. Each kind has its schema, checks, phrases and record."""

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field

from cjsim.kernels.codes import StepCode
from cjsim.scenario.fields import WEEKDAYS, Condition, Hour, Integer, Name, Number, PositiveDuration, Share, Weekday, hour_text
from cjsim.scenario.kinds.effects import DeskRequest
from cjsim.scenario.kinds.references import ReferringKind, add_scores
from cjsim.scenario.kinds.registers import Chain, PendingIndex, PolicyNames, RecordFields
from cjsim.scenario.name_checks import duplicate_faults, sum_faults
from cjsim.scenario.phrases import desk_phrase, duration_phrase, format_percent, join_items, score_phrase
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
    instruction: ClassVar[str] = "{key} {body}"  # with places for the key and its value
    takes_time: ClassVar[bool] = False  # time passes before the next step
    ends: ClassVar[bool] = False  # the flow does not continue with the next step in the list
    is_noticed: ClassVar[bool] = False  # the customer notices the step
    changes_something: ClassVar[bool] = True  # more than the position in the flow

    label: Name | None = None

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
    """The next time of day `at` (local time) on one of the weekdays (default: any day).

    `best_hour`: shift `at` to the customer's own hour. The shift is how much later than `typical` the firm has observed this customer
    open, click and visit. It is 0 until there are `learn_from` observations. With `best_hour`, `at` should be the best hour for all
    customers, and `typical` the circular mean hour at which customers who are contacted at `at` open, click and visit (read it from the
    log). `typical` defaults to `at`; customers who take long to open then look like customers who are active late in the day.
    """

    at: Hour
    weekdays: tuple[Weekday, ...] = ()
    best_hour: bool = False
    typical: Hour | None = None
    learn_from: Annotated[Integer, Field(ge=1, le=1000)] = 5


class WaitUntilStep(StepKind, key="wait_until"):
    """Waits until a local time. The wait ends immediately if it is that time now."""

    code = StepCode.UNTIL
    changes_something = False
    wait_until: WaitUntilTerms

    def phrase(self) -> str:
        until = self.wait_until
        days = f" on {join_items(day.capitalize() for day in until.weekdays)}" if until.weekdays else ""
        if not until.best_hour:
            return f"wait until {hour_text(until.at)}{days}"
        typical = hour_text(until.at if until.typical is None else until.typical)
        learned = (
            f"{hour_text(until.at)} at first; after {until.learn_from} observed opens, clicks or visits, "
            f"shifted by the difference between the customer's typical hour of activity and {typical}"
        )
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
    """An event and a maximum wait. `then` runs if the event happens in time, `else` if it does not."""

    event: Name
    at_most: PositiveDuration
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class WaitForStep(StepKind, key="wait_for"):
    """Waits for an event, up to a maximum time."""

    code = StepCode.WAIT_FOR
    takes_time = True
    changes_something = False
    wait_for: WaitForTerms

    def phrase(self) -> str:
        return f"wait up to {duration_phrase(self.wait_for.at_most)} for {self.wait_for.event}"

    def name_faults(self, path: KeyPath, names: PolicyNames) -> Iterator[Fault]:
        yield from names.observed_faults((*path, self.key, "event"), "event", self.wait_for.event)

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        event = records.registers.code("event", self.wait_for.event)
        return _add_fork(records, {"op": self.code, "target": event, "x": self.wait_for.at_most}, self, path)

    def branches(self) -> Iterator[StepBranch]:
        yield from _then_else(self.key, self.wait_for.then, self.wait_for.otherwise)


class BranchTerms(StrictModel):
    """A condition. `then` runs if it holds, `else` if it does not."""

    condition: Condition = Field(alias="if")
    then: tuple["Step", ...] = ()
    otherwise: tuple["Step", ...] = Field(default=(), alias="else")


class BranchStep(StepKind, key="branch"):
    """Continues with one of two branches, depending on a condition."""

    code = StepCode.BRANCH
    instruction = "if {body.condition}"
    changes_something = False
    branch: BranchTerms

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
    """Append the record of a step with the branches `then` and `else`, followed by its branches."""
    [(row, _)] = records.add(record)
    pending: list[PendingIndex] = []
    for field, branch in zip(("next", "other"), step.branches(), strict=True):
        pending += records.add_branch((row, field), branch.steps, f"{path}.{'.'.join(branch.keys)}")
    return pending


class Arm(StrictModel):
    """One arm of a split, and its share of customers."""

    share: Share
    steps: tuple["Step", ...] = ()


def experiment_stream(experiment: str) -> str:
    """Return the name of the random stream that draws a customer's arm of an experiment."""
    return f"experiment:{experiment}"


class SplitStep(StepKind, key="split"):
    """Assigns the customer to a random arm. With `experiment`, a customer has the same arm in all flows, and the log records it."""

    code = StepCode.SPLIT
    changes_something = False
    split: Annotated[dict[Name, Arm], Field(min_length=2)]
    experiment: Name | None = None

    def phrase(self) -> str:
        return "split at random" if self.experiment is None else f"split by experiment {self.experiment}"

    def faults(self, path: KeyPath) -> Iterator[Fault]:
        yield from sum_faults((*path, self.key), {name: arm.share for name, arm in self.split.items()})

    def compile(self, records: StepRecords, path: str) -> list[PendingIndex]:
        cumulative, moment, name = self._cumulative_shares(), 0, f"{records.owner}::split:{self.label or path}"
        if self.experiment is not None:
            moment, name = records.registers.experiment(self.experiment, cumulative), experiment_stream(self.experiment)
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
    """Sends a request to a desk on behalf of the customer."""

    code = StepCode.ASK
    refers_to = "desk"
    changed_words = frozenset({"asks"})
    is_noticed = True
    ask: DeskRequest

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
    jump: Name

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

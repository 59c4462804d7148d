"""Compiles flows and broadcasts into ACTOR, STEP_RECORD, SITE and SPLIT_SHARE records: steps are a graph of record indices."""

import math
from collections.abc import Iterable
from datetime import date, timedelta

from cjsim.compiler.symbols import PendingIndex, RecordFields, SpanTable, Symbols, resolve_pending
from cjsim.kernels.codes import StepCode, TriggerCode
from cjsim.scenario.fields import WEEKDAYS
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import Broadcast, Flow, PolicySpec, Schedule, Step, WaitUntil
from cjsim.scenario.spec import ScenarioSpec

SITE_STREAMS = ("read", "delay", "click", "click_delay", "match")


def ordered_actors(policy: PolicySpec) -> list[tuple[str, Flow | Broadcast]]:
    """Flows and broadcasts in the order in which they act at equal times.

    They are ordered by descending priority, then flows before broadcasts, then as declared.

    Parameters
    ----------
    policy : PolicySpec
        As declared.

    Returns
    -------
    list of (str, Flow or Broadcast)
        Names and actors. The index is the code of the actor.
    """
    declared: list[tuple[str, Flow | Broadcast]] = [*policy.flows.items(), *policy.broadcasts.items()]
    return sorted(declared, key=lambda item: -item[1].priority)


def schedule_times(schedule: Schedule, *, start: date, horizon_days: float) -> list[float]:
    """Times of a schedule from the start to the horizon.

    `every_weeks` counts blocks of seven days from the start. The first block is always included.

    Parameters
    ----------
    schedule : Schedule
        As declared.
    start : date
        Day 0.
    horizon_days : float
        Days.

    Returns
    -------
    list of float
        Days since the start, ascending.

    Examples
    --------
    >>> schedule_times(Schedule(weekdays=["monday"], every_weeks=2, at="12:00"), start=date(2026, 1, 4), horizon_days=30)
    [1.5, 15.5, 29.5]
    """
    if schedule.dates:
        days: Iterable[int] = sorted({(day - start).days for day in schedule.dates})
    else:
        weekdays = {WEEKDAYS.index(weekday) for weekday in schedule.weekdays}
        days = [
            day
            for day in range(int(horizon_days) + 1)
            if (start + timedelta(days=day)).weekday() in weekdays and day // 7 % schedule.every_weeks == 0
        ]
    return [time for day in days if 0 <= (time := day + schedule.at / 24) <= horizon_days]


_TRIGGER_CODES = {
    "event": TriggerCode.EVENT,
    "stage": TriggerCode.STAGE,
    "inactivity": TriggerCode.INACTIVITY,
    "date": TriggerCode.SCHEDULE,
    "schedule": TriggerCode.SCHEDULE,
    "score": TriggerCode.SCORE_ABOVE,
    "unopened": TriggerCode.UNOPENED,
}


class ActorTable:
    """The actors of a policy under construction."""

    def __init__(self, symbols: Symbols, scenario: ScenarioSpec) -> None:
        self._rules = scenario.policy.guardrails
        self._channel_of = {name: message.channel for name, message in scenario.journey.messages.items()}
        self.actors: list[RecordFields] = []
        self.steps: list[RecordFields] = []
        self.sites: list[RecordFields] = []
        self.shares, self.schedule = SpanTable(), SpanTable()
        self._symbols = symbols
        self._start, self._horizon = scenario.start, scenario.horizon
        self._site_codes: dict[tuple[int, str], tuple[int, int]] = {}

    def add(self, name: str, actor: Flow | Broadcast) -> None:
        """Compile the next actor. Its code is the number of actors before it.

        Parameters
        ----------
        name : str
            Name of the actor.
        actor : Flow or Broadcast
            As declared.
        """
        owner = f"flow:{name}" if isinstance(actor, Flow) else f"broadcast:{name}"
        row: RecordFields = {
            "source": len(self.actors),
            "first_step": len(self.steps),
            "program": self._symbols.programs.index_of(actor.condition),
            "holdout": actor.holdout,
            "ignores_holdout": int(name in self._rules.spared),
            "draws_on_budget": 0,
            "score": -1,
            "stream_holdout": self._symbols.streams.id_of(f"{owner}:holdout"),
        }
        self.actors.append(row)
        if isinstance(actor, Flow):
            row |= {"is_flow": 1, **self._trigger_fields(actor)}
            _FlowSteps(self, self._symbols, owner).add(actor.steps)
            return
        first, count = self.schedule.add(schedule_times(actor.schedule, start=self._start, horizon_days=self._horizon))
        row |= {"is_flow": 0, "trigger": TriggerCode.SCHEDULE, "inactivity": math.inf, "schedule_first": first, "schedule_count": count}
        site, slot = self.site(owner, actor.send)
        self.steps.append({"op": StepCode.SEND, "target": site, "slot": slot, "program": -1, "next": -1, "other": -1})

    def site(self, owner: str, message: str) -> tuple[int, int]:
        """Code of the latest actor's site for a message, and the slot that counts its sends."""
        key = (len(self.actors) - 1, message)
        if key not in self._site_codes:
            self._site_codes[key] = (len(self.sites), self._symbols.new_slot())
            streams = {f"stream_{use}": self._symbols.streams.id_of(f"{owner}:{message}:{use}") for use in SITE_STREAMS}
            self.actors[-1]["draws_on_budget"] |= int(self._is_budgeted(message))
            self.sites.append({"message": self._symbols.names.messages[message], "actor": key[0], **streams})
        return self._site_codes[key]

    def on_channels(self, journey: JourneySpec, kind: str) -> list[int]:
        """Sites whose message uses a channel of this kind."""
        kinds = [journey.channels[message.channel].kind for message in journey.messages.values()]
        return [code for code, site in enumerate(self.sites) if kinds[site["message"]] == kind]

    def triggered(self, *triggers: TriggerCode) -> list[int]:
        """Actors with one of these triggers."""
        return [code for code, actor in enumerate(self.actors) if actor["trigger"] in triggers]

    def learns_hours(self) -> bool:
        """Whether some step waits for the customer's best hour, which is learned from past activity."""
        return any(step["op"] == StepCode.UNTIL and step["target"] == 1 for step in self.steps)

    def _is_budgeted(self, message: str) -> bool:
        """Whether a budget applies to the channel of a message."""
        channel = self._channel_of[message]
        return any(not budget.channels or channel in budget.channels for budget in self._rules.budgets)

    def _trigger_fields(self, flow: Flow) -> RecordFields:
        """The fields of a flow's trigger."""
        on, symbols = flow.on, self._symbols
        row: RecordFields = {
            "trigger": _TRIGGER_CODES[on.kind],
            "inactivity": math.inf if on.inactivity is None else on.inactivity,
            "watch_entry": int(on.inactivity is not None and on.of is None),
            "again_after": math.inf if flow.again_after == "never" else flow.again_after,
            "unopened": on.unopened or 0,
            "channels": symbols.channel_mask(on.channels),
        }
        if on.score is not None:
            row |= {"score": symbols.names.scores[on.score], "threshold": on.below if on.above is None else on.above}
            row["trigger"] = TriggerCode.SCORE_BELOW if on.above is None else TriggerCode.SCORE_ABOVE
        schedule = on.dates()
        if schedule is not None:
            first, count = self.schedule.add(schedule_times(schedule, start=self._start, horizon_days=self._horizon))
            row |= {"schedule_first": first, "schedule_count": count}
        return row


class _FlowSteps:
    """The steps of one flow: records in the order written. Jumps are resolved after all labels are known."""

    def __init__(self, table: ActorTable, symbols: Symbols, owner: str) -> None:
        self._table, self._symbols, self._owner = table, symbols, owner
        self._rows = table.steps
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[RecordFields, str]] = []

    def add(self, steps: tuple[Step, ...]) -> None:
        """Compile all steps of the flow. The flow ends after its last step."""
        _, pending = self._compile_chain(steps, "steps")
        resolve_pending(pending, -1)
        for row, label in self._jumps:
            row["next"] = self._labels[label]

    def _compile_chain(self, steps: tuple[Step, ...], path: str) -> tuple[int | None, list[PendingIndex]]:
        first: int | None = None
        pending: list[PendingIndex] = []
        for position, step in enumerate(steps):
            index = len(self._rows)
            resolve_pending(pending, index)
            first = index if first is None else first
            if step.label is not None:
                self._labels[step.label] = index
            pending = self._compile_step(step, f"{path}[{position}]")
        return first, pending

    def _compile_step(self, step: Step, path: str) -> list[PendingIndex]:
        names = self._symbols.names
        if step.send is not None:
            site, slot = self._table.site(self._owner, step.send)
            return self._add_row(StepCode.SEND, target=site, slot=slot)
        if step.wait is not None:
            return self._add_row(StepCode.WAIT, x=step.wait)
        if step.wait_until is not None:
            return self._add_row(StepCode.UNTIL, **_wait_until_fields(step.wait_until))
        if step.offer is not None:
            return self._add_row(StepCode.OFFER, target=names.offers[step.offer])
        if step.ask is not None:
            return self._add_row(StepCode.ASK, target=names.desks[step.ask.desk], x=float(step.ask.priority))
        if step.wait_for is not None:
            fork = self._add_row(StepCode.WAIT_FOR, target=names.events[step.wait_for.event], x=step.wait_for.at_most)
            return self._compile_fork(fork, step.wait_for.then, step.wait_for.otherwise, f"{path}.wait_for")
        if step.branch is not None:
            fork = self._add_row(StepCode.BRANCH, program=self._symbols.programs.index_of(step.branch.condition))
            return self._compile_fork(fork, step.branch.then, step.branch.otherwise, f"{path}.branch")
        if step.split is not None:
            return self._compile_split(step, path)
        if step.score is not None:
            return self._compile_scores(step.score)
        if step.jump is not None:
            self._jumps.append((self._add_row(StepCode.JUMP)[0][0], step.jump))
            return []
        if step.stop is not None:
            self._add_row(StepCode.STOP)
            return []
        tags = names.tags or {}
        if step.tag is not None:
            return self._add_row(StepCode.TAG, target=tags[step.tag])
        assert step.untag is not None
        return self._add_row(StepCode.UNTAG, target=tags[step.untag])

    def _add_row(self, op: StepCode, **fields: object) -> list[PendingIndex]:
        row: RecordFields = {"op": op, "target": -1, "slot": -1, "program": -1, "next": -1, "other": -1, **fields}
        self._rows.append(row)
        return [(row, "next")]

    def _compile_fork(self, fork: list[PendingIndex], then: tuple[Step, ...], otherwise: tuple[Step, ...], path: str) -> list[PendingIndex]:
        row = fork[0][0]
        pending: list[PendingIndex] = []
        for field, steps, key in (("next", then, "then"), ("other", otherwise, "else")):
            pending += self._compile_branch((row, field), steps, f"{path}.{key}")
        return pending

    def _compile_branch(self, entry: PendingIndex, steps: tuple[Step, ...], path: str) -> list[PendingIndex]:
        """Compile one branch. Returns the fields that wait for the step after it: the entry field itself if the branch is empty."""
        first, pending = self._compile_chain(steps, path)
        if first is None:
            return [entry]
        resolve_pending([entry], first)
        return pending

    def _compile_split(self, step: Step, path: str) -> list[PendingIndex]:
        arms = step.split or {}
        stream = f"{self._owner}::split:{step.label or path}" if step.experiment is None else f"experiment:{step.experiment}"
        fields = {"target": int(step.experiment is not None), "stream": self._symbols.streams.id_of(stream)}
        row = self._add_row(StepCode.SPLIT, count=len(arms), slot=self._symbols.new_slot(), **fields)[0][0]
        total = math.fsum(arm.share for arm in arms.values())
        cumulative, shares = 0.0, []
        for arm in arms.values():
            cumulative += arm.share / total
            shares.append({"cumulative": cumulative, "step": -1})
        row["other"], _ = self._table.shares.add(shares)
        pending: list[PendingIndex] = []
        for (name, arm), share in zip(arms.items(), shares, strict=True):
            pending += self._compile_branch((share, "step"), arm.steps, f"{path}.split.{name}.steps")
        return pending

    def _compile_scores(self, scores: dict[str, float]) -> list[PendingIndex]:
        pending: list[PendingIndex] = [] if scores else self._add_row(StepCode.JUMP)
        for name, points in scores.items():
            resolve_pending(pending, len(self._rows))
            pending = self._add_row(StepCode.SCORE, target=self._symbols.names.scores[name], x=points)
        return pending


def _wait_until_fields(until: WaitUntil) -> RecordFields:
    """The fields of an UNTIL record."""
    days = sum(1 << WEEKDAYS.index(day) for day in set(until.weekdays)) if until.weekdays else 2 ** len(WEEKDAYS) - 1
    typical = until.at if until.typical is None else until.typical
    return {"x": until.at, "typical": typical, "count": days, "target": int(until.best_hour), "other": until.learn_from}


class ActorLinks:
    """Which flows an event or a stage starts, ends or resets."""

    def __init__(self, actors: list[tuple[str, Flow | Broadcast]]) -> None:
        self._flows = [(code, actor) for code, (_, actor) in enumerate(actors) if isinstance(actor, Flow)]

    def triggered_by_event(self, event: str) -> list[int]:
        """Flows that an event starts."""
        return [code for code, flow in self._flows if flow.on.event == event]

    def triggered_by_stage(self, stage: str) -> list[int]:
        """Flows that entering a stage starts."""
        return [code for code, flow in self._flows if flow.on.stage == stage]

    def ended_by(self, event: str) -> list[int]:
        """Flows that an event ends."""
        return [code for code, flow in self._flows if event in flow.exit_on]

    def reset_by(self, event: str) -> list[int]:
        """Flows whose inactivity timer an event resets because `of` names it."""
        return [code for code, flow in self._flows if event in (flow.on.of or ())]

    def reset_by_anything(self) -> list[int]:
        """Flows whose inactivity timer any event, open or click resets."""
        return [code for code, flow in self._flows if flow.on.inactivity is not None and flow.on.of is None]

"""Compiles flows and broadcasts to ACTOR, STEP_RECORD, SITE and SPLIT_SHARE records. Steps form a graph of record indices."""

import math
from collections.abc import Callable, Iterable

from cjsim.compiler.policy_switch import JointPolicy, original_name
from cjsim.compiler.symbols import RecordChain, SpanTable, Symbols, resolve_pending
from cjsim.kernels.codes import StepCode, TriggerCode
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.kinds.flow_triggers import ScheduleTrigger
from cjsim.scenario.kinds.registers import PendingIndex, RecordFields
from cjsim.scenario.kinds.steps import SendStep, Step
from cjsim.scenario.policy import Broadcast, Flow, PolicySpec
from cjsim.scenario.spec import ScenarioSpec

Actors = list[tuple[str, Flow | Broadcast]]
SITE_STREAMS = ("read", "delay", "click", "click_delay", "match", "transit", "machine")


def ordered_actors(policy: PolicySpec) -> Actors:
    """Return flows and broadcasts in the order in which they act when due simultaneously.

    The order is by descending priority, then flows before broadcasts, then the order of declaration.

    Parameters
    ----------
    policy : PolicySpec
        The policy.

    Returns
    -------
    list of (str, Flow or Broadcast)
        Names and actors. The position of an actor is its code.
    """
    declared: Actors = [*policy.flows.items(), *policy.broadcasts.items()]
    return sorted(declared, key=lambda item: -item[1].priority)


class ActorTable:
    """Actors of a policy (flows and broadcasts) under construction."""

    def __init__(self, symbols: Symbols, scenario: ScenarioSpec, joint: JointPolicy) -> None:
        self._joint = joint
        self._codes = {name: code for code, (name, _) in enumerate(ordered_actors(joint.policy))}
        self._slots: dict[tuple[str, str], int] = {}  # by owner and message
        self._rules = scenario.policy.guardrails
        self._messages = scenario.journey.messages
        self.actors: list[RecordFields] = []
        self.steps: list[RecordFields] = []
        self.sites: list[RecordFields] = []
        self.shares = SpanTable()
        self.registers = symbols
        self._begins = symbols.begins
        self._site_codes: dict[tuple[int, str], tuple[int, int]] = {}

    def add(self, name: str, actor: Flow | Broadcast) -> None:
        """Compile the next actor. Its code is the number of actors added before it.

        Parameters
        ----------
        name : str
            Name of the actor.
        actor : Flow or Broadcast
            The actor, as declared.
        """
        kind = "flow" if isinstance(actor, Flow) else "broadcast"
        owner = f"{kind}:{original_name(name)}"
        registers = self.registers
        registers.begins = 0.0 if name in self._joint.begins_on_day_0 else self._begins
        row: RecordFields = {
            "source": len(self.actors),
            "first_step": len(self.steps),
            "program": self.registers.condition(actor.condition),
            "holdout": actor.holdout,
            "ignores_holdout": int(name in self._rules.spared),
            "draws_on_budget": 0,
            "inactivity": math.inf,
            "score": -1,
            "absent": int(name in self._joint.absent),
            "predecessor": self._codes.get(self._joint.past_versions.get(name, ""), -1),
            "stream_holdout": self.registers.stream(f"{owner}:holdout"),
        }
        self.actors.append(row)
        if isinstance(actor, Flow):
            again_after = math.inf if actor.again_after == "never" else actor.again_after
            row |= {"is_flow": 1, "again_after": again_after, **actor.on.fields(self.registers)}
            _FlowSteps(self, owner).compile(actor.steps)
            return
        row |= {"is_flow": 0, **ScheduleTrigger(schedule=actor.schedule).fields(registers)}
        row["dates_before"] = self._dates_before(actor, row)
        _FlowSteps(self, owner).compile((SendStep(send=actor.send),))

    def _dates_before(self, broadcast: Broadcast, row: RecordFields) -> int:
        """Number of a broadcast's dates that exist only because there are customers before day 0."""
        registers, first, count = self.registers, row["schedule_first"], row["schedule_count"]
        if row["schedule_stride"] == 0:
            return sum(time < 0 for time in registers.schedule.items[first : first + count])
        registers.begins = 0.0
        return int(count - len(broadcast.schedule.local_times(registers.local_days, start=registers.start)))

    def site(self, owner: str, message: str) -> tuple[int, int]:
        """Return the code of the latest actor's site for a message, and the slot that counts its sends."""
        key = (len(self.actors) - 1, message)
        if key not in self._site_codes:
            if (owner, message) not in self._slots:  # the versions of a flow before and from day 0 share a slot
                self._slots[owner, message] = self.registers.new_slot()
            self._site_codes[key] = (len(self.sites), self._slots[owner, message])
            streams = {f"stream_{use}": self.registers.stream(f"{owner}:{message}:{use}") for use in SITE_STREAMS}
            self.actors[-1]["draws_on_budget"] |= int(self._is_budgeted(message))
            self.sites.append({"message": self.registers.names.messages[message], "actor": key[0], **streams})
        return self._site_codes[key]

    def waiting_for_visits(self, journey: JourneySpec) -> list[int]:
        """Return the codes of sites whose messages wait for a visit."""
        placed = [journey.channels[message.channel].behavior.waits_for_visit for message in journey.messages.values()]
        return [code for code, site in enumerate(self.sites) if placed[site["message"]]]

    def triggered(self, *triggers: TriggerCode) -> list[int]:
        """Return the codes of actors with one of these triggers."""
        return [code for code, actor in enumerate(self.actors) if actor["trigger"] in triggers]

    def learns_hours(self) -> bool:
        """Whether any step waits for the customer's best hour, which is learned from past activity."""
        return any(step["op"] == StepCode.UNTIL and step["target"] == 1 for step in self.steps)

    def _is_budgeted(self, message: str) -> bool:
        """Whether a budget applies to a message."""
        sent = self._messages[message]
        return not sent.transactional and any(budget.applies_to(sent.channel) for budget in self._rules.budgets)


class _FlowSteps(RecordChain):
    """Steps of one flow under construction. Implements `StepRecords`.

    Records are in the order of declaration. Jumps are resolved once all labels are known.
    """

    def __init__(self, table: ActorTable, owner: str) -> None:
        super().__init__(table.registers, table.steps, ("target", "slot", "program", "next", "other"))
        self._table, self.owner = table, owner
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[RecordFields, str]] = []

    def compile(self, steps: tuple[Step, ...]) -> None:
        """Compile all steps of the flow. The flow ends after its last step."""
        _, pending = self._add_all(steps, "steps")
        resolve_pending(pending, -1)
        for row, label in self._jumps:
            row["next"] = self._labels[label]

    def add_branch(self, entry: PendingIndex, steps: Iterable[Step], path: str) -> list[PendingIndex]:
        """Append a branch, and link `entry` to its first step. Returns the fields that need the next step (`entry` if it is empty)."""
        first, pending = self._add_all(steps, path)
        if first is None:
            return [entry]
        resolve_pending([entry], first)
        return pending

    def site(self, message: str) -> tuple[int, int]:
        """Return the code of the flow's site for a message, and the slot that counts its sends."""
        return self._table.site(self.owner, message)

    def jump(self, label: str) -> None:
        """Append a record that jumps to a label of the flow."""
        self._jumps.append((self.add({"op": StepCode.JUMP})[0][0], label))

    def add_shares(self, shares: list[RecordFields]) -> int:
        """Append SPLIT_SHARE records. Returns the index of the first."""
        return self._table.shares.add(shares)[0]

    def _add_all(self, steps: Iterable[Step], path: str) -> tuple[int | None, list[PendingIndex]]:
        first: int | None = None
        pending: list[PendingIndex] = []
        for position, step in enumerate(steps):
            index = len(self.rows)
            self.resume(pending)
            first = index if first is None else first
            if step.label is not None:
                self._labels[step.label] = index
            pending = step.compile(self, f"{path}[{position}]")
        return first, pending


def flows_where(actors: Actors, is_chosen: Callable[[Flow], bool]) -> list[int]:
    """Return the codes of the flows that satisfy a predicate. A code is the position among all actors."""
    return [code for code, (_, actor) in enumerate(actors) if isinstance(actor, Flow) and is_chosen(actor)]

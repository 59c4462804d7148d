"""A slow and obvious desk: agents are objects, and at each time at which something happens, all agents and requests are examined."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cjsim.scenario.rosters import Crew


@dataclass
class Agent:
    """One person on one shift."""

    crew: int
    begins: float
    leaves: float
    free_since: float
    busy_until: float = math.inf
    is_busy: bool = False


@dataclass
class Call:
    """One request; `waited` is nan until it is answered or given up."""

    asked: float
    service: float
    patience: float = math.inf
    priority: float = 0.0
    waited: float = math.nan
    answered: bool = False
    waits: bool = False


def simulate_agents(crews: Sequence[Crew], calls: Sequence[Call]) -> None:
    """Answer calls, and write what becomes of each: the order of simultaneous events is that of docs/model.md."""
    agents = [Agent(code, crew.begins, crew.ends, crew.begins) for code, crew in enumerate(crews) for _ in range(crew.agents)]
    times = {call.asked for call in calls} | {crew.begins for crew in crews}
    n_started = 0
    started: dict[int, int] = {}

    def answer(now: float, agent: Agent) -> None:
        nonlocal n_started
        waiting = [n for n, call in enumerate(calls) if call.waits]
        if waiting:
            call = calls[min(waiting, key=lambda n: (-calls[n].priority, calls[n].asked, n))]
            call.waits, call.answered, call.waited = False, True, now - call.asked
            agent.is_busy, agent.busy_until = True, now + call.service
            started[id(agent)] = n_started = n_started + 1
            times.add(agent.busy_until)

    def answer_with_free_agents(now: float) -> None:
        while any(call.waits for call in calls):
            free = [agent for agent in agents if not agent.is_busy and agent.begins <= now < agent.leaves]
            if not free:
                return
            answer(now, min(free, key=lambda agent: (agent.free_since, agent.crew)))

    def give_up(now: float) -> None:
        for call in calls:
            if call.waits and now >= call.asked + call.patience:
                call.waits, call.waited = False, now - call.asked

    while times:
        now = min(times)
        times.remove(now)
        answer_with_free_agents(now)  # shifts begin
        ending = [agent for agent in agents if agent.is_busy and agent.busy_until == now]
        for agent in sorted(ending, key=lambda agent: started[id(agent)]):
            agent.is_busy, agent.free_since = False, now
            if now < agent.leaves:
                answer(now, agent)
        give_up(now)
        for call in calls:
            if call.asked == now and math.isnan(call.waited):
                call.waits = True
                times.add(call.asked + call.patience)
        answer_with_free_agents(now)
        give_up(now)
        times.discard(math.inf)

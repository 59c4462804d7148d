"""Customers without patience are served by a desk immediately or not at all."""

import math

import numpy as np

from cjsim.engine.desk_queues import simulate_queue
from cjsim.kernels.codes import ReplyCode
from cjsim.scenario.rosters import Crew


def test_customers_without_patience_are_served_immediately_or_not_at_all() -> None:
    found = simulate_queue([Crew(0.0, math.inf, 1)], np.array([0.0, 0.5, 2.0]), np.array([1.0, 1.0, 1.0]), np.zeros(3))
    assert found.reply.tolist() == [ReplyCode.IN_TIME, ReplyCode.UNANSWERED, ReplyCode.IN_TIME]
    assert found.waited.tolist() == [0.0, 0.0, 0.0]

"""Patience at a desk: who has none is served at once or not at all."""

import numpy as np

from cjsim.engine.desks import serve
from cjsim.model.codes import Reply
from cjsim.model.rotas import Rota


def test_who_has_no_patience_is_served_at_once_or_not_at_all() -> None:
    found = serve(Rota((0.0,), (1,)), np.array([0.0, 0.5, 2.0]), np.array([1.0, 1.0, 1.0]), np.zeros(3))
    assert found.reply.tolist() == [Reply.IN_TIME, Reply.UNANSWERED, Reply.IN_TIME]
    assert found.waited.tolist() == [0.0, 0.0, 0.0]

"""Levers are named by the titles of the model, not by paths."""

import pytest

from cjsim.simulation.documents import Scenario
from cjsim.tuning.levers.moves import list_moves
from cjsim.tuning.levers.titles import lever_title

SHOP = Scenario.load("shop")


@pytest.mark.parametrize(
    ("path", "title"),
    [
        (("policy", "flows", "cart", "steps", 0, "wait"), "cart, step 1: wait before 'You left something in your cart'"),
        (("policy", "flows", "cart", "steps", 1), "cart, step 2: send 'You left something in your cart'"),
        (("journey", "events", "visit", "wait", "exponential", "mean"), "'Visits the site': mean wait"),
        (("journey", "events", "visit", "half_life"), "'Visits the site': half-life"),
        (("journey", "messages", "welcome_1", "lift", "clicked", "visit"), "'Welcome': lift of 'Visits the site' when clicked"),
        (("journey", "messages", "welcome_1", "open_rate"), "'Welcome': open rate"),
        (("journey", "personas", "gift_buyer", "speed", "visit"), "gift_buyer: speed of 'Visits the site'"),
    ],
)
def test_a_lever_is_named_by_the_titles_of_the_model(path: tuple[str | int, ...], title: str) -> None:
    assert lever_title(SHOP, path) == title


@pytest.mark.parametrize("name", ["shop", "saas", "subscription", "b2b", "retail"])
def test_no_title_is_a_path(name: str) -> None:
    titles = {move.title for move in list_moves(Scenario.load(name), journey=True)}
    assert [title for title in titles if "[" in title or "effects" in title] == []

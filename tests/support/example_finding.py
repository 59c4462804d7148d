"""A finding for tests of journals."""

from cjsim.manifest import Manifest

FINDING = Manifest(
    kind="experiment",
    name="carts",
    hypothesis="An earlier reminder saves carts",
    scenario="shop",
    metric="clv",
    verdict="supported",
    effect=1.5,
    low=1.0,
    high=2.0,
    unit="money",
    customers=100,
    seed=1,
    digest="ab12",
    seconds=0.5,
    date="2026-03-01T10:00:00+00:00",
)

"""No number has changed: every shipped scenario matches the golden record on both engines."""

import pytest
from golden_record import ROOT, SCENARIOS, differences, digests, pinned, recorded, renames

RECORD = recorded()
# Scenarios that take more than 3 s on the compiled or on the readable engine run only in `make test-all`.
SLOW_COMPILED = {"b2b_zealous", "retail_zealous", "saas_zealous", "subscription", "subscription_better", "subscription_zealous"}
QUICK_READABLE = {"shop", "shop_cautious", "shop_less_mail"}

on_recorded_versions = pytest.mark.skipif(
    RECORD["pinned"] != pinned(),
    reason=f"the record was made with {RECORD['pinned']}, this is {pinned()}: the last bit of a number may differ",
)


def scenarios(slow: set[str], names: list[str]) -> list[object]:
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in names]


def test_record_was_made_with_locked_versions() -> None:
    # Otherwise a new lock file would skip the tests below everywhere.
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = {line.split()[0] for line in locked}
    assert {f"{name}=={RECORD['pinned'][name]}" for name in ("numpy", "numba", "scipy")} <= pins


def test_every_shipped_scenario_is_recorded() -> None:
    assert sorted(RECORD["scenarios"]) == SCENARIOS


@on_recorded_versions
@pytest.mark.parametrize("name", scenarios(SLOW_COMPILED, SCENARIOS))
def test_compiled_engine_gives_the_recorded_content(name: str) -> None:
    assert list(differences(RECORD["scenarios"][name]["tables"], digests(name, "compiled", renames()))) == []


@on_recorded_versions
@pytest.mark.parametrize("name", scenarios(set(SCENARIOS) - QUICK_READABLE, SCENARIOS))
def test_readable_engine_gives_the_recorded_content(name: str) -> None:
    if not RECORD["scenarios"][name]["is_readable_recorded"]:
        pytest.skip("the readable engine takes more than a minute on this scenario")
    assert list(differences(RECORD["scenarios"][name]["tables"], digests(name, "readable", renames()))) == []

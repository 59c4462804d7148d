"""The currency of a scenario: it is shown with amounts in text and figures, and changes no number."""

from pathlib import Path
from typing import Any

import pytest

import cjsim as cj
from cjsim.description.describe import describe
from cjsim.errors import InputError
from cjsim.lab.version_comparison import compare_versions
from cjsim.tuning.levers.tornado import TORNADO_FIGURE

JOURNEY: dict[str, Any] = {
    "name": "shop",
    "starts_in": "active",
    "stages": {"active": {"retained": True}},
    "events": {
        "order": {
            "in": ["active"],
            "wait": {"exponential": "5d"},
            "effects": [{"purchase": {"value": {"lognormal": {"median": 20, "sigma": 0.5}}, "margin": 0.4}}],
        }
    },
    "channels": {"mail": {"cost": 0.5}},
    "messages": {"news": {"channel": "mail", "open_rate": 0.5, "lift": {"opened": {"order": 2.0}}}},
}


def shop(wait: str = "7d", **settings: Any) -> cj.Scenario:
    """Customers who order, and get a message after a wait."""
    flow = {"on": {"stage": "active"}, "steps": [{"wait": wait}, {"send": "news"}]}
    policy = {"name": "p", "flows": {"hello": flow}}
    base = {"name": "shop", "journey": JOURNEY, "policy": policy, "start": "2026-01-05", "horizon": "30d", "customers": 200}
    return cj.Scenario.from_dict(base | settings)


EUROS, SOONER = shop(currency="EUR"), shop("1d", currency="EUR", name="sooner")


@pytest.fixture(scope="module")
def comparison() -> cj.Comparison:
    return cj.compare({"shop": EUROS, "sooner": SOONER})


def test_no_number_depends_on_the_currency() -> None:
    assert cj.simulate(EUROS).metrics == cj.simulate(shop()).metrics


def test_a_scenario_without_a_currency_keeps_its_digest() -> None:
    assert "currency" not in shop().to_dict()
    assert EUROS.digest() != shop().digest()


@pytest.mark.parametrize("currency", ["EUR", "\N{EURO SIGN}", "US$"])
def test_codes_and_symbols_are_currencies(currency: str) -> None:
    assert shop(currency=currency).currency == currency


@pytest.mark.parametrize("currency", ["euro", "EURO", "eur", "", "days"])
def test_other_text_is_refused(currency: str) -> None:
    with pytest.raises(InputError, match="currency: must be a currency: a code of three capital letters such as EUR"):
        shop(currency=currency)


def test_a_what_if_inherits_the_currency(tmp_path: Path) -> None:
    EUROS.save(tmp_path / "shop.yaml")
    (tmp_path / "what_if.yaml").write_text("extends: shop.yaml\nname: what_if\nset: {customers: 10}\n")
    assert cj.Scenario.load(tmp_path / "what_if.yaml").currency == "EUR"


def test_scenarios_in_two_currencies_cannot_be_compared() -> None:
    with pytest.raises(InputError, match=r"'dollars': must have the same currency as 'euros' \(EUR\), got 'USD'\. Use the same currency"):
        cj.compare({"euros": EUROS, "dollars": shop("1d", currency="USD")})


def test_runs_with_and_without_a_currency_cannot_be_compared() -> None:
    with pytest.raises(InputError, match=r"must have the same currency as 'none' \(none\), got 'EUR'"):
        cj.Comparison.of({"none": cj.simulate(shop()), "euros": cj.simulate(SOONER)})


def test_the_table_of_a_run_shows_it_in_rows_of_money_only() -> None:
    rows = {line.split()[0]: line for line in cj.simulate(EUROS).summary().splitlines() if line.strip()}
    assert (" EUR " in rows["clv"], " EUR " in rows["purchases"]) == (True, False)


def test_json_keeps_the_unit_and_names_the_currency(comparison: cj.Comparison) -> None:
    content = cj.simulate(EUROS).to_json()
    assert (content["currency"], content["metrics"]["clv"]["unit"], comparison.to_json()["currency"]) == ("EUR", "money", "EUR")
    assert "currency" not in cj.simulate(shop()).to_json()


def test_a_saved_run_keeps_it(tmp_path: Path) -> None:
    cj.simulate(EUROS).save(tmp_path / "run")
    assert cj.Run.load(tmp_path / "run").provenance.currency == "EUR"


def test_the_answer_of_a_comparison_shows_it(comparison: cj.Comparison) -> None:
    assert " EUR [" in comparison.answer


def test_levers_show_it() -> None:
    ranking = cj.levers(EUROS, metric="clv")
    assert " EUR. " in ranking.summary().splitlines()[0]
    assert ranking.to_json()["currency"] == "EUR"
    assert TORNADO_FIGURE.figure(ranking).axes[0].get_xlabel() == "effect on clv (EUR)"


def test_rehearsals_show_it() -> None:
    found = cj.rehearse(EUROS, {"sooner": SOONER}, metric="clv", sizes=[50], days=[14], settings=cj.RehearsalSettings(runs=50))
    assert ("MDE (EUR)" in str(found), "in EUR, for all simulated customers" in str(found)) == (True, True)
    assert found.to_json()["currency"] == "EUR"


def test_diaries_show_it() -> None:
    diary = cj.walk(EUROS, customer=1)
    assert "amount (EUR)" in diary.summary()
    assert any(line.text.endswith(" EUR") for line in diary.lines if line.event == "order")


def test_descriptions_state_it() -> None:
    assert "All amounts of money are in EUR." in describe(EUROS)


def test_experiments_show_it() -> None:
    content = {"name": "sooner", "hypothesis": "Sooner is better.", "variants": {"1d": {"set": {"policy.flows.hello.steps[0].wait": "1d"}}}}
    decide = {"metric": "clv", "direction": "rises", "customers": 200}
    findings = cj.experiment(cj.Experiment.from_dict(content | decide | {"scenario": EUROS}), reports=None)
    assert " EUR [" in findings.summary()


def test_version_comparisons_show_it() -> None:
    assert " EUR [" in compare_versions(EUROS, shop("1d", currency="EUR"), metric="clv").summary()

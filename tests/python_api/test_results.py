"""Every result has a tidy table, files, HTML for notebooks and a repr of one line, and offers for completion what users need."""

import functools
import inspect
import pickle
import re
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from planted_trials import planted_trial

import cjsim as cj
from cjsim.attribution.touch_paths import Paths
from cjsim.errors import InputError
from cjsim.output_folder import FolderResult
from cjsim.tabular_result import TabularResult

SMALL: dict[str, Any] = {"customers": 60, "seed": 3}
EXPERIMENT = {
    "name": "greetings",
    "hypothesis": "=Orders every five days rather than ten raise revenue",
    "scenario": str(ROOT / "tests" / "worlds" / "tiny.yaml"),
    "variants": {"faster": {"set": {"journey.events.purchase.wait": {"exponential": "5d"}}}},
    "metric": "revenue",
    "direction": "rises",
    "watch": ["purchases"],
    "customers": 50,
    "seed": 3,
}


def readout() -> cj.Readout:
    with tempfile.TemporaryDirectory() as folder:
        planted_trial(400, effect=0.2).drop(columns="spend").to_csv(Path(folder) / "trial.csv", index=False)
        settings = cj.ReadoutSettings(learners=("T",), draws=10, splits=2)
        return cj.uplift(Path(folder) / "trial.csv", treatment="arm", outcome="bought", settings=settings)


def calibration() -> cj.PurchaseCalibration:
    rng = np.random.default_rng(1)
    rows = ["who,day,paid"]
    for number, rate in enumerate(rng.gamma(1.0, 1 / 20.0, 60)):
        days = {0, *np.cumsum(rng.exponential(1 / rate, 50)).astype(int)}
        rows += [f"c{number},{date(2024, 1, 1) + timedelta(days=int(day))},{round(20 * rng.gamma(5.0), 2)}" for day in days if day <= 120]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "log.csv").write_text("\n".join(rows))
        return cj.calibrate_purchases(Path(folder) / "log.csv", customer="who", time="day", value="paid", until="2024-04-20")


def listing() -> cj.JournalListing:
    with tempfile.TemporaryDirectory() as folder:
        cj.experiment(cj.Experiment.from_dict(EXPERIMENT), reports=folder)
        return cj.Journal(folder).entries()


def versions() -> cj.VersionComparison:
    shop = cj.Scenario.load("shop")
    return cj.compare_versions(shop, shop.with_values({"policy.guardrails.caps[0].at_most": 1}), metric="clv", **SMALL)


def rehearsal() -> cj.Rehearsal:
    base = cj.Scenario.load("shop", set={"customers": 60})
    changed = base.with_values({"policy.guardrails.caps[0].at_most": 1})
    return cj.rehearse(base, {"fewer": changed}, metric="clv", sizes=[40], days=[30], settings=cj.RehearsalSettings(runs=20))


RESULTS: dict[str, Callable[[], Any]] = {
    "Run": lambda: cj.simulate("shop", **SMALL),
    "GroupedMetrics": lambda: result("Run").by("country"),
    "Comparison": lambda: cj.compare("shop", "shop_better", **SMALL),
    "LeverRanking": lambda: cj.levers("shop", metric="clv", only=["policy.guardrails.quiet_hours", "policy.guardrails.caps"], **SMALL),
    "TouchpointRanking": lambda: cj.touchpoint_values("shop", only=["broadcast"], **SMALL),
    "CliffRanking": lambda: cj.cliffs("shop", **SMALL),
    "AssumptionCheck": lambda: cj.assumptions("shop", "shop_better", **SMALL),
    "Optimum": lambda: cj.optimize(ROOT / "tests" / "worlds" / "study.yaml", trials=2, storage="memory"),
    "Findings": lambda: cj.experiment(cj.Experiment.from_dict(EXPERIMENT), reports=None),
    "Rehearsal": rehearsal,
    "Readout": readout,
    "Attribution": lambda: cj.attribution("shop", only=["flow cart"], before_after=False, **SMALL),
    "ResponseCards": lambda: cj.responses("shop", only=["newsletter"], **SMALL),
    "PathCredits": lambda: cj.attribute_paths(Paths.from_sequences([["=ad", "email"], ["=ad"]], conversions=[6, 2])),
    "Diary": lambda: cj.walk("shop", customer=3),
    "PurchaseCalibration": calibration,
    "JournalListing": listing,
    "VersionComparison": versions,
    "Report": lambda: cj.report(result("Comparison")),
    "JourneyMap": lambda: cj.journey_map("shop", **SMALL),
}
# What a user needs, beyond `save`, `summary`, `to_json` and `to_pandas`.
OFFERED = {
    "Run": "by cohorts customers load log metrics outcomes predictions provenance replications scenario seed trial truth",
    "GroupedMetrics": "by control currency definitions differences entered exposed groups is_exposed_only notes of where",
    "Comparison": "alternatives answer assumptions baseline by effects figure load of predictions returns runs",
    "LeverRanking": "assumptions baseline better by_effect_per_cost currency customers digest growing_moves has_new_customers"
    " has_selected_denominator"
    " has_shared_resources levers metric notes refusal_reasons scenario seconds seed sobol_indices title unit",
    "TouchpointRanking": "baseline better currency customers has_shared_resources metric notes scenario seconds seed touchpoints unit",
    "AssumptionCheck": "alternative baseline currency customers effects metric n_assumed n_effects notes replications seconds seed unit",
    "CliffRanking": "baseline better currency customers failed has_shared_resources metric notes scenario seconds seed transitions unit",
    "Optimum": "baseline best confirmation pareto policy pruned_trials seconds simulated_customers storage study trials warnings",
    "Findings": "arm_results claim confidence customers decides decisive_arm direction effect experiment from_json hypothesis is_relative"
    " metric replications scenario seed size unit verdict verdict_sentence",
    "Rehearsal": "alternatives base currency customers latest_entry metric mode replications seed shared starts_on target_power"
    " trigger unit",
    "Readout": "arms assignment draws findings n notes outcome outcomes rule seed source warnings",
    "Attribution": "currency customers has_shared_resources rows rules scenario seconds seed totals touch touched touchpoints window_days",
    "ResponseCards": "cards customers days has_shared_resources n_effects notes scenario seconds seed touch undelivered window_days",
    "PathCredits": "conversions errors has_times rules total_conversions total_nulls total_value touchpoints unattributed_conversions"
    " value",
    "Diary": "currency customer date end is_truth lines scenario seed start who",
    "PurchaseCalibration": "assumptions customer_count customers discount_rate end forecast histories horizon_days parameters regularity"
    " seed source spend start timing total_forecast unit until warnings",
    "JournalListing": "entries unreadable",
    "VersionComparison": "baseline changes description_diff joint_effect metric notes unit",
    "Report": "answer html page title",
    "JourneyMap": "answer html mermaid page svg text title",
}


@functools.cache
def result(name: str) -> Any:
    return RESULTS[name]()


def test_every_public_result_is_here() -> None:
    public = [getattr(cj, name) for name in cj.__all__]
    assert {one.__name__ for one in public if isinstance(one, type) and issubclass(one, TabularResult)} == set(RESULTS)


def test_every_public_function_returns_a_result_that_is_here() -> None:
    verbs = (cj.simulate, cj.compare, cj.levers, cj.optimize, cj.experiment, cj.rehearse, cj.uplift, cj.attribution, cj.walk)
    verbs += (cj.attribute_paths, cj.calibrate_purchases, cj.compare_versions, cj.touchpoint_values, cj.cliffs)
    verbs += (cj.assumptions, cj.responses, cj.report, cj.journey_map)
    returned = [inspect.signature(verb).return_annotation for verb in verbs]
    assert {getattr(one, "__name__", one) for one in returned} <= set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_repr_is_one_short_line(name: str) -> None:
    text = repr(result(name))
    assert text.startswith(f"{name}(") and text.endswith(")")
    assert "\n" not in text and len(text) < 160 and "0x" not in text


@pytest.mark.parametrize("name", RESULTS)
def test_table_holds_numbers_and_its_texts_are_not_formatted_numbers(name: str) -> None:
    table = result(name).to_pandas().reset_index()
    assert len(table)
    words = {"from", "to", "before", "after"}  # values as files have them; numbers are next to those of levers
    texts = {column for column in table if table[column].dtype == object or pd.api.types.is_string_dtype(table[column].dtype)}
    cells = [str(cell) for column in texts - words for cell in table[column] if isinstance(cell, str)]
    assert [cell for cell in cells if re.fullmatch(r"[-+]?[\d.,]+\s*(%|d|h|min|days)?", cell)] == []


@pytest.mark.parametrize("name", RESULTS)
def test_table_states_units(name: str) -> None:
    columns = list(result(name).to_pandas().reset_index().columns)
    in_header = {"Optimum": "(", "Diary": "_days", "PathCredits": "conversions"}
    assert any(in_header.get(name, "unit") in column for column in columns)


@pytest.mark.parametrize("name", RESULTS)
def test_html_has_the_table_and_an_answer_in_words(name: str) -> None:
    page = result(name)._repr_html_()
    assert page.startswith("<p>") and page.rstrip().endswith(("</table>", "</div>", "</p>"))
    assert "<table" in page and page.count("<tr") > 1


@pytest.mark.parametrize("name", RESULTS)
def test_save_writes_files_and_returns_the_folder(name: str, tmp_path: Path) -> None:
    assert result(name).save(tmp_path / "new") == tmp_path / "new"
    written = sorted(path.suffix for path in (tmp_path / "new").rglob("*") if path.is_file())
    assert ".json" in written


@pytest.mark.parametrize("name", RESULTS)
def test_completion_offers_what_users_need(name: str) -> None:
    offered = sorted(one for one in dir(result(name)) if not one.startswith("_"))
    assert offered == sorted([*OFFERED[name].split(), "save", "summary", "to_json", "to_pandas"])


def test_completion_of_the_package_offers_its_public_names() -> None:
    assert dir(cj) == sorted(cj.__all__)


def test_answers_come_first_in_html() -> None:
    comparison, findings = result("Comparison"), result("Findings")
    assert comparison.answer.split(".")[0].replace("'", "&#x27;") in comparison._repr_html_().split("<table")[0]
    assert findings._repr_html_().startswith(f"<p>{findings.verdict.capitalize()}. ")


class Injection(FolderResult):
    """A result whose texts are HTML."""

    def to_pandas(self) -> pd.DataFrame:
        return pd.DataFrame({"<b>name</b>": ["<script>alert(1)</script>"], "value": [1234.5]})

    def to_json(self) -> dict[str, Any]:
        return {}

    def _facts(self) -> str:
        return "<i>facts</i>"


def test_html_is_escaped() -> None:
    page = Injection()._repr_html_()
    assert not re.search(r"<(b|i|script)>", page)
    assert "&lt;script&gt;" in page and "&lt;i&gt;facts" in page


def test_numbers_in_html_are_short() -> None:
    assert "<td>1,234</td>" in Injection()._repr_html_()


def test_levers_have_their_values_as_numbers() -> None:
    table = result("LeverRanking").to_pandas()
    hours = table.loc[table["value_unit"] == "hours"]
    assert len(hours) and all(hours["from_number"].between(0, 24))


def test_trials_have_numbers_with_their_unit_in_the_header() -> None:
    study = {"name": "wait", "scenario": str(ROOT / "tests" / "worlds" / "tiny.yaml"), "customers": 50, "trials": 2, "objectives": ["clv"]}
    wait = {"journey.events.purchase.wait.exponential": {"low": "5d", "high": "240h"}}
    found = cj.optimize(cj.Study.from_dict(study | {"free": wait}), storage="memory").to_pandas()
    assert found.columns[0] == "journey.events.purchase.wait.exponential (days)"
    assert found.iloc[:, 0].between(5, 10).all()
    assert "clv effect (money)" in found.columns


def test_effects_have_the_customer_numbers_of_the_log(tmp_path: Path) -> None:
    scenario = cj.Scenario.load("shop")
    logged = cj.simulate(scenario, log=tmp_path / "log.parquet", **SMALL)
    effects = result("Comparison").effects("shop_better", "revenue")
    assert set(logged.log.to_pandas()["customer"]) <= set(effects["customer"])
    revenue = [result("Comparison").runs[name].customers.set_index("customer")["revenue"] for name in ("shop", "shop_better")]
    paired = revenue[1].loc[effects["customer_in_alternative"]].to_numpy() - revenue[0].loc[effects["customer"]].to_numpy()
    assert effects["effect"].to_numpy() == pytest.approx(paired)


def test_an_experiment_in_python_is_in_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = cj.experiment(cj.Experiment.from_dict(EXPERIMENT))
    entry = cj.Journal().entries().entries[0]
    assert (entry.manifest.name, entry.manifest.verdict) == ("greetings", found.verdict)
    assert (tmp_path / entry.folder / "report.md").is_file()


def test_an_experiment_without_reports_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cj.experiment(cj.Experiment.from_dict(EXPERIMENT), reports=None)
    assert list(tmp_path.iterdir()) == []


def test_a_repeated_experiment_gives_the_saved_findings(tmp_path: Path) -> None:
    first, second = (cj.experiment(cj.Experiment.from_dict(EXPERIMENT), reports=tmp_path) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["Run", "Comparison"])
def test_results_of_simulations_can_be_pickled(name: str) -> None:
    found = result(name)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(found)).to_pandas(), found.to_pandas())


def test_an_unknown_outcome_of_a_readout_is_named() -> None:
    with pytest.raises(InputError, match="outcome: must be"):
        result("Readout").outcome("nothing")

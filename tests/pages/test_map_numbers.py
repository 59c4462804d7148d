"""Every number on a journey map is in its JSON file, and the numbers there are those of the runs."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import cjsim as cj
from cjsim.pages.maps.map_parts import Entry, Lane

TAG, NUMBER = re.compile(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", re.DOTALL), re.compile(r"\d[\d,]*(?:\.\d+)?")
TICK = re.compile(r'<text [^>]*class="m-small" text-anchor="end">[\d.]+</text>')


@pytest.fixture(scope="module")
def current(run_folders: list[Path]) -> cj.JourneyMap:
    return cj.journey_map(run_folders[0], kind=["current", "blueprint"])


@pytest.fixture(scope="module")
def future(run_folders: list[Path]) -> cj.JourneyMap:
    return cj.journey_map(run_folders[0], kind="future", against=run_folders[1])


@pytest.fixture(scope="module")
def log(run_folders: list[Path]) -> pd.DataFrame:
    return pd.read_parquet(run_folders[0] / "log.parquet")


@pytest.fixture(scope="module")
def run(run_folders: list[Path]) -> cj.Run:
    return cj.Run.load(run_folders[0])


def lane(drawn: cj.JourneyMap, title: str, view: int = 0) -> Lane:
    return next(one for one in drawn.page.views[view].lanes if one.title == title)


def entries_of(drawn: cj.JourneyMap, title: str, stage: str, view: int = 0) -> tuple[Entry, ...]:
    heads = [head.title for head in drawn.page.views[view].heads]
    return lane(drawn, title, view).entries(heads.index(stage))


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_in(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_in(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("kind", ["current", "future"])
def test_every_number_on_the_page_is_in_its_json_file(kind: str, request: pytest.FixtureRequest) -> None:
    drawn: cj.JourneyMap = request.getfixturevalue(kind)
    body = TICK.sub("", drawn.html[drawn.html.index("<main") : drawn.html.index("<footer")])
    shown = set(NUMBER.findall(re.sub(r"&#\d+;", " ", TAG.sub(" ", body))))
    known = {number for text in texts_in(drawn.to_json()) for number in NUMBER.findall(text)}
    assert len(shown) > 150
    assert shown - known == set()


def test_json_has_no_undefined_numbers(current: cj.JourneyMap) -> None:
    json.dumps(current.to_json(), allow_nan=False)


def test_shares_and_days_are_the_metrics_of_the_run(current: cj.JourneyMap, run: cj.Run) -> None:
    table = current.to_pandas().query("view == 'current'")
    metrics = table[table["metric"].isin(list(run.metrics))]
    assert {name.partition("[")[0] for name in metrics["metric"]} >= {"stage_reached", "stage_days", "conversion", "reached"}
    for row in metrics.itertuples():
        assert tuple(run.metrics[row.metric])[:4] == (row.value, row.low, row.high, row.n)


def test_actions_are_the_events_of_the_log(current: cj.JourneyMap, log: pd.DataFrame) -> None:
    [visits] = [one for one in entries_of(current, "What customers do", "Prospect") if one.lines[0].text == "Visits the site"]
    count = ((log["event"] == "visit") & (log["stage"] == "consideration")).sum()
    assert visits.records[0].value == pytest.approx(count / 400)
    assert visits.lines[0].right == f"{100 * count / 400:,.0f}"


def test_messages_are_the_deliveries_of_the_log(current: cj.JourneyMap, log: pd.DataFrame) -> None:
    [card] = [one for one in entries_of(current, "Email", "Prospect") if one.lines[0].text == "You left something in your cart"]
    sent = log[(log["event"] == "delivered") & (log["stage"] == "consideration") & (log["message"] == "cart_mail")]
    assert card.records[0].value == pytest.approx(len(sent) / 400)


def test_openings_count_in_the_stage_where_the_message_arrived(current: cj.JourneyMap, log: pd.DataFrame) -> None:
    of_welcome = log[log["message"] == "welcome_1"]
    sent, opened = of_welcome[of_welcome["event"] == "delivered"], of_welcome[of_welcome["event"] == "opened"]
    stage_of = sent.set_index("customer")["stage"]
    [card] = [one for one in entries_of(current, "Email", "New newsletter subscriber") if one.lines[0].text == "Welcome"]
    here = (opened["customer"].map(stage_of) == "awareness").sum()
    assert card.records[1].value == pytest.approx(here / (sent["stage"] == "awareness").sum())


def test_feeling_is_the_mean_satisfaction_of_those_who_are_in_the_stage(current: cj.JourneyMap, run: cj.Run) -> None:
    outcomes = run.outcomes.customers
    curves = {one.label: one for one in lane(current, "How they feel").curves}
    chosen = (outcomes["persona"] == 0) & (outcomes["stage"] == run.codebook.stages.index("lapsed")) & run.entered
    point = curves["Fan of the product line"].points[list(run.codebook.stages).index("lapsed")]
    assert point is not None
    assert point.value == pytest.approx(outcomes["satisfaction"][chosen].astype(float).mean())
    assert point.low < point.value < point.high


def test_onward_shares_count_those_who_were_in_a_later_stage(current: cj.JourneyMap, run: cj.Run) -> None:
    dwell, last = run.outcomes.dwell, run.outcomes.customers["stage"]
    was = [(dwell[:, i] > 0) | (last == i) for i in range(len(run.codebook.stages))]
    later = was[2] | was[3] | was[4]  # acquisition, retention, advocacy: the retained ones
    table = current.to_pandas().query("view == 'current' and metric == 'moved_on[consideration]'")
    assert table["value"].item() == pytest.approx((was[1] & later).sum() / was[1].sum())
    assert table["n"].item() == was[1].sum()


def test_differences_are_those_of_the_comparison(future: cj.JourneyMap, comparison: cj.Comparison) -> None:
    effects = comparison.to_json()["alternatives"]["shop_better"]["metrics"]
    table = future.to_pandas()
    table = table[table["metric"].isin(effects) & table["alternative"].notna()]
    assert len(table) > 15
    for row in table.itertuples():
        effect = effects[row.metric]
        assert (row.baseline, row.alternative, row.value) == (effect["baseline"], effect["value"], effect["effect"])


def test_versions_are_the_digests_of_the_run(current: cj.JourneyMap, run: cj.Run) -> None:
    digests = run.provenance.digests
    assert f"shop {digests['journey'][:8]}" in current.page.versions[0]
    assert f"shop_today {digests['policy'][:8]}" in current.page.versions[0]
    assert current.page.versions[1].endswith("next review: not set")


def test_review_date_stands_on_the_map(run_folders: list[Path]) -> None:
    drawn = cj.journey_map(run_folders[0], level="overview", review="2027-01-15")
    assert "next review: 2027-01-15" in drawn.html and "next review: 2027-01-15" in drawn.svg


def test_level_of_touchpoints_shows_all_messages(run_folders: list[Path], log: pd.DataFrame) -> None:
    drawn = cj.journey_map(run_folders[0], level="touchpoint")
    table = drawn.to_pandas()
    shown = table[table["metric"].str.startswith("delivered[")]["value"].sum()
    assert shown == pytest.approx((log["event"] == "delivered").sum() / 400)


def test_overview_has_the_sums_by_channel(run_folders: list[Path], log: pd.DataFrame) -> None:
    drawn = cj.journey_map(run_folders[0], level="overview")
    email = log[(log["event"] == "delivered") & (log["channel"] == "email") & (log["stage"] == "consideration")]
    [total] = entries_of(drawn, "Email", "Prospect")
    assert total.records[0].value == pytest.approx(len(email) / 400)

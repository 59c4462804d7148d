"""Every number that a page shows is in its JSON file, and the numbers there are those of the results."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cjsim as cj

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
TAGS_WITHOUT_TEXT = ("script", "style")


class VisibleText(HTMLParser):
    """Collects the text that a reader sees, and the text alternatives of pictures. Ticks of axes are left out: they are no results."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []
        self._is_tick = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._open.append(tag) if tag in (*TAGS_WITHOUT_TEXT, "footer") else None
        self._is_tick = tag == "text" and "s" in (found.get("class") or "").split()
        self.texts += [found["aria-label"] or ""] if "aria-label" in found else []

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        self._is_tick = False

    def handle_data(self, data: str) -> None:
        if not self._open and not self._is_tick:
            self.texts.append(data)


def numbers_in(texts: list[str]) -> set[str]:
    return {number for text in texts for number in NUMBER.findall(text)}


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_in(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_in(one)]
    return [value] if isinstance(value, str) else []


def found_with(value: Any, key: str) -> list[Any]:
    """All values of a key, at any depth."""
    if isinstance(value, dict):
        below = [one for part in value.values() for one in found_with(part, key)]
        return [value[key], *below] if key in value else below
    return [one for part in value for one in found_with(part, key)] if isinstance(value, list) else []


@pytest.fixture(scope="module")
def content(page_file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page_file.with_suffix(".json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def results(comparison: cj.Comparison, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The comparison as its own files have it."""
    folder = comparison.save(tmp_path_factory.mktemp("comparison") / "saved")
    found: dict[str, Any] = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    return found


def test_every_number_on_the_page_is_in_its_json_file(page_file: Path, content: dict[str, Any]) -> None:
    shown = numbers_in(VisibleText(page_file.read_text(encoding="utf-8")).texts)
    assert len(shown) > 150
    assert shown - numbers_in(texts_in(content)) == set()


def test_figures_of_the_first_screen_are_those_of_the_comparison(content: dict[str, Any], results: dict[str, Any]) -> None:
    effects = results["alternatives"]["shop_better"]["metrics"]
    records = found_with(content["answer"], "record")
    assert len(records) > 6
    for record in records:
        effect = effects[record["metric"]]
        if record["n"] == 400 or record["metric"] != "clv":  # the others are about a segment
            assert (record["value"], record["low"], record["high"]) == (effect["effect"], effect["low"], effect["high"])


def rounded(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace(",", "").replace("+", ""))


def test_figures_are_rounded_records(content: dict[str, Any]) -> None:
    for figure in content["answer"]["figures"]:
        record, shown = figure["record"], rounded(figure["big"])
        scale = 100 if record["unit"] == "share" else int(figure["per"].split()[1].replace(",", "")) if "per 1" in figure["per"] else 1
        decimals = len(figure["big"].partition(".")[2])
        assert shown == pytest.approx(scale * record["value"], abs=0.5000001 * 10**-decimals)
        low, high = (rounded(end) for end in figure["interval"].strip("[]").split(", "))
        assert (low, high) == pytest.approx((scale * record["low"], scale * record["high"]), abs=0.5000001 * 10**-decimals)


def chart_of(content: dict[str, Any], title: str) -> dict[str, Any]:
    panels = [panel for section in content["sections"] for panel in section["panels"]]
    found: dict[str, Any] = next(panel["chart"] for panel in panels if panel["title"] == title)
    return found


def customers(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "customers.parquet")


def test_parts_of_the_waterfall_add_up_to_the_difference(content: dict[str, Any], results: dict[str, Any]) -> None:
    title = next(panel["title"] for section in content["sections"] for panel in section["panels"] if panel["title"].endswith("in parts"))
    *parts, total = [row["value"] for row in chart_of(content, title)["rows"]]
    assert sum(parts) == pytest.approx(total, abs=1e-9)
    assert total == results["alternatives"]["shop_better"]["metrics"]["clv"]["effect"]


def test_buyers_won_are_those_of_the_customer_files(content: dict[str, Any], run_folders: list[Path]) -> None:
    before, after = (customers(folder) for folder in run_folders)
    margin = after["margin"] + after["discounts"]
    won = margin[(after["purchases"] > 0) & (before["purchases"] == 0)].sum() / len(after)
    title = next(panel["title"] for section in content["sections"] for panel in section["panels"] if panel["title"].endswith("in parts"))
    assert chart_of(content, title)["rows"][0]["value"] == pytest.approx(won)


def test_weekly_series_add_up_to_the_deliveries_of_the_log(content: dict[str, Any], run_folders: list[Path]) -> None:
    chart = chart_of(content, "Contacts and refusals by week")
    log = pd.read_parquet(run_folders[1] / "log.parquet")
    mails = log[(log["event"] == "delivered") & (log["channel"] == "email")]
    weeks = (mails["time"] - pd.Timestamp("2026-01-05")).dt.days // 7
    expected = 100 * weeks[weeks < 52].value_counts().sort_index() / 400
    shown = chart["charts"][chart["titles"].index("Email: delivered")]["series"][1]["values"]
    assert np.array(shown)[expected.index] == pytest.approx(expected.to_numpy())


def test_moves_between_stages_are_those_of_the_log(content: dict[str, Any], run_folders: list[Path]) -> None:
    log = pd.read_parquet(run_folders[1] / "log.parquet")
    stage = log["stage"].astype(str)
    moved = (stage != stage.shift()) & (log["customer"] == log["customer"].shift())
    first = ((stage.shift() == "awareness") & (stage == "consideration") & moved).sum()
    chart = chart_of(content, "From stage to stage")
    names = chart["nodes"]
    sizes = {(names[source], names[target]): size for source, target, size in chart["links"]}
    assert sizes["New newsletter subscriber", "Prospect"] == pytest.approx(100 * first / 400)


def test_shares_of_winners_and_losers_are_those_of_the_customer_files(content: dict[str, Any], run_folders: list[Path]) -> None:
    before, after = (customers(folder) for folder in run_folders)
    effect = after["clv"] - before["clv"]  # without the costs of the platform, creative work and setup
    panel = next(panel for section in content["sections"] for panel in section["panels"] if panel["title"] == "Customer by customer")
    threshold = float(re.search(r"below \D*([\d.]+) counts", panel["caption"])[1])  # type: ignore[index]
    assert panel["say"].startswith(f"{100 * (effect >= threshold).mean():.1f}%")
    assert f"{100 * (effect <= -threshold).mean():.1f}%" in panel["say"]

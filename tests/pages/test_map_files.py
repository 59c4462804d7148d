"""`cjsim map`: files that it writes, text that it prints, and input that it refuses."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError

ADDRESS = re.compile(r"""(?:src|href|action|poster|data|srcset)\s*=\s*["']?(?!#)[^"'\s>]+|url\((?!["']?data:)|@import""")
TASK = re.compile(r"      [^:#;]+: [1-5]: [^:#;,]+")
SECTION, TITLE, COMMENT = re.compile(r"    section [^:#;]+"), re.compile(r"    title [^#;]+"), re.compile(r"    %% .+")


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def drawn(run_folders: list[Path]) -> cj.JourneyMap:
    return cj.journey_map(run_folders[0], kind=["current", "future", "blueprint"], against=run_folders[1])


def test_page_is_one_file_that_refers_to_nothing(drawn: cj.JourneyMap) -> None:
    assert ADDRESS.findall(drawn.html) == []
    assert "http://" not in drawn.html and "https://" not in drawn.html
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', drawn.html)
    assert policy is not None and policy[1].startswith("default-src 'none';") and "*" not in policy[1]


def test_picture_is_well_formed(drawn: cj.JourneyMap) -> None:
    root = ElementTree.fromstring(drawn.svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = " ".join(text for element in root.iter("{http://www.w3.org/2000/svg}text") for text in element.itertext())
    for view in drawn.page.views:
        assert view.heads[0].title.split()[0] in texts


def test_mermaid_text_has_the_grammar_of_a_journey(drawn: cj.JourneyMap) -> None:
    lines = drawn.mermaid.rstrip("\n").split("\n")
    assert lines.count("journey") == 3
    kinds = [
        next(
            (kind for kind, form in (("task", TASK), ("section", SECTION), ("title", TITLE), ("comment", COMMENT)) if form.fullmatch(line)),
            line,
        )
        for line in lines
        if line and line != "journey"
    ]
    assert set(kinds) == {"task", "section", "title", "comment"}
    assert kinds.count("section") == 21


def test_cards_for_phones_have_the_same_content(drawn: cj.JourneyMap) -> None:
    cards = drawn.html.count('class="card stagecard"')
    assert cards == sum(len(view.heads) for view in drawn.page.views)
    for view in drawn.page.views:
        for lane in view.lanes:
            for cell in lane.cells:
                for entry in cell:
                    assert all(line.text.replace("'", "&#39;") in drawn.html for line in entry.lines)


def test_stages_stand_in_the_order_of_the_journey(drawn: cj.JourneyMap) -> None:
    journey = cj.Scenario.load("shop").journey
    assert [head.title for head in drawn.page.views[0].heads] == [stage.title for stage in journey.stages.values()]


def test_day_is_the_diary_of_the_customer() -> None:
    day, diary = cj.journey_map("shop", kind="day", customer=7), cj.walk("shop", customer=7, truth=True)
    [view] = day.page.views
    stages = cj.Scenario.load("shop").journey.stages
    stays = [line.stage for i, line in enumerate(diary.lines) if not i or diary.lines[i - 1].stage != line.stage]
    assert [head.title for head in view.heads] == [stages[name].title for name in stays]
    assert f"{diary.end['contacts']} messages" in view.say
    [curve] = [lane.curves[0] for lane in view.lanes if lane.curves]
    assert curve.points[-1] is not None and curve.points[-1].value == diary.lines[-1].satisfaction


def test_roles_of_the_buying_committee_have_lanes() -> None:
    drawn = cj.journey_map("b2b", customers=300, sample=None, replications=1, seed=1)
    titles = [lane.title for lane in drawn.page.views[0].lanes]
    assert [title for title in titles if title.startswith("Committee")] == ["Committee: User", "Committee: Finance", "Committee: IT"]


def test_cliffs_stand_in_the_stage_that_customers_leave() -> None:
    drawn = cj.journey_map("shop", customers=300, seed=1, cliffs=True, level="overview")
    ranking = cj.cliffs("shop", customers=300)
    [lane] = [lane for lane in drawn.page.views[0].lanes if lane.title == "Cliffs"]
    stages = list(cj.Scenario.load("shop").journey.stages)
    shown = {(stages[i], entry.records[0].value) for i, cell in enumerate(lane.cells) for entry in cell}
    losses = {
        (one.transition.origin, one.metric_value.effect) for one in ranking.transitions if one.is_loss("higher") and not one.is_to_retained
    }
    assert shown == losses


def test_command_writes_a_page_and_its_numbers(run_folders: list[Path], tmp_path: Path) -> None:
    found = invoke("map", run_folders[0], "--level", "overview", "--out", tmp_path / "shop.html")
    assert found.exit_code == 0, found.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.html", "shop.json"]
    assert "in shop.json beside it" in (tmp_path / "shop.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "shop.json").read_text(encoding="utf-8"))["title"] == "Online shop"


def test_command_writes_all_formats_to_a_folder(run_folders: list[Path], tmp_path: Path) -> None:
    assert invoke("map", run_folders[0], "--level", "overview", "--out", tmp_path / "out").exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"map.html", "map.svg", "map.mmd", "map.json"}


def test_mermaid_text_is_printed(run_folders: list[Path]) -> None:
    found = invoke("map", run_folders[0], "--format", "mermaid")
    assert found.stdout == cj.journey_map(run_folders[0]).mermaid


def test_earlier_files_are_kept_without_force(run_folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "map.svg").write_text("kept")
    found = invoke("map", run_folders[0], "--out", tmp_path / "map.svg")
    assert found.exit_code == 2 and "must be a new file" in found.stderr
    assert (tmp_path / "map.svg").read_text() == "kept"
    assert invoke("map", run_folders[0], "--level", "overview", "--out", tmp_path / "map.svg", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["no_such_scenario"], "must be a file, or the name of a library scenario"),
        (["shop", "--kind", "future"], "--against: must be given for kind 'future', got nothing."),
        (["shop", "--against", "shop_better"], "--against: must be used with kind 'future', got kind 'current'."),
        (["shop", "--kind", "day"], "--customer: must be given for kind 'day', got nothing."),
        (["shop", "--kind", "day", "--customer", "99999999"], "--customer: must be from 0 to 19,999, got 99999999."),
        (["shop", "--kind", "blueprint", "--cliffs"], "--cliffs: must be used with kind 'current', got kind 'blueprint'."),
        (["shop", "--kind", "currant"], "--kind: must be one of 'current', 'future', 'day', 'blueprint', got 'currant'. Did you mean"),
        (["shop", "--level", "all"], "--level: must be one of 'overview', 'stage', 'touchpoint', got 'all'."),
        (["shop", "--out", "map.pdf"], "--out: must be a folder, or a file that ends in '.html', '.svg', '.mmd', got 'map.pdf'."),
        (
            ["shop", "--out", "map.svg", "--format", "html"],
            "--out: must name a file that ends in '.html' with --format html, got 'map.svg'.",
        ),
        (["shop", "--review", "soon"], "--review: must be a date, got 'soon'. Write it as 2027-01-15."),
        (["shop", "--kind", "future", "--against", "saas"], "must"),
    ],
)
def test_bad_input_is_refused(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = invoke("map", *words)
    assert found.exit_code == 2, found.output
    assert message in found.stderr
    assert found.stderr.count("\n") <= 2 and "Traceback" not in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_log_is_refused() -> None:
    with pytest.raises(InputError, match="must have an event log"):
        cj.journey_map(cj.simulate("shop", customers=50))


def test_a_run_and_a_scenario_are_not_compared(run_folders: list[Path]) -> None:
    with pytest.raises(InputError, match="must be a scenario if the other is one"):
        cj.journey_map(run_folders[0], kind="future", against="shop_better")


def test_settings_of_a_run_cannot_be_changed(run_folders: list[Path]) -> None:
    with pytest.raises(InputError, match="seed: must not be given for a run"):
        cj.journey_map(run_folders[0], seed=3)


def test_a_map_is_the_same_each_time(run_folders: list[Path]) -> None:
    first, second = (cj.journey_map(run_folders[0], level="touchpoint") for _ in range(2))
    assert first.html == second.html and first.mermaid == second.mermaid

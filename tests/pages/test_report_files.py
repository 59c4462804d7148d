"""`cjsim report`: files that it writes, and input that it refuses."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cjsim as cj
from cjsim.cli import app
from cjsim.errors import InputError

MAX_BYTES = 7_000_000
ADDRESS = re.compile(r"""(?:src|href|action|poster|data|srcset)\s*=\s*["']?(?!#)[^"'\s>]+|url\((?!["']?data:)|@import""")


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def without_plotly(page: str) -> str:
    """The page without the library, whose own text contains addresses that the page's policy forbids to load."""
    return re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", page, flags=re.DOTALL)


def test_page_is_one_file_that_refers_to_nothing(made: cj.Report) -> None:
    assert len(made.html.encode()) < MAX_BYTES
    assert made.html.count("PlotlyConfig") <= 2 and made.html.count('id="plotly"') == 1
    assert ADDRESS.findall(without_plotly(made.html)) == []
    assert "http://" not in without_plotly(made.html) and "https://" not in without_plotly(made.html)


def test_content_security_policy_forbids_every_connection(made: cj.Report) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', made.html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none';")
    assert "connect-src" not in policy[1] and "*" not in policy[1]


def test_first_screen_does_not_need_scripts(made: cj.Report) -> None:
    body = re.sub(r"<script.*?</script>", "", without_plotly(made.html), flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "", body)
    assert made.answer in text
    for figure in made.page.answer.figures:
        assert figure.big in text and figure.interval in text
    assert body.count("<svg") > 10


def test_headings_of_sections_are_questions(made: cj.Report) -> None:
    assert [section.question for section in made.page.sections if not section.question.endswith("?")] == []
    assert all(section.say for section in made.page.sections)


def test_every_figure_has_a_caption_and_a_text_alternative(made: cj.Report) -> None:
    panels = [panel for section in made.page.sections for panel in section.panels if panel.chart is not None]
    assert [panel.title for panel in panels if not re.search(r"n = |sends|opens", panel.caption)] == []
    assert [panel.title for panel in panels if panel.chart is None or len(panel.chart.alt) < 10] == []


def test_names_of_a_scenario_are_escaped(comparison: cj.Comparison) -> None:
    runs = {"<b>a</b>": comparison.runs["shop"], "<script>x</script>": comparison.runs["shop_better"]}
    page = cj.report(cj.Comparison.of(runs)).html
    assert "<b>a</b>" not in page and "<script>x</script>" not in page


def test_command_writes_the_page_and_its_numbers(run_folders: list[Path], tmp_path: Path) -> None:
    found = invoke("report", *run_folders, "--out", tmp_path / "board.html", "--json")
    assert found.exit_code == 0, found.output
    numbers = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))
    assert json.loads(found.stdout) == numbers
    assert "board.json" in (tmp_path / "board.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.html", "board.json"]


def test_command_writes_to_a_folder(run_folders: list[Path], tmp_path: Path) -> None:
    assert invoke("report", run_folders[0], "--out", tmp_path / "new").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["report.html", "report.json"]


def test_earlier_page_is_kept_without_force(run_folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "board.html").write_text("kept")
    found = invoke("report", run_folders[0], "--out", tmp_path / "board.html")
    assert found.exit_code == 2
    assert "must be a new file" in found.stderr and "--force" in found.stderr
    assert (tmp_path / "board.html").read_text() == "kept"
    assert invoke("report", run_folders[0], "--out", tmp_path / "board.html", "--force").exit_code == 0


def test_page_of_one_run_compares_nothing(run_folders: list[Path]) -> None:
    made = cj.report(run_folders[0])
    assert made.page.kind == "run"
    assert made.answer.startswith("Under “Current policy”, a customer is worth ")
    assert not [figure for figure in made.page.answer.figures if figure.chip]


def test_equal_runs_give_the_same_page(run_folders: list[Path]) -> None:
    assert cj.report(*run_folders).html == cj.report(*run_folders).html


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "must be the folder of a saved result, got a path that does not exist"),
        ("empty", "must be the folder of a saved result, got a folder without manifest.json"),
        ("file", "must be the folder of a saved result, got not a directory"),
    ],
)
def test_folder_without_a_result_is_refused(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    found = invoke("report", tmp_path / name)
    assert found.exit_code == 2
    assert message in found.stderr
    assert "Traceback" not in found.output


def test_damaged_result_is_refused(run_folders: list[Path], tmp_path: Path) -> None:
    for file in run_folders[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "customers.parquet").write_bytes(b"PAR1")
    found = invoke("report", tmp_path)
    assert found.exit_code == 2 and "customers.parquet" in found.stderr


def test_runs_of_different_customers_are_refused(run_folders: list[Path], tmp_path: Path) -> None:
    cj.simulate("shop_better", customers=50, seed=1).save(tmp_path / "other")
    found = invoke("report", run_folders[0], tmp_path / "other", "--out", tmp_path / "x.html")
    assert found.exit_code == 2 and "customers" in found.stderr


def test_nothing_to_report_is_refused() -> None:
    with pytest.raises(InputError, match="results: must contain a run or a comparison"):
        cj.report()

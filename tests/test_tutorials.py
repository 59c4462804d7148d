"""The tutorials: their commands print what the pages show, their Python code runs, and the site contains every page and public name."""

import re
from pathlib import Path

import pytest
from conftest import ROOT

import cjsim as cj
from docs.write_tutorials import BLOCK, PAGES, filled

SITE = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_print_what_the_page_shows_and_the_code_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    assert filled(text) == text
    assert len(BLOCK.findall(text)) >= 5
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, {})  # noqa: S102, this is our own page
        assert "supported" in capsys.readouterr().out


def test_the_site_contains_every_page() -> None:
    named = set(re.findall(r"^[\w./]+$", SITE, re.MULTILINE))
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md") if "api/" not in str(path)
    }
    assert pages - {"index"} <= named
    assert {"../README", "../CHANGELOG"} <= named


def test_the_api_page_lists_every_public_name() -> None:
    listed = re.findall(r"^   (\w+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(name for name in cj.__all__ if name != "__version__")


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    sphinx = pytest.importorskip("sphinx.cmd.build")
    arguments = ["-q", "-W", "--keep-going", "-c", str(ROOT / "docs"), str(ROOT), str(tmp_path)]
    assert sphinx.build_main(arguments) == 0
    assert (tmp_path / "docs" / "index.html").exists()

"""The documentation: its lines are short, its links lead somewhere, its picture is up to date, and it names all that a user can write."""

import doctest
import re
import runpy
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from conftest import ROOT
from pydantic import BaseModel

from cjsim.kernels.codes import TouchCode
from cjsim.lab.experiment import Experiment
from cjsim.scenario.condition_names import CALLS, LABELS, LATENT_WORDS, WORDS
from cjsim.scenario.journey import JourneySpec
from cjsim.scenario.policy import PolicySpec
from cjsim.scenario.spec import ScenarioSpec
from cjsim.tuning.study import Study

LINE_CHARACTERS = 120
# A row of a Markdown table is one line, and these tables consist of hypotheses, paths, sources and, in generated pages, sentences.
LONG_TABLES = ("log_formats.md", "claims.md", "commands.md", "keys.md", "library.md", "counterfactuals.md")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
DOCUMENTS = [
    ("model.md", JourneySpec),
    ("model.md", PolicySpec),
    ("model.md", ScenarioSpec),
    ("search.md", Study),
    ("search.md", Experiment),
]


def long_lines(name: str, text: str) -> list[str]:
    lines = [line for line in text.splitlines() if len(line) > LINE_CHARACTERS]
    return [f"{name}: {line}" for line in lines if not (name in LONG_TABLES and line.startswith("|"))]


def without_code(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(name: str, text: str) -> list[str]:
    """Links of a page to files or headings that do not exist."""
    folder = ROOT if name == "README.md" else ROOT / "docs"
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text)):
        file, _, anchor = target.partition("#")
        page = folder / file if file else folder / name
        if not page.exists() or (anchor and anchor not in anchors(page.read_text(encoding="utf-8"))):
            broken.append(f"{name}: {target}")
    return broken


def code_words(text: str) -> set[str]:
    """Words in code spans and code blocks."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", without_code(text))
    return {word for code in (*blocks, *spans) for word in re.findall(r"\w+", code)}


def records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The records that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from records_in(part)


def keys_of(document: type[BaseModel]) -> set[str]:
    """All keys that a file of a document may have, at any depth, without those of documents in it."""
    seen: set[type[BaseModel]] = set()
    pending, keys = [document], set()
    while pending:
        if (record := pending.pop()) not in seen:
            seen.add(record)
            for name, field in record.model_fields.items():
                keys.add(field.alias or name)
                pending += [one for one in records_in(field.annotation) if not issubclass(one, ScenarioSpec | JourneySpec | PolicySpec)]
    return keys


@pytest.mark.parametrize("name", PAGES)
def test_lines_of_pages_are_short(name: str) -> None:
    assert long_lines(name, PAGES[name]) == []


def test_a_long_line_is_found() -> None:
    assert long_lines("README.md", f"| {'x' * LINE_CHARACTERS}") != []


@pytest.mark.parametrize("name", PAGES)
def test_links_of_pages_lead_to_files_and_headings(name: str) -> None:
    assert broken_links(name, PAGES[name]) == []


@pytest.mark.parametrize("target", ["nothing.md", "model.md#nothing", "#nothing"])
def test_a_broken_link_is_found(target: str) -> None:
    assert broken_links("model.md", f"[x]({target})") == [f"model.md: {target}"]


@pytest.mark.parametrize(("page", "document"), DOCUMENTS)
def test_pages_name_every_key_of_a_file(page: str, document: type[BaseModel]) -> None:
    assert keys_of(document) - code_words(PAGES[page]) == set()


def test_keys_of_nested_records_are_found() -> None:
    assert {"steps", "at_most", "wage_per_hour", "from"} <= keys_of(PolicySpec)


def test_model_page_names_every_word_of_conditions() -> None:
    assert {*WORDS, *LABELS, *LATENT_WORDS, *CALLS} - code_words(PAGES["model.md"]) == set()


def test_model_page_names_every_event_of_the_log() -> None:
    assert {touch.name.lower() for touch in TouchCode} - code_words(PAGES["model.md"]) == set()


def test_picture_of_the_layers_is_up_to_date() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))["draw"]()
    committed = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert committed == drawn, "imports have changed: python docs/draw_architecture.py"


def test_page_of_keys_is_up_to_date() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_keys.py"))["page"]()
    assert PAGES["keys.md"] == written, "fields have changed: python docs/write_keys.py"


@pytest.mark.parametrize("document", [document for _, document in DOCUMENTS])
def test_page_of_keys_names_every_key_of_a_file(document: type[BaseModel]) -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGES["keys.md"], re.MULTILINE))
    assert keys_of(document) - rows == set()


@pytest.mark.parametrize("page", ["extending.md", "python.md"])
def test_examples_of_the_page_run(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = doctest.testfile(str(ROOT / "docs" / page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (outcome.failed, outcome.attempted > 0) == (0, True)

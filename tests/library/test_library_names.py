"""Names from the library can replace paths, in commands, in Python and in YAML files."""

from pathlib import Path

import pytest
from conftest import ROOT

import cjsim as cj
from cjsim.errors import InputError
from cjsim.library import find_document, library_entries, library_folder

TINY = ROOT / "tests" / "worlds" / "tiny.yaml"


def test_the_library_of_a_checkout_is_its_configs_folder() -> None:
    assert library_folder() == ROOT / "configs"


def test_the_library_of_a_package_is_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cjsim" / "configs").mkdir(parents=True)
    monkeypatch.setattr("cjsim.library.__file__", str(tmp_path / "cjsim" / "library.py"))
    assert library_folder() == tmp_path / "cjsim" / "configs"


def test_an_edited_file_of_the_library_is_seen_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scenarios").mkdir()
    monkeypatch.setattr("cjsim.library.library_folder", lambda: tmp_path)
    for title in ("First", "Second"):
        (tmp_path / "scenarios" / "mine.yaml").write_text(f"extends: {TINY}\ntitle: {title} # of two\n", encoding="utf-8")
        assert [entry.name for entry in library_entries("scenario")] == ["mine"]
        assert cj.Scenario.load("mine").title == title


def test_a_name_loads_the_scenario_of_the_library() -> None:
    assert cj.Scenario.load("shop") == cj.Scenario.load(ROOT / "configs" / "scenarios" / "shop.yaml")


def test_a_name_loads_the_kind_that_is_asked_for() -> None:
    assert cj.Journey.load("shop").title == "Online shop"


def test_a_file_of_this_name_takes_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").write_text("name: shop\n", encoding="utf-8")
    assert find_document(Path("shop"), ["scenario"]) == Path("shop")


def test_yaml_files_may_name_entries(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: shop\nname: mine\npolicy: shop_better\n", encoding="utf-8")
    mine = cj.Scenario.load(tmp_path / "mine.yaml")
    assert (mine.journey, mine.policy) == (cj.Journey.load("shop"), cj.Policy.load("shop_better"))


def test_a_study_may_name_a_scenario(tmp_path: Path) -> None:
    text = "name: s\nscenario: shop\nfree: {'policy.guardrails.caps[0].at_most': {low: 1, high: 3}}\nobjectives: [clv]\n"
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    assert cj.Study.load(tmp_path / "study.yaml").scenario == cj.Scenario.load("shop")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shp", "shp: must be a file, or the name of a library scenario, got neither. Did you mean 'shop'?"),
        ("q", "q: must be a file, or the name of a library scenario, got neither. Use a path that ends in .yaml, or a name that"),
        ("shop.yaml", "shop.yaml: must be a readable file, got a path that does not exist. Did you mean 'shop'?"),
    ],
)
def test_an_unknown_name_is_an_error(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        cj.Scenario.load(name)
    assert str(caught.value).startswith(message)


def test_an_unknown_name_in_a_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("extends: shop\npolicy: shop_bettr\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine.yaml:2: policy: must be a file, .* got 'shop_bettr'\. Did you mean 'shop_better'\?"):
        cj.Scenario.load(tmp_path / "mine.yaml")


def test_a_missing_file_suggests_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "win_back.yaml").write_text("extends: shop\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"Did you mean '{tmp_path}/win_back.yaml'"):
        cj.Scenario.load(tmp_path / "win_bak.yaml")


@pytest.mark.parametrize(("key", "named"), [("extends", "bas.yaml"), ("policy", "../here/bas.yaml")])
def test_a_missing_file_in_a_file_suggests_a_file_beside_it(tmp_path: Path, key: str, named: str) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "base.yaml").write_text("extends: shop\n", encoding="utf-8")
    (tmp_path / "here" / "mine.yaml").write_text(f"{key}: {named}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"Did you mean '{named.replace('bas.', 'base.')}'"):
        cj.Scenario.load(tmp_path / "here" / "mine.yaml")


def test_a_missing_file_suggests_a_name_of_the_library(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'subscription'"):
        cj.Scenario.load(tmp_path / "subscripton.yaml")


def test_a_name_without_suffix_suggests_a_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("win_back.yaml").touch()
    with pytest.raises(InputError, match=r"Did you mean 'win_back\.yaml'"):
        cj.Scenario.load("win_back")

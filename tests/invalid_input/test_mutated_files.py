"""Randomly mutated files: `cjsim check` accepts or rejects them, and never crashes."""

import random
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from typer.testing import CliRunner

from cjsim.cli import app

WORLDS = ROOT / "tests" / "worlds"
# Replacements for a scalar, a key or a line.
REPLACEMENT_TEXT = """0 ; -1 ; 1e999 ; -.inf ; .nan ; ~ ; true ; [] ; {} ; [[ ; } ; &a ; *a ; !!python/object:os.system x ; ' ; " ; 0d ; -3d
99999999d ; 1e5 ; 25:00 ; 2025-02-30 ; 2025-01-01 ; a.b ; é ; - - - ; ? x ; << ; | ; > ; %YAML 1.1 ; --- ; ... ; @x ; `x` ; 0x1F
0o17 ; 1_000 ; stage == ; : ; # ; count(count) ; extends: x.yaml ; set: {a: 1} ; all ; never ; anywhere ; purchase ; silent ; keen
1/pace ; 1-drop ; mood ; fixed ; choose ; pull ; paid ; human ; sales ; support ; tenth ; personal ; endless ; monday ; search ; none
has_offer(tenth) ; unopened ; interest == bikes ; 0.5 ; 100000000000"""
REPLACEMENT_VALUES = (
    *re.split(r" ; |\n", REPLACEMENT_TEXT),
    "",
    ": ",
    "9" * 400,
    "9" * 5000,
    "not " * 300,
    "(" * 300,
    "\t",
    "\x00",
    "\x85",
)


def delete_line(lines: list[str], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines))]


def repeat_line(lines: list[str], rng: random.Random) -> None:
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))


def swap_lines(lines: list[str], rng: random.Random) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def indent(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    lines[at] = " " * rng.choice((1, 2, 4)) + lines[at] if rng.random() < 0.5 else lines[at].lstrip(" ")


def replace_word(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    words = list(re.finditer(r"[\w.%-]+", lines[at]))
    if words:
        word = rng.choice(words)
        lines[at] = lines[at][: word.start()] + rng.choice(REPLACEMENT_VALUES) + lines[at][word.end() :]


def borrow_word(lines: list[str], rng: random.Random) -> None:
    words = re.findall(r"[\w.%-]+", rng.choice(lines)) or ["x"]
    at = rng.randrange(len(lines))
    lines[at] = re.sub(r"[\w.%-]+", lambda _: rng.choice(words), lines[at], count=1)


def misspell(lines: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(lines))
    if lines[at]:
        column = rng.randrange(len(lines[at]))
        lines[at] = lines[at][:column] + rng.choice(("", "x", " ", ":", "#", "[", "é", "7", "-", ",", "{", "'")) + lines[at][column + 1 :]


def cut(lines: list[str], rng: random.Random) -> None:
    del lines[rng.randrange(len(lines)) :]


MUTATIONS = (delete_line, repeat_line, swap_lines, indent, replace_word, replace_word, borrow_word, misspell, misspell, cut)


def mutate(text: str, rng: random.Random) -> bytes:
    """The text after one to three mutations, sometimes with bytes that are not UTF-8."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        if lines:
            rng.choice(MUTATIONS)(lines, rng)
    content = "\n".join(lines).encode("utf-8", "replace")
    return content[: len(content) // 2] + b"\xff\xfe" + content[len(content) // 2 :] if rng.random() < 0.01 else content


def check_mutants(folder: Path, seeds: range, names: tuple[str, ...]) -> list[int]:
    """Exit codes of `check` on mutants of these files. The first file is checked; any of them is mutated."""
    codes = []
    for name in (*names, "every_construct_rule.json"):
        shutil.copy(WORLDS / name, folder / name)
    for seed in seeds:
        rng = random.Random(seed)
        name = rng.choice(names)
        (folder / name).write_bytes(mutate((WORLDS / name).read_text(encoding="utf-8"), rng))
        result = CliRunner().invoke(app, ["check", str(folder / names[0]), "--static"])
        kept = shutil.copy(folder / name, folder / "mutant.txt")
        assert result.exit_code in (0, 2), f"seed {seed}, {kept}: {result.exit_code} {result.output} {result.exception}"
        assert result.exception is None or isinstance(result.exception, SystemExit), f"seed {seed}, {kept}: {result.exception}"
        assert "Traceback" not in result.output
        assert result.exit_code == 0 or ", got " in result.stderr, f"seed {seed}, {kept}: {result.stderr}"
        codes.append(result.exit_code)
        shutil.copy(WORLDS / name, folder / name)
    return codes


def test_mutants_of_a_small_file_are_accepted_or_rejected(tmp_path: Path) -> None:
    codes = check_mutants(tmp_path, range(150), ("tiny.yaml",))
    assert 0 in codes
    assert codes.count(2) > 50


def test_mutants_of_touchpoints_are_accepted_or_rejected(tmp_path: Path) -> None:
    codes = check_mutants(tmp_path, range(5_000, 5_100), ("touchpoints.yaml",))
    assert 0 in codes
    assert codes.count(2) > 30


@pytest.mark.slow
def test_1000_mutants_of_touchpoints_are_accepted_or_rejected(tmp_path: Path) -> None:
    codes = check_mutants(tmp_path, range(6_000, 7_000), ("touchpoints.yaml",))
    assert 0 in codes
    assert codes.count(2) > 300


@pytest.mark.slow
def test_2000_mutants_of_every_construct_are_accepted_or_rejected(tmp_path: Path) -> None:
    names = ("every_construct.yaml", "every_construct_journey.yaml", "every_construct_policy.yaml")
    codes = check_mutants(tmp_path, range(1_000, 3_000), names)
    assert 0 in codes
    assert codes.count(2) > 500

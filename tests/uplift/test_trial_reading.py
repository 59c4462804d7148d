"""Reading trials from tables and files, and the errors for invalid ones."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjsim.errors import InputError
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.feature_encoding import encoded_features
from cjsim.uplift.trials.file_reader import read_trial

ROLES = ColumnRoles(treatment="arm", outcome="bought")
ROWS = [f"{arm},{i % 2},{i},{'abc'[i % 3]}" for i, arm in enumerate(["none", "mail"] * 10)]
GOOD = "arm,bought,visits,city\n" + "\n".join(ROWS) + "\n"


def table(**columns: Any) -> pd.DataFrame:
    n = 20
    return pd.DataFrame({"arm": ["none", "mail"] * (n // 2), "bought": np.arange(n) // 2 % 2, "visits": np.arange(n) % 7} | columns)


def trial_of(roles: ColumnRoles = ROLES, **columns: Any) -> Trial:
    return Trial.from_frame(table(**columns), roles)


def refusal(roles: ColumnRoles = ROLES, **columns: Any) -> str:
    with pytest.raises(InputError) as caught:
        trial_of(roles, **columns)
    return str(caught.value)


def file_refusal(folder: Path, text: str | bytes, roles: ColumnRoles = ROLES) -> str:
    file = folder / "trial.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_trial(file, roles)
    return str(caught.value).removeprefix(f"{folder}/")


def test_csv_gzip_and_parquet_give_the_same_trial(tmp_path: Path) -> None:
    (tmp_path / "trial.csv").write_text(GOOD)
    (tmp_path / "trial.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    pd.read_csv(tmp_path / "trial.csv", keep_default_na=False).to_parquet(tmp_path / "trial.parquet")
    csv, *others = [read_trial(tmp_path / f"trial.{ending}", ROLES) for ending in ("csv", "csv.gz", "parquet")]
    for other in others:
        assert other.arms == csv.arms
        assert np.array_equal(other.treatment, csv.treatment)
        assert np.array_equal(other.outcomes["bought"].values, csv.outcomes["bought"].values)
        pd.testing.assert_frame_equal(other.features, csv.features)


def test_hillstrom_has_its_published_arm_sizes(data_dir: Path) -> None:
    roles = ColumnRoles(treatment="segment", outcome=["visit", "conversion", "spend"])
    trial = read_trial(data_dir / "hillstrom.csv.gz", roles)
    assert dict(zip(trial.arms, trial.arm_sizes, strict=True)) == {"No E-Mail": 21306, "Mens E-Mail": 21307, "Womens E-Mail": 21387}


@pytest.mark.parametrize("control", ["none", "None", "0", "False", "No E-Mail", "control", "holdout"])
def test_the_control_is_inferred(control: str) -> None:
    assert trial_of(arm=[control, "a mail"] * 10).arms == (control, "a mail")


def test_codes_of_arms_are_read_alike_from_numbers_and_text() -> None:
    for values in ([0, 1], [0.0, 1.0], ["0", "1"], ["0.0", "1.0"]):
        assert trial_of(arm=values * 10).arms == ("0", "1")


def test_numbered_arms_are_sorted_by_number() -> None:
    assert trial_of(arm=[0, 10, 9, 2] * 5).arms == ("0", "2", "9", "10")


def test_an_unclear_control_is_refused_with_the_arms() -> None:
    assert refusal(arm=["A", "B"] * 10) == (
        "column 'arm': must have one arm that is recognizable as the control, got the arms 'A', 'B'. Name the control arm."
    )


def test_two_possible_controls_are_refused() -> None:
    assert "got the arms 'control', 'mail', 'none'" in refusal(arm=["none", "control", "mail", "mail"] * 5)


def test_an_absent_control_is_refused_with_a_suggestion() -> None:
    roles = ColumnRoles(treatment="arm", outcome="bought", control="non")
    assert (
        refusal(roles) == "column 'arm': must contain the control arm; it contains 'mail', 'none', got control 'non'. Did you mean 'none'?"
    )


def test_one_arm_is_refused() -> None:
    assert refusal(arm=["mail"] * 20).startswith("column 'arm': must contain at least two arms, got only 'mail'.")


def test_a_treatment_of_many_values_is_refused() -> None:
    frame = pd.DataFrame({"arm": np.arange(100), "bought": 0})
    with pytest.raises(InputError, match="must contain at most 20 arms, got 100 different values"):
        Trial.from_frame(frame, ROLES)


def test_a_missing_treatment_is_refused_with_its_row(tmp_path: Path) -> None:
    text = GOOD.replace("mail,1,3,a", ",1,3,a")
    assert file_refusal(tmp_path, text).startswith("trial.csv:5: column 'arm': must have a value in every row, got nothing.")


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 1], "binary"), (["yes", "no"], "binary"), ([True, False], "binary"), ([0, 3], "count"), ([0.5, 3], "continuous")],
)
def test_kinds_of_outcomes_are_inferred(values: list[Any], kind: str) -> None:
    assert trial_of(bought=values * 10).outcomes["bought"].kind == kind


def test_missing_outcomes_are_nan_and_can_be_left_out() -> None:
    trial = trial_of(bought=[1.0, np.nan] * 5 + [0.0] * 10)
    assert trial.outcomes["bought"].is_missing.sum() == 5
    assert len(trial.complete("bought")) == len(trial.complete("bought").features) == 15


def test_an_outcome_without_values_is_refused() -> None:
    assert refusal(bought=[np.nan] * 20).startswith("column 'bought': must have values, got 20 missing ones.")


def test_an_outcome_of_text_is_refused_with_its_line(tmp_path: Path) -> None:
    message = file_refusal(tmp_path, GOOD.replace("none,0,4", "none,$5,4"))
    assert message.startswith("trial.csv:6: column 'bought': must be a finite number, got '$5'. Write it as 1234.50")


def test_an_unknown_column_is_refused_with_a_suggestion() -> None:
    message = refusal(ColumnRoles(treatment="arm", outcome="brought"))
    assert message == "outcome: must be one of 'arm', 'bought', 'visits', got 'brought'. Did you mean 'bought'?"


def test_a_column_has_one_role() -> None:
    assert refusal(ColumnRoles(treatment="arm", outcome="bought", features=["bought"])).startswith(
        "features: must be a different column from 'outcome', got 'bought'."
    )


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    assert file_refusal(tmp_path, "arm,bought\n") == "trial.csv: must have rows, got only a header. Check the file."


def test_fewer_rows_than_features_are_refused() -> None:
    wide = {f"x{i}": np.arange(20) % (i + 2) for i in range(25)}
    assert "must have more rows than features, got 20 rows and 26 features." in refusal(**wide)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "must be a CSV file with a header, or a Parquet file, got an empty file."),
        (b"arm;bought\nnone;0\n", "Separate the columns with commas."),
        (b"arm,bought\nnone,0,7\nmail,1,8\n", "must be valid CSV, got 'Expected 2 fields in line 2, saw more'."),
        (b"arm,bought\nnone,0\nmail,1,8\n", "trial.csv:3: must be valid CSV"),
        (b"arm,bought\nnone,\xff\n", "must be text in UTF-8, got the byte 0xff."),
        (gzip.compress(GOOD.encode())[:-9], "must be a complete gzip file"),
        (b"PAR1 and so on", "must be a complete Parquet file"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, text: bytes, words: str) -> None:
    assert words in file_refusal(tmp_path, text)


def test_identifiers_dates_and_constants_are_not_features() -> None:
    codes = [f"u{i}" for i in range(20)]
    trial = trial_of(customer_id=np.arange(20) // 2, day=["2024-01-05"] * 19 + ["2024-01-06"], country="DE")
    assert list(trial.features) == ["visits"]
    assert [note.split(":")[0] for note in trial.notes[1:]] == [
        f"column '{name}' is not used as a feature" for name in ("customer_id", "day", "country")
    ]
    assert trial.ids is not None
    assert list(Trial.from_frame(pd.concat([table(code=codes)] * 2, ignore_index=True), ROLES).features) == ["visits", "code"]


def test_numbers_that_are_written_as_text_are_features() -> None:
    trial = trial_of(age=[str(i) for i in range(19)] + [None])
    assert trial.features["age"].dtype == np.float64


def test_text_among_numbers_is_reported() -> None:
    trial = trial_of(age=[str(i) for i in range(19)] + ["unknown"])
    assert "feature 'age' is treated as text, because 1 of its values are not numbers, such as 'unknown'" in trial.notes


def test_a_propensity_is_that_of_the_treated_arm() -> None:
    trial = trial_of(ColumnRoles(treatment="arm", outcome="bought", propensity="p"), p=0.3)
    assert np.allclose(trial.propensity, [[0.7, 0.3]] * 20)
    assert list(trial.features) == ["visits"]


def test_several_arms_need_a_propensity_each() -> None:
    arms = ["none", "mail", "call", "mail"] * 5
    assert "must be one column per arm" in refusal(ColumnRoles(treatment="arm", outcome="bought", propensity="p"), arm=arms, p=0.3)
    columns = {"none": "p0", "mail": "p1", "call": "p2"}
    trial = trial_of(ColumnRoles(treatment="arm", outcome="bought", propensity=columns), arm=arms, p0=0.2, p1=0.5, p2=0.3)
    assert trial.arms == ("none", "call", "mail")
    assert np.allclose(trial.propensity, [[0.2, 0.3, 0.5]] * 20)


@pytest.mark.parametrize(("p", "words"), [(30, "must be in [0, 1]"), (0, "must be above 0 for the assigned arm")])
def test_impossible_propensities_are_refused(p: float, words: str) -> None:
    message = refusal(ColumnRoles(treatment="arm", outcome="bought", propensity="p"), p=[0.5] * 19 + [p])
    assert message.startswith("row 19: column 'propensity': ")
    assert words in message


def test_a_received_arm_must_exist() -> None:
    roles = ColumnRoles(treatment="arm", outcome="bought", received="got")
    assert "must contain the arms 'none', 'mail' only, got 'Mail'." in refusal(roles, got=["none"] * 19 + ["Mail"])


def test_planned_shares_are_rescaled() -> None:
    assert trial_of(ColumnRoles(treatment="arm", outcome="bought", shares={"none": 1, "mail": 3})).shares == (0.25, 0.75)


def test_planned_shares_name_every_arm() -> None:
    message = refusal(ColumnRoles(treatment="arm", outcome="bought", shares={"mail": 0.5}))
    assert message.startswith("shares: must give a positive share for each of the arms 'none', 'mail', got {'mail': 0.5}.")


def test_a_trial_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        trial_of().treatment[0] = 1


def test_an_outcome_beyond_1e100_is_refused_by_its_row(tmp_path: Path) -> None:
    message = file_refusal(tmp_path, GOOD.replace("mail,1,5,", "mail,-1e200,5,"))
    assert "trial.csv:7: column 'bought': must be from -1e+100 to 1e+100, got -1e+200. Correct the value" in message


def test_repeated_names_in_the_header_are_refused(tmp_path: Path) -> None:
    message = file_refusal(tmp_path, GOOD.replace("visits", "bought"))
    assert message == "trial.csv: columns: must have different names, got 'bought' more than once. Rename one of them."


def test_repeated_names_in_a_table_are_refused() -> None:
    with pytest.raises(InputError, match="columns: must have different names, got 'bought' more than once"):
        Trial.from_frame(table().rename(columns={"visits": "bought"}), ROLES)


def test_an_empty_column_that_is_named_is_left_out_with_a_note() -> None:
    table = pd.DataFrame({"arm": ["none", "mail"] * 3, "bought": [0, 1] * 3, "visits": range(6), "days": [None] * 6})
    trial = Trial.from_frame(table, ColumnRoles(treatment="arm", outcome="bought", features=("visits", "days")))
    assert list(trial.features) == ["visits"]
    assert "column 'days' is not used as a feature: it is empty" in trial.notes


@pytest.mark.filterwarnings("error")
def test_a_column_that_is_empty_in_some_rows_is_encoded() -> None:
    matrix, names = encoded_features(pd.DataFrame({"visits": [1.0, 2.0], "days": [np.nan, np.nan]}))
    assert matrix.tolist() == [[1.0], [2.0]]
    assert names == ("visits",)

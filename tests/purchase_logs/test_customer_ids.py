"""Customer IDs: missing, rounded, and written in different forms."""

from decimal import Decimal

import numpy as np
import pytest
from shop_log import Purchase, rows_of, shop_log

from cjsim.errors import InputError
from cjsim.purchase_logs.checks.check_rows import CheckedPurchases, check_purchase_rows
from cjsim.purchase_logs.checks.customer_ids import canonical_ids, has_lost_digits, has_rounded_long_ids, is_null_word


def ids(*names: str) -> np.ndarray:
    column = np.empty(len(names), dtype=object)
    column[:] = names
    return column


def check(*names: str) -> CheckedPurchases:
    """A log with one purchase per name."""
    return check_purchase_rows(
        rows_of([(name, f"2024-01-{day + 1:02d}", 5.0) for day, name in enumerate(names)]), customer="who", time="day"
    )


NULL = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "Null", "None", "null", "nil", "-", "#N/A", "<NA>", "(null)", "\\N", "#REF!", "ＮＡ"]


@pytest.mark.parametrize("word", NULL)
def test_null_word_is_no_customer(word: str) -> None:
    assert is_null_word(ids(word)).tolist() == [True]


@pytest.mark.parametrize("name", ["Nina", "0", "NA1", "nanna", "n", "-1", "Nullsen", "a-b"])
def test_other_names_are_customers(name: str) -> None:
    assert is_null_word(ids(name)).tolist() == [False]


def test_null_words_are_counted_with_the_first_row() -> None:
    found = check("ann", "NA", "", "NULL", "NA", "bob")
    assert found.customers.ids.tolist() == ["ann", "bob"]
    assert found.warnings == (
        "rows without a customer are omitted: 4 of 6, the first in row 3; words read as a missing ID: 'NA' (2), 'NULL' (1); "
        "if one of them is a customer's ID, write it differently",
    )


def test_a_customer_called_null_does_not_vanish_silently() -> None:
    (warning,) = check("ann", "Null", "bob").warnings
    assert "'Null' (1)" in warning


def test_every_fifth_customer_missing_leaves_the_others(case_03: list[Purchase]) -> None:
    found = check_purchase_rows(rows_of(case_03), customer="customer", time="day")
    n_missing = len(case_03[::5])
    assert len(found.rows) == len(case_03) - n_missing
    assert "NA" not in found.customers.ids
    assert found.warnings[0].startswith(f"rows without a customer are omitted: {n_missing} of {len(case_03):,}, the first in row 2;")


@pytest.fixture
def case_03() -> list[Purchase]:
    return [one._replace(customer="NA") if row % 5 == 0 else one for row, one in enumerate(shop_log())]


@pytest.mark.parametrize("name", ["1.23457E+12", "1,23457E+12", "1.23457e12", "1E+12", "4.1e+15", "1.2345678901234568e+19"])
def test_rounded_id_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check("ann", name, "bob", name)
    assert str(caught.value).startswith(
        f"log.csv: row 3, column 'who': must be a customer ID with all its digits, got '{name}' (and 1 more row)."
    )
    assert "Export the log again with the IDs as text" in str(caught.value)


@pytest.mark.parametrize("name", ["1E5", "3e12", "1.5", "12E+3", "1.2345678E7", "E+12"])
def test_id_that_only_resembles_scientific_notation_is_accepted(name: str) -> None:
    assert has_lost_digits(ids(name)).tolist() == [False]


PLAIN = {
    "35.0": "35", "35.": "35", "35.000": "35", "035": "035", "035.0": "035", "35.5": "35.5", '="0035"': "0035", "'35": "35",
    "３５": "35", "٣٥": "35", "\u200b35": "35", "35\u00a0": "35", "1.2345678E7": "12345678", "1.50E1": "15", "1.55E1": "1.55E1",
    "U1@x": "U1@x", "ann  lee": "ann lee", "cafe\u0301": "café",
}  # fmt: skip


@pytest.mark.parametrize("written", PLAIN)
def test_plainest_form_of_an_id(written: str) -> None:
    assert canonical_ids(ids(written)).tolist() == [PLAIN[written]]


def test_forms_of_one_number_are_joined() -> None:
    found = check("35", "35.0", "36", "３５")
    assert found.customers.ids.tolist() == ["35", "36"]
    assert found.rows.customer.tolist() == ["35", "35", "36", "35"]
    assert found.warnings == (
        "customer IDs that differ only in form are joined: 4 IDs are 2 customers; an example is '35' (row 2) and '35.0' (row 3)",
    )


def test_numbers_get_one_form_if_some_are_joined() -> None:
    assert check("35", "35.0", "36.0", "a.0").customers.ids.tolist() == ["35", "36", "a.0"]


def test_ids_without_another_form_stay_as_written() -> None:
    found = check("35.0", "36.0", "'t Hart")
    assert (found.customers.ids.tolist(), found.warnings) == (["35.0", "36.0", "'t Hart"], ())


def test_alternating_forms_give_400_customers() -> None:
    log = [one._replace(customer=f"{int(one.customer)}{'.0' * (row % 2)}") for row, one in enumerate(shop_log())]
    found = check_purchase_rows(rows_of(log), customer="customer", time="day")
    assert len(found.customers.ids) == 400
    assert found.warnings[0].endswith("IDs are 400 customers; an example is " + found.warnings[0].rsplit(" is ", 1)[1])


def test_ids_that_differ_in_case_are_kept_apart_with_a_warning() -> None:
    found = check("U1@x", "bob", "u1@X")
    assert found.customers.ids.tolist() == ["U1@x", "bob", "u1@X"]
    assert found.warnings == (
        "customer IDs that differ only in upper and lower case are kept apart: 2 of 3 IDs, such as 'U1@x' (row 2) and 'u1@X' (row 4); "
        "if they are the same customer, write them in the same way",
    )


def test_ids_that_differ_in_leading_zeros_are_kept_apart_with_a_warning() -> None:
    found = check("007", "7", "8")
    assert found.customers.ids.tolist() == ["007", "7", "8"]
    assert found.warnings[0].startswith("customer IDs that differ only in leading zeros are kept apart: 2 of 3 IDs, such as '007' (row 2)")


ROUNDED = {
    "15 digits": [f"41111111111{n:04d}0" for n in range(20)],
    "double precision": [str(int(float(123456789012345678 + 7919 * n))) for n in range(20)],
    "shortest text of a double": [str(int(Decimal(repr(1234567890123456789.0 + 987_654_321 * n)))) for n in range(20)],
}


@pytest.mark.parametrize("kind", ROUNDED)
def test_long_ids_that_a_program_rounded_give_a_warning(kind: str) -> None:
    names = ROUNDED[kind]
    assert has_rounded_long_ids(ids(*names))
    assert check(*names).warnings[0].startswith("customer IDs of 16 or more digits seem to be rounded")


def test_long_ids_with_arbitrary_digits_give_no_warning() -> None:
    rng = np.random.default_rng(1)
    for digits in (16, 17, 18, 20):
        assert not has_rounded_long_ids(ids(*("".join(map(str, rng.integers(1, 10, digits))) for _ in range(6))))

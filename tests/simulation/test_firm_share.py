"""A share of the same firm: nested customers, fixed costs in proportion, totals scaled up, and what is said about staff."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from shared_firms import desk_firm, growing_firm
from small_scenarios import small_scenario

import cjsim as cj
from cjsim.compiler.firm_share import erlang_wait
from cjsim.errors import InputError


def keys(run: cj.Run) -> set[int]:
    return set(run.keys.tolist())


def test_smaller_samples_are_part_of_larger_ones() -> None:
    found = [keys(cj.simulate(growing_firm(), sample=share)) for share in (0.1, 0.3, 0.6, 1)]
    assert all(small < large for small, large in itertools.pairwise(found))


def test_whole_sample_is_the_firm_itself() -> None:
    whole, sample = cj.simulate(growing_firm()), cj.simulate(growing_firm(), sample=1)
    assert whole.outcomes.customers.tobytes() == sample.outcomes.customers.tobytes()
    assert whole.to_json()["metrics"] == sample.to_json()["metrics"]


def test_customer_is_the_same_in_the_sample_and_in_the_firm() -> None:
    whole, sample = cj.simulate(growing_firm()), cj.simulate(growing_firm(), sample=0.4)
    rows = np.flatnonzero(np.isin(whole.keys, sample.keys))
    for field in ("entered", "revenue", "purchases", "stage"):
        assert whole.outcomes.customers[field][rows].tolist() == sample.outcomes.customers[field].tolist()


def test_sample_of_an_entry_file_is_not_its_first_rows(tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text("entered\n" + "".join(f"{day}\n" for day in range(40)))
    firm = growing_firm(arrivals_per_day=0, spend=0).with_values({"entry": {"file": str(tmp_path / "entries.csv")}})
    sample = cj.simulate(firm, sample=0.5)
    assert keys(sample) != set(range(len(sample)))
    assert sample.outcomes.customers["entered"].tolist() == sorted(sample.keys.tolist())
    sample.save(tmp_path / "run")
    assert keys(cj.Run.load(tmp_path / "run")) == keys(sample)


def test_clv_of_a_sample_is_unbiased() -> None:
    # The CLV depends on the proportion of arrivals. 100 seeds; fails with probability below .003 if the means are equal.
    whole = np.array([cj.simulate(growing_firm(), seed=seed).metrics["clv"].value for seed in range(1, 101)])
    sample = np.array([cj.simulate(growing_firm(), seed=seed, sample=0.25).metrics["clv"].value for seed in range(1, 101)])
    difference = sample - whole
    assert abs(difference.mean()) < 3 * difference.std(ddof=1) / 10


def test_more_customers_change_the_clv_of_a_firm_with_arrivals() -> None:
    # The contrast: with a quarter of the initial customers and all arrivals, this is another firm.
    whole, other = (cj.simulate(growing_firm(), customers=n).metrics["clv"].value for n in (40, 10))
    assert other > 1.1 * whole


def test_totals_are_scaled_up_to_the_firm() -> None:
    sample = cj.simulate(growing_firm(arrivals_per_day=0, spend=0, customers=40), sample=0.5)
    simulated = len(sample)
    assert sample.metrics["customers"].value == simulated / 0.5
    assert sample.metrics["customers"].n == simulated


def test_acquisition_spend_is_in_proportion() -> None:
    sample = cj.simulate(growing_firm(), sample=0.5)
    assert sample.provenance.spend["ads"] == 0.5 * 5 * 60


def test_wages_are_in_exact_proportion_even_if_staff_is_rounded() -> None:
    sample = cj.simulate(desk_firm(agents=3, customers=40, horizon="2d"), sample=0.25, replications=1)
    assert sum(one.paid for one in sample.wages.values()) == pytest.approx(0.25 * 3 * 20 * 48)


def test_fewer_agents_at_the_same_load_wait_longer_and_the_note_says_so() -> None:
    sample = cj.simulate(desk_firm(agents=10, customers=300, horizon="10d", call_every="4d"), sample=0.1, replications=1)
    assert "1 agent here, 10 in the whole firm. Waits are longer than in the whole firm" in sample.provenance.sample_notes[0]


def test_rounded_up_staff_waits_less_and_the_note_says_so() -> None:
    sample = cj.simulate(desk_firm(agents=2, customers=300, horizon="10d", call_every="6d"), sample=0.1, replications=1)
    assert "(rounded from 0.2)" in sample.provenance.sample_notes[0]
    assert "Waits are shorter" in sample.provenance.sample_notes[0]


def test_erlang_wait_is_that_of_one_agent() -> None:
    assert erlang_wait(0.8, 1) == pytest.approx(0.8 / 0.2)  # M/M/1: rho / (1 - rho) services


def test_sample_is_part_of_the_result_and_of_its_text() -> None:
    sample = cj.simulate(growing_firm(), sample=0.5)
    assert sample.to_json()["sample"] == 0.5
    assert "totals are scaled up to the whole firm" in str(sample)
    json.dumps(sample.to_json(), allow_nan=False)


def test_customers_say_what_they_change() -> None:
    other = cj.simulate(growing_firm(), customers=10)
    text = " ".join(str(other).split())
    assert "changed the number of initial customers from 40 to 10" in text
    assert "the acquisition spend stay the same" in text


def test_customers_name_the_fixed_costs_that_stay_the_same() -> None:
    firm = small_scenario(policy={"costs": {"setup": 90, "platform_per_month": 5}}, customers=40)
    notes = cj.simulate(firm, customers=10).to_json()["notes"]
    assert "from 40 to 10, while the fixed costs (platform, setup) stay the same. Each customer bears more of these costs" in notes[0]


def test_customers_name_the_wages_that_stay_the_same() -> None:
    notes = cj.simulate(desk_firm(customers=10, horizon="2d"), customers=20, replications=1).to_json()["notes"]
    assert any("while the wages and the desks stay the same. Each customer bears less of these costs" in note for note in notes)


def test_customers_name_the_existing_customers_that_stay_the_same() -> None:
    notes = cj.simulate(small_scenario(customers=4, existing={"customers": 3, "years": 0.1}), customers=2).to_json()["notes"]
    assert "while the 3 existing customers stay the same. To simulate" in notes[0]


def test_customers_of_a_firm_without_arrivals_or_desks_change_nothing_else() -> None:
    document = growing_firm().to_dict()
    del document["journey"]["acquisition"], document["policy"]["acquisition"]
    assert "notes" not in cj.simulate(cj.Scenario.from_dict(document), customers=5).to_json()


def test_policies_are_compared_on_the_same_sample() -> None:
    found = cj.compare({"a": growing_firm(), "b": growing_firm(spend=0)}, sample=0.5)
    assert keys(found.runs["a"]) == keys(found.runs["b"])
    assert found.alternatives["b"]["cost"].effect < 0


@pytest.mark.parametrize("replications", [1, 3])
def test_returns_of_a_sample_are_per_customer(replications: int) -> None:
    firm = small_scenario(policy={"costs": {"setup": 90}}, customers=40)
    other = firm.with_values({"policy.costs.setup": 50})
    found = cj.compare({"a": firm, "b": other}, sample=0.25, replications=replications)
    assert found.returns["b"].is_per_customer
    assert found.returns["b"].cost.effect == pytest.approx(found.alternatives["b"]["cost"].effect) == pytest.approx(-1.0)


def test_more_customers_than_the_firm_has_cannot_be_a_sample() -> None:
    notes = cj.simulate(growing_firm(), customers=80).to_json()["notes"]
    assert notes[0].endswith("Omit `customers` to keep the firm.")


@pytest.mark.parametrize("share", [0, -0.1, 1.5, True, float("nan")])
def test_share_must_be_above_0_and_at_most_1(share: float) -> None:
    with pytest.raises(InputError, match="sample"):
        cj.simulate(growing_firm(), sample=share)


def test_sample_and_customers_exclude_each_other() -> None:
    with pytest.raises(InputError, match="customers: must be omitted with `sample`"):
        cj.simulate(growing_firm(), sample=0.5, customers=10)


def test_population_limit_is_that_of_the_sample() -> None:
    firm = growing_firm()  # about 100 customers
    sample = cj.simulate(firm, sample=0.2)
    assert len(cj.simulate(firm, sample=0.2, max_customers=len(sample))) == len(sample)
    with pytest.raises(InputError, match=f"must not exceed {len(sample) - 1} customers"):
        cj.simulate(firm, sample=0.2, max_customers=len(sample) - 1)

"""Random numbers by name: Philox matches its published vectors and plain Python, and uniforms are uniform and independent.

Each statistical test states the p at which it fails. All together fail by chance for less than one seed in 5,000. Seeds are fixed.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from cjsim.kernels.rng import fill_uniforms, philox_block, stream_id, uniform, uniform_pair, uniforms

WORD = 2**32 - 1
MIN_P_VALUE = 1e-6  # p of each statistical test

# Random123 1.14.0, tests/kat_vectors, philox4x32 with 10 rounds: counter, key, result.
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_oracle(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 in Python integers: Salmon et al. (2011), section 3.3."""
    left, right, (k0, k1) = counter[0::2], counter[1::2], key
    for _ in range(10):
        first, second = 0xD2511F53 * left[0], 0xCD9E8D57 * left[1]
        left, right = [(second >> 32) ^ right[0] ^ k0, (first >> 32) ^ right[1] ^ k1], [second & WORD, first & WORD]
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return [left[0], right[0], left[1], right[1]]


def block(counter: list[int], key: list[int]) -> list[int]:
    out = np.zeros(4, np.uint64)
    philox_block(np.array([*counter, *key], np.uint64), out)
    return [int(word) for word in out]


@pytest.mark.parametrize(("counter", "key", "result"), PUBLISHED)
def test_philox_matches_the_published_vectors(counter: str, key: str, result: str) -> None:
    assert block(words(counter), words(key)) == words(result)


def test_philox_matches_pure_python() -> None:
    rng = np.random.default_rng(1)
    for counter, key in zip(rng.integers(0, 2**32, (200, 4)).tolist(), rng.integers(0, 2**32, (200, 2)).tolist(), strict=True):
        assert block(counter, key) == philox_oracle(counter, key)


@pytest.mark.parametrize(
    ("seed", "customer", "stream", "index"),
    [(0, 0, 0, 0), (1, 2, 3, 4), (2**63 - 1, 2**64 - 1, WORD, WORD), (2**40 + 5, 2**33 + 9, 7, 2**31)],
)
def test_uniform_is_52_bits_of_the_block_of_its_arguments(seed: int, customer: int, stream: int, index: int) -> None:
    key, counter = [seed & WORD, seed >> 32], [customer & WORD, customer >> 32, stream, index]
    first, second, third, fourth = philox_oracle(counter, key)
    arguments = [np.uint64(value) for value in (seed, customer, stream, index)]
    bits = [(first << 20) | (second >> 12), (third << 20) | (fourth >> 12)]
    assert uniform(*arguments) == (bits[0] + 0.5) / 2**52
    assert uniform_pair(*arguments) == tuple((value + 0.5) / 2**52 for value in bits)


def test_stream_values_are_stable() -> None:
    # Results of earlier versions are only reproducible if names map to the same numbers. A change here is a [REGRESSION].
    names = ["event:purchase:wait", "trait:rate", "flow:welcome:hello:read"]
    assert [int(stream_id(name)) for name in names] == [1417479858, 3686425016, 866297353]
    assert uniforms(7, np.arange(3, dtype=np.uint64), "event:purchase:wait", 2).tolist() == [
        0.8281662389446512,
        0.40869168154329605,
        0.10780997486478305,
    ]


def grid(seed: int, customers: int, streams: list[str], indices: int) -> NDArray[np.float64]:
    """Uniforms by stream, index and customer."""
    keys = np.arange(customers, dtype=np.uint64)
    made = np.empty((len(streams), indices, customers))
    for i, name in enumerate(streams):
        for index in range(indices):
            fill_uniforms(np.uint64(seed), keys, stream_id(name), np.uint64(index), made[i, index])
    return made


@pytest.fixture(scope="module")
def drawn() -> NDArray[np.float64]:
    """A million uniforms: 10 streams with similar names, 20 indices, 5,000 customers."""
    return grid(11, 5000, [f"event:e{number}:wait" for number in range(10)], 20)


def test_uniforms_lie_inside_the_unit_interval(drawn: NDArray[np.float64]) -> None:
    # Of a million, none lies within 2e-5 of an end once in 500 million seeds.
    assert 0 < drawn.min() < 2e-5
    assert 1 - 2e-5 < drawn.max() < 1


def test_uniforms_are_distinct(drawn: NDArray[np.float64]) -> None:
    # Of a million numbers of 52 bits, two are equal by chance once in 9,000 seeds.
    assert len(np.unique(drawn)) == drawn.size


def test_uniforms_are_uniform(drawn: NDArray[np.float64]) -> None:
    counts, _ = np.histogram(drawn, bins=1000, range=(0, 1))
    assert stats.chisquare(counts).pvalue > MIN_P_VALUE
    assert stats.kstest(drawn.ravel(), "uniform").pvalue > MIN_P_VALUE


def test_low_bits_are_as_random_as_high_ones(drawn: NDArray[np.float64]) -> None:
    counts = np.bincount((drawn.ravel() * 2**52).astype(np.int64) & 0xFF, minlength=256)
    assert stats.chisquare(counts).pvalue > MIN_P_VALUE


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["streams", "indices", "customers"])
def test_neighbors_are_independent(drawn: NDArray[np.float64], axis: int) -> None:
    here, there = np.take(drawn, range(drawn.shape[axis] - 1), axis).ravel(), np.take(drawn, range(1, drawn.shape[axis]), axis).ravel()
    assert independence_p_value(here, there) > MIN_P_VALUE


def test_seeds_are_independent(drawn: NDArray[np.float64]) -> None:
    other = grid(12, 5000, [f"event:e{number}:wait" for number in range(10)], 20)
    assert independence_p_value(drawn.ravel(), other.ravel()) > MIN_P_VALUE


def test_pairs_of_uniforms_are_independent() -> None:
    stream, index = stream_id("flow:welcome:hello:read"), np.uint64(3)
    pairs = np.array([uniform_pair(np.uint64(5), np.uint64(customer), stream, index) for customer in range(40_000)])
    assert independence_p_value(pairs[:, 0], pairs[:, 1]) > MIN_P_VALUE
    assert stats.kstest(pairs[:, 1], "uniform").pvalue > MIN_P_VALUE
    assert np.array_equal(pairs[:, 0], uniforms(5, np.arange(40_000, dtype=np.uint64), "flow:welcome:hello:read", 3))


def independence_p_value(here: NDArray[np.float64], there: NDArray[np.float64], cells: int = 16) -> float:
    """p-value of a chi-square test that pairs are uniform on a grid of cells x cells."""
    counts, _, _ = np.histogram2d(here, there, bins=cells, range=[(0, 1), (0, 1)])
    return float(stats.chisquare(counts.ravel()).pvalue)


def test_independence_tests_detect_dependence(drawn: NDArray[np.float64]) -> None:
    here = drawn[0, 0]
    mixed = (here + 0.7 * drawn[1, 0]) % 1.0
    assert independence_p_value(here, np.where(drawn[2, 0] < 0.2, here, mixed)) < MIN_P_VALUE
    assert stats.kstest(np.sqrt(1 - (1 - here) ** 2 * 0.9), "uniform").pvalue < MIN_P_VALUE
    assert math.isclose(independence_p_value(here, here), 0.0)

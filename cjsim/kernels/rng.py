"""Counter-based random numbers: any draw for any customer, at any time, in any order, on any machine.

A draw is a function of the run's seed, the customer's key, a named stream and an ordinal, computed by Philox4x32-10.

References
----------
Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3. SC11, section 3.
"""

import hashlib
import math

import numpy as np

from cjsim.kernel import inlined, kernel
from cjsim.kernels.world import Array

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
LOW_WORD = np.uint64(0xFFFFFFFF)
_S12 = np.uint64(12)
_S20 = np.uint64(20)
WORD_BITS = np.uint64(32)
_HALF_STEP = 2.0**-52


def stream_id(name: str) -> np.uint64:
    """The ID of the stream with a given name: the first 32 bits of the name's BLAKE2s digest.

    Parameters
    ----------
    name : str
        Name of the decision, such as `event:purchase:wait`.

    Returns
    -------
    numpy.uint64
        In [0, 2**32).

    Examples
    --------
    >>> int(stream_id("event:purchase:wait")) == int(stream_id("event:purchase:wait"))
    True
    """
    return np.uint64(int.from_bytes(hashlib.blake2s(name.encode(), digest_size=4).digest(), "little"))


@inlined
def philox(
    counter0: np.uint64, counter1: np.uint64, counter2: np.uint64, counter3: np.uint64, key0: np.uint64, key1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """One block of Philox4x32-10: four words below 2**32, from four counter words and two key words, each below 2**32."""
    c0, c1, c2, c3 = counter0, counter1, counter2, counter3
    k0, k1 = key0, key1
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> WORD_BITS) ^ c1 ^ k0
        c1 = p1 & LOW_WORD
        c2 = (p0 >> WORD_BITS) ^ c3 ^ k1
        c3 = p0 & LOW_WORD
        k0 = (k0 + _W0) & LOW_WORD
        k1 = (k1 + _W1) & LOW_WORD
    return c0, c1, c2, c3


@inlined
def uniform(seed: np.uint64, customer: np.uint64, stream: np.uint64, index: np.uint64) -> float:
    """A number in [2**-53, 1 - 2**-53] with 52 bits, the same for the same four arguments on every machine.

    `stream` is a `stream_id` and `index` the ordinal of the decision; both are below 2**32.
    """
    c0, c1, _, _ = philox(customer & LOW_WORD, customer >> WORD_BITS, stream, index, seed & LOW_WORD, seed >> WORD_BITS)
    return (np.float64((c0 << _S20) | (c1 >> _S12)) + 0.5) * _HALF_STEP


@inlined
def uniform_pair(seed: np.uint64, customer: np.uint64, stream: np.uint64, index: np.uint64) -> tuple[float, float]:
    """Two independent uniforms from one block, for two decisions that are always made together. The first equals `uniform`."""
    c0, c1, c2, c3 = philox(customer & LOW_WORD, customer >> WORD_BITS, stream, index, seed & LOW_WORD, seed >> WORD_BITS)
    u = (np.float64((c0 << _S20) | (c1 >> _S12)) + 0.5) * _HALF_STEP
    v = (np.float64((c2 << _S20) | (c3 >> _S12)) + 0.5) * _HALF_STEP
    return u, v


@kernel
def fill_uniforms(seed: np.uint64, keys: Array, stream: np.uint64, index: np.uint64, out: Array) -> None:
    """One uniform for each of many customer keys (uint64, shape (n_customers,)).

    Writes: out (float64, shape (n_customers,)).
    """
    for i in range(keys.shape[0]):
        out[i] = uniform(seed, keys[i], stream, index)


@kernel
def philox_block(words: Array, out: Array) -> None:
    """One Philox block from an array of four counter words and two key words (uint64), for the test vectors of Random123.

    Writes: out (uint64, shape (4,)).
    """
    out[0], out[1], out[2], out[3] = philox(words[0], words[1], words[2], words[3], words[4], words[5])


def uniforms(seed: int, keys: Array, name: str, index: int = 0) -> Array:
    """Uniforms for many customers from one named stream.

    Parameters
    ----------
    seed : int
        In [0, 2**63).
    keys : ndarray of uint64, shape (n_customers,)
        Customer keys.
    name : str
        The stream's name.
    index : int
        Ordinal of the decision.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        In (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> uniforms(1, np.arange(2, dtype=np.uint64), "trait:rate").shape
    (2,)
    """
    out = np.empty(len(keys))
    fill_uniforms(np.uint64(seed), keys, stream_id(name), np.uint64(index), out)
    return out


@kernel
def add_exponentials(seed: np.uint64, stream: np.uint64, first: np.uint64, total: float, out: Array) -> None:
    """Cumulative sums of unit exponentials, starting at index `first`. `total` is the sum of the preceding ones.

    Writes: out (float64, shape (n,)).
    """
    for i in range(out.shape[0]):
        total -= math.log1p(-uniform(seed, np.uint64(0), stream, first + np.uint64(i)))
        out[i] = total

"""Random numbers by name: any draw of any customer can be had at any time, in any order, on any machine.

Lives here: Philox4x32-10, streams. Does not live here: what is drawn (draws.py, population.py, the rules).

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
_MASK = np.uint64(0xFFFFFFFF)
_S12 = np.uint64(12)
_S20 = np.uint64(20)
_S32 = np.uint64(32)
_HALF_STEP = 2.0**-52


def stream_id(name: str) -> np.uint64:
    """The stream that a name stands for: the first 32 bits of its blake2s digest.

    Parameters
    ----------
    name : str
        What is decided, such as `event:purchase:wait`.

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
def philox(counter0, counter1, counter2, counter3, key0, key1):  # type: ignore[no-untyped-def]
    """One block of Philox4x32-10.

    Parameters
    ----------
    counter0, counter1, counter2, counter3 : uint64
        The four words of the counter, each below 2**32.
    key0, key1 : uint64
        The two words of the key, each below 2**32.

    Returns
    -------
    tuple of uint64
        Four words below 2**32.
    """
    c0, c1, c2, c3 = counter0, counter1, counter2, counter3
    k0, k1 = key0, key1
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _S32) ^ c1 ^ k0
        c1 = p1 & _MASK
        c2 = (p0 >> _S32) ^ c3 ^ k1
        c3 = p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@inlined
def uniform(seed, customer, stream, index):  # type: ignore[no-untyped-def]
    """A number in (0, 1) with 52 bits, the same for the same four arguments, everywhere and always.

    Parameters
    ----------
    seed, customer : uint64
        The scenario's seed; the customer's key.
    stream, index : uint64
        What is decided (`stream_of`), and its ordinal; each below 2**32.

    Returns
    -------
    float64
        In [2**-53, 1 - 2**-53].
    """
    c0, c1, _, _ = philox(customer & _MASK, customer >> _S32, stream, index, seed & _MASK, seed >> _S32)
    return (np.float64((c0 << _S20) | (c1 >> _S12)) + 0.5) * _HALF_STEP


@inlined
def uniform_pair(seed, customer, stream, index):  # type: ignore[no-untyped-def]
    """Two independent uniforms from one block, for two decisions that are always made together.

    Parameters
    ----------
    seed, customer, stream, index : uint64
        As in `uniform`.

    Returns
    -------
    tuple of float64
        The first is `uniform` of the same arguments.
    """
    c0, c1, c2, c3 = philox(customer & _MASK, customer >> _S32, stream, index, seed & _MASK, seed >> _S32)
    u = (np.float64((c0 << _S20) | (c1 >> _S12)) + 0.5) * _HALF_STEP
    v = (np.float64((c2 << _S20) | (c3 >> _S12)) + 0.5) * _HALF_STEP
    return u, v


@kernel
def fill_uniforms(seed, keys, stream, index, out):  # type: ignore[no-untyped-def]
    """One uniform for each of many customers.

    Parameters
    ----------
    seed, stream, index : uint64
        As in `uniform`.
    keys : ndarray of uint64, shape (n_customers,)
        Customer keys.
    out : ndarray of float64, shape (n_customers,)
        Written.
    """
    for i in range(keys.shape[0]):
        out[i] = uniform(seed, keys[i], stream, index)


@kernel
def philox_block(words, out):  # type: ignore[no-untyped-def]
    """One Philox block from arrays, for the test vectors of Random123.

    Parameters
    ----------
    words : ndarray of uint64, shape (6,)
        Four counter words, two key words.
    out : ndarray of uint64, shape (4,)
        Written.
    """
    out[0], out[1], out[2], out[3] = philox(words[0], words[1], words[2], words[3], words[4], words[5])


def uniforms(seed: int, keys: Array, name: str, index: int = 0) -> Array:
    """Uniforms of many customers on one named stream.

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
def add_exponentials(seed, stream, first, total, out):  # type: ignore[no-untyped-def]
    """Sums of unit exponentials, one after another.

    Parameters
    ----------
    seed, stream : uint64
        As in `uniform`.
    first : uint64
        Index of the first one.
    total : float64
        Sum of those before it.
    out : ndarray of float64, shape (n,)
        Written.
    """
    for i in range(out.shape[0]):
        total -= math.log1p(-uniform(seed, np.uint64(0), stream, first + np.uint64(i)))
        out[i] = total

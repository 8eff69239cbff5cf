"""Put sets together that are probably alike: MinHash in bands.

Broder, "On the resemblance and containment of documents" (1997); bands after Leskovec, Rajaraman and Ullman, "Mining of
massive datasets", chapter 3. Sets that agree in a band are not all compared with each other, as in a form that all
share that would be every two: each is with the first of them, and with its neighbours in the order of the other bands.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

IntArray = NDArray[np.int64]

_BANDS = 16
# How often a pair at the threshold may agree in one band; it agrees in none of 16 once in 3,500 times.
_AGREES = 0.4
_MOST_ROWS = 8
# Sets before it in the order of the other bands that a set is compared with.
_NEIGHBOURS = 16


def pair_alike(sets: csr_array, threshold: float, seed: int = 0) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield pairs of sets that are probably as alike as the threshold says, some for each set and band.

    Args:
        sets: One row for each set, its elements marked; none is empty.
        threshold: Jaccard similarity, in (0, 1].
        seed: Of the hash functions.
    """
    rng = np.random.default_rng(seed)
    rows = min(max(1, int(math.log(_AGREES) / math.log(min(threshold, 0.999)))), _MOST_ROWS)
    bands = [_hash_band(sets, rows, rng) for _ in range(_BANDS)]
    for number, band in enumerate(bands):
        order = np.lexsort((*(bands[(number + step) % _BANDS] for step in (3, 2, 1)), band))
        starts = np.flatnonzero(np.concatenate([[True], band[order[1:]] != band[order[:-1]]]))
        first = np.repeat(starts, np.diff([*starts, len(order)]))
        place = np.arange(len(order))
        yield order[place[first < place]], order[first[first < place]]
        for step in range(1, _NEIGHBOURS + 1):
            near = first < place - step
            yield order[place[near]], order[place[near] - step]


def _hash_band(sets: csr_array, rows: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Hash the smallest elements of each set under random orders, shape (sets,)."""
    band = np.zeros(sets.shape[0], dtype=np.uint64)
    for _ in range(rows):
        values = rng.integers(1, 2**63, sets.shape[1], dtype=np.uint64)
        smallest = np.minimum.reduceat(values[sets.indices], sets.indptr[:-1])
        band = (band * np.uint64(0x9E3779B97F4A7C15)) ^ smallest  # wraps round
    return band

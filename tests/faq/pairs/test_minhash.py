"""Sets that are alike are put together, and few others are compared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from triptych.faq.pairs.minhash import pair_alike


def mark(sets: list[set[int]]) -> csr_array:
    ends = np.cumsum([0, *map(len, sets)])
    indices = np.array([element for elements in sets for element in sorted(elements)], dtype=np.int32)
    return csr_array((np.ones(len(indices), dtype=np.int32), indices, ends))


def proposed(sets: list[set[int]], threshold: float, seed: int = 0) -> set[tuple[int, int]]:
    return {
        (int(min(pair)), int(max(pair)))
        for one, other in pair_alike(mark(sets), threshold, seed)
        for pair in zip(one, other, strict=True)
    }


@pytest.mark.parametrize(("threshold", "changed"), [(0.8, 4), (0.5, 13), (0.3, 21), (0.95, 1)])
def test_pairs_above_the_threshold_are_found_among_others(threshold: float, changed: int) -> None:
    """200 pairs that are just alike enough: (40 - c) / (40 + c); no more than a few of them may be missed."""
    rng = np.random.default_rng(0)
    sets = []
    for start in range(0, 200 * 100, 100):
        text = set((start + rng.choice(60, 40, replace=False)).tolist())
        sets += [text, set(sorted(text)[changed:]) | {start + 60 + i for i in range(changed)}]
    found = proposed(sets, threshold)
    assert sum((i, i + 1) in found for i in range(0, 400, 2)) >= 197


def test_what_has_little_in_common_is_not_compared() -> None:
    rng = np.random.default_rng(0)
    sets = [set(rng.integers(0, 1000, 40).tolist()) for _ in range(1000)]
    assert len(proposed(sets, 0.8)) < 20


def test_sets_that_are_all_alike_give_a_number_of_pairs_that_grows_with_theirs() -> None:
    pairs = []
    for count in (500, 2000):
        sets = [{*range(100), 1000 + i} for i in range(count)]
        pairs.append(sum(len(one) for one, _ in pair_alike(mark(sets), 0.8)))
    assert 2000 < pairs[1] <= 4.2 * pairs[0]


def test_the_same_seed_gives_the_same_pairs() -> None:
    rng = np.random.default_rng(0)
    sets = [set(rng.integers(0, 50, 20).tolist()) for _ in range(200)]
    assert proposed(sets, 0.5, 3) == proposed(sets, 0.5, 3) != proposed(sets, 0.5, 4)

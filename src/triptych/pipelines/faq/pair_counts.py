"""Count pairs of words in a large corpus: by number, for most of millions of pairs occur once and are not kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


def count_pairs(texts: list[list[str]], max_pairs: int) -> tuple[list[str], csr_array]:
    """Count each two words in a row, and keep the commonest pairs.

    Args:
        texts: The words of each text.
        max_pairs: Most pairs to keep; of pairs as common, those whose words turn up first.

    Returns:
        The pairs, joined by a space, in alphabetical order; and their counts, shape (texts, pairs), int32.
    """
    numbers: dict[str, int] = {}
    flat = np.array([numbers.setdefault(word, len(numbers)) for text in texts for word in text], dtype=np.int64)
    owner = np.repeat(np.arange(len(texts), dtype=np.int32), [len(text) for text in texts])
    inside = owner[:-1] == owner[1:]
    found, column = _keep_commonest((flat[:-1] * len(numbers) + flat[1:])[inside], max_pairs)
    words = list(numbers)
    names = [
        f"{words[first]} {words[second]}" for first, second in zip(*divmod(found, max(len(words), 1)), strict=True)
    ]
    order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    place = np.empty(len(names), dtype=np.int32)
    place[order] = np.arange(len(names))
    kept = column >= 0
    entries = (np.ones(int(kept.sum()), dtype=np.int32), (owner[:-1][inside][kept], place[column[kept]]))
    return [names[i] for i in order], csr_array(entries, shape=(len(texts), len(names)))


def _keep_commonest(values: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the commonest values, and where each value is in that list; -1 where it is not."""
    distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:limit]
    place = np.full(len(distinct), -1)
    place[commonest] = np.arange(len(commonest))
    return distinct[commonest], place[inverse]

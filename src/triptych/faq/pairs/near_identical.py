"""Find texts that are nearly the same: an exact set-similarity join.

Prefix filtering after Bayardo, Ma and Srikant, "Scaling up all pairs similarity search" (WWW 2007): two sets
with Jaccard similarity t or more must share one of their first |x| - ceil(t |x|) + 1 words, rarest words first.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group_near_identical(token_sets: Sequence[frozenset[str]], threshold: float) -> NDArray[np.int64]:
    """Number the groups of texts that are linked by near-identical pairs.

    Args:
        token_sets: The set of words of each text; an empty one is near-identical to nothing.
        threshold: Least Jaccard similarity of a near-identical pair, in (0, 1].

    Returns:
        Group number of each text, shape (n,).
    """
    edges = np.array(list(find_near_identical(token_sets, threshold)), dtype=np.int64).reshape(-1, 2)
    return connect(len(token_sets), edges[:, 0], edges[:, 1])


def connect(size: int, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the connected components of an undirected graph of `size` nodes, shape (size,)."""
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def find_near_identical(token_sets: Sequence[frozenset[str]], threshold: float) -> Iterator[tuple[int, int]]:
    """Yield every pair of positions (later, earlier in size order) whose Jaccard similarity reaches it."""
    counts = Counter(token for tokens in token_sets for token in tokens)
    by_rarity = [sorted(tokens, key=lambda t: (counts[t], t)) for tokens in token_sets]
    prefix_index: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(token_sets)), key=lambda i: len(token_sets[i])):
        size = len(token_sets[i])
        prefix = by_rarity[i][: size - math.ceil(threshold * size - 1e-9) + 1]
        candidates = {j for token in prefix for j in prefix_index[token]}
        for j in candidates:
            if len(token_sets[j]) >= threshold * size - 1e-9 and _jaccard(token_sets[i], token_sets[j]) >= threshold:
                yield i, j
        for token in prefix:
            prefix_index[token].append(i)


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)

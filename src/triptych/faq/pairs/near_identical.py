"""Find texts that are nearly the same: a set-similarity join, exact but for very many texts of common words.

Prefix filtering after Bayardo, Ma and Srikant, "Scaling up all pairs similarity search" (WWW 2007), with longer
prefixes that must share several words (Wang, Li and Feng, "Can we beat the prefix filtering?", SIGMOD 2012): two sets
with Jaccard similarity t or more share k of their first |x| - ceil(t |x|) + k words, rarest words first. Each set has
its own k, so that its prefix ends before the words that very many sets have: those of a greeting or a form, which would
make every two of them a pair to compare. A pair has to share the smaller k of both.

Where more than about four fifths of the words are common, no prefix ends before them. Such sets are compared with each
other where they share a rare word; by their common words alone every two are compared where they are few, and where
they are many those that MinHash puts together (`minhash`).
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from triptych.faq.pairs.minhash import pair_alike

IntArray = NDArray[np.int64]
Pairs = tuple[IntArray, IntArray]

# Most words that two prefixes must share: one more makes them longer, but leaves fewer pairs to compare.
_SHARED = 3
# Words that more texts have stay out of prefixes where that can be.
_COMMON = 500
# Up to so many texts of common words, every two are compared.
_FEW = 1000
# Places of words that are looked at in one go: 8 bytes each, and as much again for what they give.
_CHUNK_PLACES = 5_000_000


def group_near_identical(token_sets: Sequence[frozenset[str]], threshold: float) -> IntArray:
    """Number the groups of texts that are linked by near-identical pairs.

    Args:
        token_sets: The set of words of each text; an empty one is near-identical to nothing.
        threshold: Least Jaccard similarity of a near-identical pair, in (0, 1].

    Returns:
        Group number of each text, shape (n,).
    """
    # Copies are put together first: n of them make n (n - 1) / 2 pairs.
    number: dict[frozenset[str], int] = {}
    first = np.array([number.setdefault(tokens, len(number)) if tokens else -1 for tokens in token_sets], np.int64)
    group = np.arange(len(number), dtype=np.int64)
    words = _number_words(list(number))
    for one, other in _propose_pairs(words, threshold):
        apart = group[one] != group[other]
        one, other = _keep_near(words, one[apart], other[apart], threshold)
        if len(one):
            group = connect(len(group), group[one], group[other])[group]
    empty = first < 0
    groups = np.empty(len(first), dtype=np.int64)
    groups[~empty] = group[first[~empty]]
    groups[empty] = len(number) + np.arange(empty.sum())
    return groups


def connect(size: int, left: IntArray, right: IntArray) -> IntArray:
    """Number the connected components of an undirected graph of `size` nodes, shape (size,)."""
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def find_near_identical(token_sets: Sequence[frozenset[str]], threshold: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of positions whose Jaccard similarity reaches the threshold, the later in size order first.

    Of texts of common words, where they are many, enough pairs to link them, some of them more than once.
    """
    words = _number_words(token_sets)
    for one, other in _propose_pairs(words, threshold):
        one, other = _keep_near(words, one, other, threshold)
        yield from zip(one.tolist(), other.tolist(), strict=True)


def _propose_pairs(words: csr_array, threshold: float) -> Iterator[Pairs]:
    """Yield pairs of texts worth comparing, in parts."""
    order = np.argsort(np.diff(words.indptr), kind="stable")
    words = words[order]
    prefixes = _cut_prefixes(words, threshold)
    common = np.flatnonzero(prefixes.is_common)
    few = len(common) <= _FEW
    for one, other in _share_prefixes(words, prefixes, threshold):
        follows = ~(prefixes.is_common[one] & prefixes.is_common[other]) if few else slice(None)
        yield order[one[follows]], order[other[follows]]
    for one, other in [np.tril_indices(len(common), -1)] if few else pair_alike(words[common], threshold):
        yield order[common[one]], order[common[other]]


def _keep_near(words: csr_array, one: IntArray, other: IntArray, threshold: float) -> Pairs:
    """Keep the pairs whose Jaccard similarity reaches the threshold."""
    size = np.diff(words.indptr).astype(np.int64)
    ends = np.cumsum(size[one])
    near = np.zeros(len(one), dtype=bool)
    start = 0
    while start < len(one):
        end = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + _CHUNK_PLACES, "right")))
        left, right = one[start:end], other[start:end]
        shared = np.asarray(words[left].multiply(words[right]).sum(axis=1)).ravel()
        near[start:end] = shared / np.maximum(size[left] + size[right] - shared, 1) >= threshold
        start = end
    return one[near], other[near]


class _Prefixes(NamedTuple):
    """The rarest words of each text, and how many of them a near-identical one shares, if it does not ask for fewer."""

    table: csr_array
    shared: IntArray
    is_common: NDArray[np.bool_]
    """Texts whose rare words are too few to find all that is near to them."""


def _number_words(token_sets: Sequence[frozenset[str]]) -> csr_array:
    """Mark the words of each text, shape (texts, words), int32; the numbers of rare words are small."""
    counts = Counter(token for tokens in token_sets for token in tokens)
    number = {token: i for i, token in enumerate(sorted(counts, key=lambda token: (counts[token], token)))}
    ends = np.cumsum([0, *(len(tokens) for tokens in token_sets)])
    indices = np.empty(ends[-1], dtype=np.int32)
    for tokens, start, end in zip(token_sets, ends[:-1], ends[1:], strict=True):
        indices[start:end] = sorted(number[token] for token in tokens)
    return csr_array((np.ones(len(indices), dtype=np.int32), indices, ends), shape=(len(token_sets), len(number)))


def _cut_prefixes(words: csr_array, threshold: float) -> _Prefixes:
    size = np.diff(words.indptr).astype(np.int64)
    least = np.array([math.ceil(threshold * n - 1e-9) for n in size.tolist()], dtype=np.int64)
    rare = np.bincount(words.indices, minlength=words.shape[1])[words.indices] <= _COMMON
    rare_words = np.diff(np.concatenate([[0], np.cumsum(rare)])[words.indptr])
    spare = rare_words - (size - least)
    is_common = spare <= 0
    shared = np.where(is_common, 1, np.minimum(np.minimum(spare, _SHARED), least))
    length = np.where(is_common, rare_words, size - least + shared)
    place = np.arange(len(words.indices)) - np.repeat(words.indptr[:-1], size)
    kept = place < np.repeat(length, size)
    ends = np.concatenate([[0], np.cumsum(length)])
    table = csr_array((words.data[kept], words.indices[kept], ends), shape=words.shape)
    return _Prefixes(table, shared, is_common)


def _share_prefixes(words: csr_array, prefixes: _Prefixes, threshold: float) -> Iterator[Pairs]:
    """Yield the pairs whose prefixes share enough words; texts are in the order of their sizes."""
    size = np.diff(words.indptr).astype(np.int64)
    for start, end in _list_chunks(prefixes.table):
        first = int(np.searchsorted(size, threshold * size[start] - 1e-9))
        counts = coo_array(prefixes.table[start:end] @ prefixes.table[first:end].T)
        one, other = counts.coords[0] + start, counts.coords[1] + first
        near = (other < one) & (size[other] >= threshold * size[one] - 1e-9)
        near &= counts.data >= np.minimum(prefixes.shared[one], prefixes.shared[other])
        yield one[near], other[near]


def _list_chunks(table: csr_array) -> Iterator[tuple[int, int]]:
    """Divide rows so that each part meets about as many other texts' words, shape of each: (start, end)."""
    met = np.bincount(table.indices, minlength=table.shape[1])[table.indices]
    total = np.concatenate([[0], np.cumsum(met)])[table.indptr]
    start = 0
    while start < table.shape[0]:
        end = int(np.searchsorted(total, total[start] + _CHUNK_PLACES, side="right")) - 1
        end = min(max(end, start + 1), table.shape[0])
        yield start, end
        start = end

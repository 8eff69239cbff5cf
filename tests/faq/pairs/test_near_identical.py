from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.pairs import near_identical
from triptych.faq.pairs.near_identical import connect, find_near_identical, group_near_identical

# Few words and sizes around the thresholds, so that many pairs are near.
TOKEN_SETS = st.lists(st.frozensets(st.sampled_from("abcdefghijkl"), max_size=12), max_size=14)
THRESHOLDS = st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 1.0])


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left | right else 0.0


@given(TOKEN_SETS, THRESHOLDS)
def test_the_join_finds_what_comparing_all_pairs_finds(sets: list[frozenset[str]], threshold: float) -> None:
    found = [tuple(sorted(pair)) for pair in find_near_identical(sets, threshold)]
    every = [(i, j) for j in range(len(sets)) for i in range(j)]
    assert sorted(found) == sorted(p for p in every if jaccard(sets[p[0]], sets[p[1]]) >= threshold)


@given(TOKEN_SETS, THRESHOLDS, st.integers(1, 4))
def test_the_join_is_exact_whatever_counts_as_common(sets: list[frozenset[str]], threshold: float, common: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_identical, "_COMMON", common)
        test_the_join_finds_what_comparing_all_pairs_finds.hypothesis.inner_test(sets, threshold)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("count", "words", "own", "most_s"),
    # Ten seconds if every two were compared; and, of a form that is most of a text, a minute and 1.8 GiB.
    [(5000, 50, 14, 3), (3000, 100, 20, 6)],
)
def test_a_shared_form_does_not_make_every_two_texts_a_pair_to_compare(
    count: int, words: int, own: int, most_s: float
) -> None:
    rng = np.random.default_rng(0)
    form = frozenset(f"form{i}" for i in range(words))
    sets = [form | frozenset(f"own{i}" for i in rng.integers(0, 50_000, own)) for _ in range(count)]
    sets[-1] = (sets[7] - {"form0"}) | {"new"}
    start = time.process_time()
    groups = group_near_identical(sets, 0.8)
    assert time.process_time() - start < most_s
    assert groups[-1] == groups[7]
    assert len(set(groups.tolist())) == count - 1


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_very_many_texts_of_common_words_are_grouped_as_if_every_two_were_compared(
    threshold: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    centres = [rng.choice(300, 40, replace=False) for _ in range(12)]
    sets = []
    for number in range(600):
        text = centres[number % 12].copy()
        changed = rng.integers(0, 8)
        text[rng.choice(40, changed, replace=False)] = rng.integers(0, 300, changed)
        sets.append(frozenset(map(str, text)))
    monkeypatch.setattr(near_identical, "_COMMON", 25)
    monkeypatch.setattr(near_identical, "_FEW", 0)
    groups = group_near_identical(sets, threshold)
    near = np.array([[jaccard(one, other) >= threshold for other in sets] for one in sets])
    assert 12 <= len(set(groups.tolist())) < 500
    linked = np.equal.outer(groups, groups)
    assert (linked | ~near).mean() > 0.9999
    assert all(near[i, groups == groups[i]].sum() > 1 or (groups == groups[i]).sum() == 1 for i in range(600))


def test_the_threshold_itself_counts() -> None:
    four, five = frozenset("abcd"), frozenset("abcde")
    assert list(find_near_identical([five, four], 0.8)) == [(0, 1)]
    assert list(find_near_identical([five, four], 0.81)) == []
    assert list(find_near_identical([four, four], 1.0)) == [(1, 0)]


def test_empty_texts_are_near_to_nothing() -> None:
    assert len(set(group_near_identical([frozenset(), frozenset(), frozenset("a")], 0.5).tolist())) == 3
    assert group_near_identical([], 0.8).shape == (0,)


@given(TOKEN_SETS, THRESHOLDS)
def test_groups_are_the_closure_of_near_pairs(sets: list[frozenset[str]], threshold: float) -> None:
    group = list(range(len(sets)))
    for i in range(len(sets)):
        for j in range(i):
            if jaccard(sets[i], sets[j]) >= threshold:
                group = [group[j] if g == group[i] else g for g in group]
    found = group_near_identical(sets, threshold)
    same = np.equal.outer(found, found)
    assert same.tolist() == np.equal.outer(group, group).tolist()


def test_copies_of_one_text_cost_no_more_than_their_number() -> None:
    """8,000 copies are 32 million pairs: half a minute one by one."""
    start = time.process_time()
    groups = group_near_identical([frozenset("abcd")] * 8000 + [frozenset("abcx"), frozenset()], 0.6)
    assert time.process_time() - start < 5
    assert len(set(groups[:8001].tolist())) == 1
    assert len(set(groups.tolist())) == 2


def test_texts_of_common_words_are_compared_in_bulk() -> None:
    """Every two of these texts share one of their rarest words: 10 million comparisons of sets, were it one by one."""
    rng = np.random.default_rng(0)
    texts = [frozenset(rng.integers(0, 400, 40).tolist()) for _ in range(6000)]
    sets = [frozenset(map(str, text)) for text in texts]
    sets[-1] = sets[7] | {"new"}
    start = time.process_time()
    groups = group_near_identical(sets, 0.8)
    assert time.process_time() - start < 10
    assert groups[-1] == groups[7]
    assert len(set(groups.tolist())) == 5999


@pytest.mark.parametrize(("edges", "groups"), [([], 4), ([(0, 1), (2, 1)], 2), ([(0, 0)], 4), ([(0, 3)] * 2, 3)])
def test_connect_counts_components(edges: list[tuple[int, int]], groups: int) -> None:
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
    assert len(set(connect(4, pairs[:, 0], pairs[:, 1]).tolist())) == groups

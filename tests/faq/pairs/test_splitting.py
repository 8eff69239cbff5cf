"""No leak, whatever the corpus: texts are planted in it that copy others nearly word for word."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faq.corpora import Corpus, corpora, draw_corpus, make_pairs, make_questions, topical_corpus
from triptych.faq.pairs.splitting import _draw_known, count_roles, split_pairs
from triptych.faq.params import SplitParams
from triptych.faq.text.tokens import word_tokens

LEARNT = {"train", "tune"}
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
PARAMS = st.builds(
    SplitParams,
    unseen_share=st.sampled_from([0.0, 0.2, 0.4]),
    known_share=st.sampled_from([0.2, 0.4]),
    tune_share=st.sampled_from([0.0, 0.2, 0.5]),
    time_share=st.sampled_from([0.2, 0.5]),
    near_identical_jaccard=st.sampled_from([0.6, 0.8, 1.0]),
    seed=st.integers(0, 5),
)


def try_split(corpus: Corpus, params: SplitParams, folds: int = 1) -> pd.DataFrame | None:
    """Split, or return None where the corpus is too small for it."""
    try:
        return split_pairs(*corpus, params, folds)
    except ValueError as error:
        assert "give more data" in str(error)  # noqa: PT017 - not every drawn corpus can be split
        return None


def token_sets(corpus: Corpus) -> dict[int, frozenset[str]]:
    rows = corpus.questions[["question_id", "title", "text", "code"]].itertuples(index=False)
    return {row[0]: frozenset(word_tokens(" ".join(row[1:]))) for row in rows}


def count_near(corpus: Corpus, left: set[int], right: set[int], threshold: float) -> int:
    sets = token_sets(corpus)
    pairs = ((sets[a], sets[b]) for a in left for b in right)
    return sum(len(a & b) / max(len(a | b), 1) >= threshold for a, b in pairs)


def check_no_leak(corpus: Corpus, fold: pd.DataFrame, threshold: float) -> None:
    ids = {role: set(rows["question_id"]) for role, rows in fold.groupby("role")}
    originals = {role: set(rows["original_id"]) for role, rows in fold.groupby("role")}
    train, tune, known, unseen = (ids.get(r, set()) for r in ("train", "tune", "test_known", "test_unseen"))
    assert count_near(corpus, known | unseen, train | tune, threshold) == 0
    assert not originals.get("test_unseen", set()) & {o for role in LEARNT for o in originals.get(role, set())}
    assert originals.get("test_known", set()) <= originals.get("train", set())
    assert not originals.get("tune", set()) & originals.get("train", set())
    # An unseen original, or its duplicate, does not read like one that is trained on, or its duplicate.
    trained = train | tune | originals["train"] | originals.get("tune", set())
    assert count_near(corpus, unseen | originals.get("test_unseen", set()), trained, threshold) == 0


def check_roles_are_whole(corpus: Corpus, table: pd.DataFrame, folds: int) -> None:
    assert list(table.columns) == ["fold", "question_id", "original_id", "role", "group"]
    assert len(table) == folds * len(corpus.pairs)
    for fold in range(folds):
        rows = table[table["fold"] == fold].sort_values("question_id")
        expected = corpus.pairs.sort_values("question_id")
        assert rows["question_id"].tolist() == expected["question_id"].tolist()
        assert rows["original_id"].tolist() == expected["original_id"].tolist()
        assert "train" in set(rows["role"])


@QUICK
@given(corpora, PARAMS)
def test_a_random_split_leaks_nothing(corpus: Corpus, params: SplitParams) -> None:
    if (table := try_split(corpus, params)) is None:
        return
    check_roles_are_whole(corpus, table, 1)
    check_no_leak(corpus, table, params.near_identical_jaccard)


@QUICK
@given(corpora, PARAMS, st.integers(2, 4))
def test_cross_fitting_asks_every_duplicate_once_and_leaks_nothing(
    corpus: Corpus, params: SplitParams, folds: int
) -> None:
    if (table := try_split(corpus, params, folds)) is None:
        return
    check_roles_are_whole(corpus, table, folds)
    for _, fold in table.groupby("fold"):
        check_no_leak(corpus, fold, params.near_identical_jaccard)
    counts = table.groupby("question_id")["role"].value_counts().unstack(fill_value=0)
    assert (counts["test_unseen"] == 1).all()
    if "test_known" in counts:
        assert counts["test_known"].max() <= 1


@QUICK
@given(corpora, PARAMS)
def test_a_split_by_time_trains_on_the_past_only(corpus: Corpus, params: SplitParams) -> None:
    if (table := try_split(corpus, params.replace(method="time"))) is None:
        return
    check_roles_are_whole(corpus, table, 1)
    check_no_leak(corpus, table, params.near_identical_jaccard)
    created = corpus.questions.set_index("question_id")["created"].loc[table["question_id"]].to_numpy()
    tested = table["role"].str.startswith("test_").to_numpy()
    learnt = table["role"].isin(LEARNT).to_numpy()
    assert created[learnt].max() < created[tested].min()


@QUICK
@given(corpora, PARAMS, st.integers(1, 3), st.sampled_from(["random", "time"]), st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(
    corpus: Corpus, params: SplitParams, folds: int, method: Literal["random", "time"], seed: int
) -> None:
    params = params.replace(method=method)
    folds = 1 if method == "time" else folds
    shuffled = Corpus(*(table.sample(frac=1, random_state=seed) for table in corpus))
    first, second = try_split(corpus, params, folds), try_split(shuffled, params, folds)
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        pd.testing.assert_frame_equal(first, second)


def test_most_drawn_corpora_can_be_split_and_hold_near_identical_texts() -> None:
    """The properties above would prove nothing of corpora that cannot be split, or hold no copies."""
    params, complete, near, excluded = SplitParams(unseen_share=0.3, known_share=0.3), 0, 0, 0
    for seed in range(20):
        corpus = draw_corpus(seed, copied=0.2)
        table = try_split(corpus, params)
        complete += table is not None and {"train", "test_known", "test_unseen"} <= set(table["role"])
        sets = list(token_sets(corpus).values())
        near += sum(len(a & b) / len(a | b) >= 0.8 for i, a in enumerate(sets) for b in sets[:i])
        timed = try_split(corpus, params.replace(method="time"))
        excluded += timed is not None and int((timed["role"] == "excluded").sum())
    assert complete > 10
    assert near > 50
    assert excluded > 10


def test_the_shares_are_kept_where_no_texts_are_alike() -> None:
    corpus = topical_corpus(originals=40, duplicates=5)
    table = split_pairs(*corpus, SplitParams(unseen_share=0.25, known_share=0.2, tune_share=0.1), 1)
    roles = table.groupby("role")["original_id"]
    assert roles.nunique()["test_unseen"] == 10
    # A fifth of the 200 duplicates is held out, and those of unseen originals are unseen all the same.
    assert 20 <= roles.size()["test_known"] <= 40
    assert 1 <= roles.nunique()["tune"] <= 4
    assert "excluded" not in roles.size()
    timed = split_pairs(*corpus, SplitParams(method="time", time_share=0.3), 1)
    assert timed["role"].str.startswith("test_").sum() == pytest.approx(60, abs=2)


def test_holding_out_takes_as_long_as_there_are_pairs() -> None:
    def spend(count: int) -> float:
        pairs = pd.DataFrame({"question_id": np.arange(count), "original_id": np.arange(count) // 4 + count})
        start = time.process_time()
        held_out = _draw_known(pairs, dict(enumerate(range(count))), np.random.default_rng(0), 0.2)
        assert held_out.sum() == round(0.2 * count)
        assert np.bincount(np.arange(count)[held_out] // 4).max() <= 3
        return time.process_time() - start

    spend(1000)
    # 16 times as many: 16 times as long, and not 256 times.
    assert spend(160_000) < 48 * spend(10_000)


@pytest.mark.parametrize("folds", [2, 3])
def test_cross_fitting_asks_each_held_out_duplicate_as_a_known_one_once(folds: int) -> None:
    table = split_pairs(*topical_corpus(originals=15, duplicates=4), SplitParams(known_share=0.2), folds)
    known = table[table["role"] == "test_known"]
    assert len(known) == known["question_id"].nunique() == 12


def test_seeds_draw_different_splits_and_the_same_one_the_same() -> None:
    corpus = topical_corpus()
    tables = [split_pairs(*corpus, SplitParams(seed=seed), 1) for seed in (0, 0, 1)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert (tables[0]["role"] != tables[2]["role"]).any()


def test_originals_that_share_a_duplicates_text_stay_on_one_side() -> None:
    # 1000 and 1010 are tied by duplicates of the same text, 1010 and 1020 by their own.
    corpus = topical_corpus(originals=9, duplicates=2)
    text = dict(zip(corpus.questions["question_id"], range(len(corpus.questions)), strict=True))
    questions = corpus.questions.copy()
    for copy, source in ((1011, 1001), (1020, 1010)):
        for column in ("title", "text", "code"):
            questions.loc[text[copy], column] = questions.loc[text[source], column]
    met = set()
    for seed in range(12):
        table = split_pairs(questions, corpus.pairs, SplitParams(seed=seed, unseen_share=0.4, tune_share=0.0), 1)
        unseen = set(table.loc[table["role"] == "test_unseen", "original_id"])
        assert len(unseen & {1000, 1010, 1020}) in (0, 3)
        met.add(len(unseen & {1000, 1010, 1020}))
    assert met == {0, 3}


def test_a_split_by_time_needs_dates() -> None:
    questions, pairs = topical_corpus()
    questions.loc[questions["question_id"].isin([1001, 1012]), "created"] = pd.NaT
    with pytest.raises(ValueError, match=r"method=time needs a creation date of every duplicate; 2 have"):
        split_pairs(questions, pairs, SplitParams(method="time"), 1)
    # Those of originals are not asked for.
    questions, pairs = topical_corpus()
    questions.loc[questions["question_id"].isin(pairs["original_id"]), "created"] = pd.NaT
    assert len(split_pairs(questions, pairs, SplitParams(method="time"), 1)) == len(pairs)


def test_a_split_by_time_has_one_fold() -> None:
    with pytest.raises(ValueError, match=r"set faq\.evaluation\.folds=1"):
        split_pairs(*topical_corpus(), SplitParams(method="time"), 2)


@pytest.mark.parametrize(
    ("params", "folds"),
    [
        (SplitParams(), 1),
        (SplitParams(), 3),
        (SplitParams(method="time"), 1),
        (SplitParams(unseen_share=0.0, known_share=0.0), 1),
    ],
)
def test_too_little_data_is_said_so(params: SplitParams, folds: int) -> None:
    questions = make_questions({1: "one two three four", 2: "five six seven eight"})
    with pytest.raises(
        ValueError, match=r"fold 0 of the split has . training and . test duplicates of 1.*: give more data"
    ):
        split_pairs(questions, make_pairs({2: 1}), params, folds)


def test_roles_are_counted_by_fold() -> None:
    table = pd.DataFrame({"fold": [0, 0, 1], "role": ["train", "train", "tune"], "question_id": [1, 2, 1]})
    assert count_roles(table) == {"fold_0": {"train": 2, "tune": 0}, "fold_1": {"train": 0, "tune": 1}}
    assert all(isinstance(n, int) and not isinstance(n, np.integer) for n in count_roles(table)["fold_0"].values())

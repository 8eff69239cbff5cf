"""What a question may see, and how its candidates are described."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.faq.corpora import Corpus, draw_corpus, make_questions, topical_corpus
from triptych.faq.pairs.splitting import find_cut, split_pairs
from triptych.faq.params import RetrievalParams, SplitParams
from triptych.faq.ranking import features as features_module
from triptych.faq.ranking.features import (
    BASELINES,
    FEATURES,
    SIMILARITIES,
    _draw_learned,
    describe_candidates,
    featurize,
    featurize_fold,
    tabulate,
)
from triptych.faq.ranking.plans import TESTED, QueryPlan
from triptych.faq.retrieval.first_stage import MOST_QUESTIONS
from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.retrieval.query import Query
from triptych.faq.text.tokens import word_tokens

PARAMS = RetrievalParams(workers=1)
SIMILARITY_ROWS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.just(3)),
    elements=st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0, 3.0]),
)


@given(SIMILARITY_ROWS)
def test_candidates_are_described_as_a_plain_loop_does(rows: NDArray[np.float32]) -> None:
    found = describe_candidates(rows)
    assert found.shape == (len(rows), 9)
    assert found.dtype == np.float32
    for column in range(3):
        values = rows[:, column].tolist()
        for i, value in enumerate(values):
            share = value / max(values) if max(values) else 0.0
            rank = sum(other >= value for other in values)
            assert found[i, column] == value
            assert found[i, 3 + column] == pytest.approx(share)
            assert found[i, 6 + column] == pytest.approx(1 / np.log2(1 + rank))


@given(SIMILARITY_ROWS, st.integers(0, 7), st.sampled_from([0.125, 1.0, 5.0]))
def test_a_candidate_that_is_more_alike_never_describes_worse(
    rows: NDArray[np.float32], place: int, gain: float
) -> None:
    place %= len(rows)
    raised = rows.copy()
    raised[place] += gain
    assert (describe_candidates(raised)[place] >= describe_candidates(rows)[place]).all()
    others = np.delete(np.arange(len(rows)), place)
    assert (describe_candidates(raised)[others] <= describe_candidates(rows)[others]).all()


def test_ties_share_the_worse_rank() -> None:
    ranks = describe_candidates(np.array([[0.5], [0.5], [0.9], [0.0]], dtype=np.float32))[:, 2]
    assert ranks == pytest.approx([1 / np.log2(4), 1 / np.log2(4), 1.0, 1 / np.log2(5)])


def test_features_are_named_once_and_baselines_are_among_them() -> None:
    assert len(set(FEATURES)) == len(FEATURES) == 3 * len(SIMILARITIES)
    assert set(BASELINES.values()) <= set(FEATURES)
    assert all(name.endswith(".score") for name in BASELINES.values())


class Seen:
    """The documents that each question of a fold was allowed to be compared with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.compared: list[set[int]] = []
        self.retrieved: list[set[int]] = []
        compare, retrieve = FaqIndex.compare, FaqIndex.retrieve

        def documents(index: FaqIndex, allowed: NDArray[np.bool_] | None) -> set[int]:
            return set(index.documents[slice(None) if allowed is None else allowed].tolist())

        def spy_compare(
            index: FaqIndex,
            query: Query,
            entries: NDArray[np.int64],
            allowed: NDArray[np.bool_] | None = None,
        ) -> NDArray[np.float32]:
            self.compared.append(documents(index, allowed))
            return compare(index, query, entries, allowed)

        def spy_retrieve(
            index: FaqIndex, query: Query, count: int, allowed: NDArray[np.bool_] | None = None
        ) -> NDArray[np.int64]:
            self.retrieved.append(documents(index, allowed))
            return retrieve(index, query, count, allowed)

        monkeypatch.setattr(FaqIndex, "compare", spy_compare)
        monkeypatch.setattr(FaqIndex, "retrieve", spy_retrieve)


def splits() -> Iterator[tuple[Corpus, pd.DataFrame]]:
    params = SplitParams(unseen_share=0.3, known_share=0.3, tune_share=0.3)
    for seed in range(4):
        corpus = draw_corpus(seed, originals=14, copied=0.1)
        yield corpus, split_pairs(*corpus, params.replace(seed=seed), 1)
    corpus = draw_corpus(9, originals=16, copied=0.1)
    table = split_pairs(*corpus, params, 3)
    yield corpus, table[table["fold"] == 1]
    yield corpus, split_pairs(*corpus, params.replace(method="time"), 1)


def test_every_role_sees_what_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    met: set[str] = set()
    some_alone = False
    for corpus, roles in splits():
        seen = Seen(monkeypatch)
        table = featurize_fold(corpus.questions, roles, PARAMS)
        monkeypatch.undo()
        ids = {role: set(rows["question_id"]) for role, rows in roles.groupby("role")}
        originals = {role: set(rows["original_id"]) for role, rows in roles.groupby("role")}
        of = roles.set_index("question_id")["original_id"]
        train, tune = ids["train"], ids.get("tune", set())
        of_train = originals["train"] | train
        queries = table.groupby("query").first()
        met |= set(queries["role"])
        assert len(seen.compared) == len(queries)
        assert seen.compared == seen.retrieved
        copies = {q for q in train | tune if [of[other] for other in train | tune].count(of[q]) == 1}
        role_of = roles.set_index("question_id")["role"]
        for number, row in queries.iterrows():
            visible = seen.compared[int(str(number))]
            question = int(row["question_id"])
            siblings = {q for q in train | tune if of[q] == of[question]}
            is_cold = question in copies
            copies |= {question} if row["role"] in ("train", "tune") else set()
            # Both halves of the report are learned for: known originals (warm) and unseen ones (cold).
            hidden = siblings if is_cold else {question}
            known = set(roles["original_id"]) - originals.get("test_unseen", set()) | train | tune
            everything = set(roles["original_id"]) | train | tune
            if row["role"] in ("train", "tune"):
                may = of_train if row["role"] == "train" else known
                assert visible <= may - hidden
                # What else is missing are all duplicates of some other originals.
                missing = may - hidden - visible
                assert missing <= train | tune
                assert not {of[q] for q in missing} & {of[q] for q in visible & (train | tune)}
                assert of[question] in visible
            elif row["role"].startswith("absent"):
                entry = {of[question]} | {q for q in train | tune if of[q] == of[question]}
                may = {"train": of_train, "tune": known}.get(role_of[question], everything)
                assert visible == may - entry
            else:
                assert visible == everything
                assert question not in visible
        # A training or tuning question comes twice, unless its original has no other duplicate; all others once.
        counts = queries.loc[queries["role"].isin(["train", "tune", *TESTED]), "question_id"].value_counts()
        alone = {q for q in train | tune if sum(of[other] == of[q] for other in train | tune) == 1}
        assert all(counts[q] == (2 if q in (train | tune) - alone else 1) for q in counts.index)
        assert set(counts.index) == {q for role, own in ids.items() if role != "excluded" for q in own}
        # Each once more without its original.
        absent = queries.loc[queries["role"].str.startswith("absent"), "question_id"]
        assert sorted(absent) == sorted(counts.index)
        some_alone |= bool(alone)
    assert met == {"train", "tune", "test_known", "test_unseen", "absent", "absent_test"}
    assert some_alone


def test_the_right_original_is_labelled_once() -> None:
    for corpus, roles in splits():
        table = featurize_fold(corpus.questions, roles, PARAMS.replace(train_candidates=2, candidates=4))
        of = roles.set_index("question_id")["original_id"]
        right = table["candidate_id"].to_numpy() == of.loc[table["question_id"]].to_numpy()
        assert (table["label"].to_numpy() == right).all()
        groups = table.groupby("query")
        assert not groups["candidate_id"].apply(lambda ids: ids.duplicated().any()).any()
        role, found, size = groups["role"].first(), groups["label"].sum(), groups.size()
        assert (found[role == "train"] == 1).all()
        assert found[role != "train"].max() <= 1
        assert found[role.str.startswith("absent")].max() == 0
        assert size[role == "train"].between(2, 3).all()
        assert (size[role.str.startswith("test")] == 4).all()
        # Retrieval of so few misses some: only training gets those added.
        assert found[role != "train"].min() == 0
        assert set(table.loc[table["role"] == "train", "candidate_id"]) <= set(
            roles.loc[roles["role"] == "train", "original_id"]
        )
        unseen = set(roles.loc[roles["role"] == "test_unseen", "original_id"])
        assert not set(table.loc[table["role"] == "tune", "candidate_id"]) & unseen
        assert (table["query"].diff().dropna().isin([0, 1])).all()


def test_texts_of_test_questions_do_not_touch_what_is_learnt() -> None:
    corpus, roles = next(splits())
    before = featurize_fold(corpus.questions, roles, PARAMS)
    questions = corpus.questions.copy()
    held_out = questions["question_id"].isin(roles.loc[~roles["role"].isin(["train", "tune"]), "question_id"])
    questions.loc[held_out, ["title", "text", "code"]] = "array entirely other words"
    after = featurize_fold(questions, roles, PARAMS)
    learnt = ["train", "tune", "absent"]
    pd.testing.assert_frame_equal(before[before["role"].isin(learnt)], after[after["role"].isin(learnt)])
    assert not before.equals(after)


def test_training_questions_are_drawn_where_there_are_too_many() -> None:
    corpus, roles = next(splits())
    table = featurize_fold(corpus.questions, roles, PARAMS.replace(max_train_queries=3))
    again = featurize_fold(corpus.questions, roles, PARAMS.replace(max_train_queries=3))
    assert table[table["role"] == "train"]["question_id"].nunique() == 3
    assert 3 <= table[table["role"] == "train"]["query"].nunique() <= 6
    pd.testing.assert_frame_equal(table, again)
    drawn = {
        tuple(rows.loc[rows["role"] == "train", "question_id"].unique())
        for rows in (
            featurize_fold(corpus.questions, roles, PARAMS.replace(max_train_queries=3, seed=seed))
            for seed in (1, 2, 3)
        )
    }
    assert len(drawn) > 1


def test_a_split_by_time_counts_no_word_of_later_questions() -> None:
    params = SplitParams(method="time", time_share=0.3)
    corpus = topical_corpus()
    background = make_questions({1: "array loop", 2: "array sort", 3: "zebra array"}, {1: 0, 2: 10**4, 3: 10**4})
    background.loc[2, "created"] = pd.NaT
    questions = pd.concat([corpus.questions, background], ignore_index=True)
    cut = find_cut(questions, corpus.pairs, params)
    roles = split_pairs(questions, corpus.pairs, params, 1)
    assert cut is not None
    before = featurize_fold(questions, roles, PARAMS, cut)
    questions.loc[questions["question_id"].isin([2, 3]), ["title", "text"]] = "topic1x topic2y topic3z loop"
    after = featurize_fold(questions, roles, PARAMS, cut)
    # The later questions themselves are asked as having no match, and nothing is learned from them.
    later = [table["question_id"].isin([2, 3]) for table in (before, after)]
    assert set(before.loc[later[0], "role"]) == {"absent_test"}
    pd.testing.assert_frame_equal(after[~later[1]], before[~later[0]])
    assert not featurize_fold(questions, roles, PARAMS).equals(before)
    # As counted by scikit-learn over what was there at the time; later originals are found all the same.
    index = features_module._index_fold(questions, roles, PARAMS, cut)
    earlier = questions[questions["created"] < cut]
    counter = TfidfVectorizer(analyzer=word_tokens).fit(
        earlier["title"] + " " + earlier["text"] + " " + earlier["code"]
    )
    idf = index.weightings["all"].idf
    words = index.vocabulary.words[: index.vocabulary.known]
    assert idf == pytest.approx(counter.idf_[[counter.vocabulary_[word] for word in words]], rel=1e-5)
    assert set(index.entries) == set(corpus.pairs["original_id"])


def test_no_other_split_has_a_cut() -> None:
    assert find_cut(*topical_corpus(), SplitParams()) is None


def test_chunks_and_processes_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = topical_corpus()
    originals = corpus.pairs["original_id"].drop_duplicates()
    members = pd.concat([corpus.pairs, pd.DataFrame({"original_id": originals, "question_id": originals})])
    index = FaqIndex.build(corpus.questions, members, PARAMS)
    rng = np.random.default_rng(0)
    plans = [
        QueryPlan(int(q), allowed=rng.random(len(index.documents)) < 0.7, hidden=np.array([3]), count=5)
        for q in corpus.questions["question_id"]
    ]
    expected = tabulate(index, plans, featurize(index, corpus.questions, plans, 1))
    for size in (1, 7):
        monkeypatch.setattr(features_module, "_CHUNK_QUERIES", size)
        found = tabulate(index, plans, featurize(index, corpus.questions, plans, 1))
        pd.testing.assert_frame_equal(found, expected)
    monkeypatch.setattr(features_module, "_CHUNK_QUERIES", 40)
    monkeypatch.setattr(features_module, "_FEW_QUERIES", 2)
    pd.testing.assert_frame_equal(tabulate(index, plans, featurize(index, corpus.questions, plans, 2)), expected)


def test_hidden_documents_come_off_the_allowed_ones() -> None:
    allowed, hidden = np.array([True, False, True]), np.array([0])
    assert QueryPlan(1).list_allowed(3) is None
    assert QueryPlan(1, allowed=allowed).list_allowed(3) is allowed
    for plan, expected in (
        (QueryPlan(1, hidden=hidden), [False, True, True]),
        (QueryPlan(1, allowed=allowed, hidden=hidden), [False, False, True]),
    ):
        mask = plan.list_allowed(3)
        assert mask is not None
        assert mask.tolist() == expected
    assert allowed.tolist() == [True, False, True]


@pytest.mark.parametrize("questions", [10, 200, 250, 251, 400, 1000, 3001])
def test_questions_that_choose_the_weights_come_with_all_of_their_copies(questions: int) -> None:
    """Every second plan would be the warm copies alone."""
    copies_of = (np.array([1]), np.array([1, 2]))
    plans = [("train", QueryPlan(number, 1, hidden=hidden)) for number in range(questions) for hidden in copies_of]
    drawn = _draw_learned([*plans, ("absent", QueryPlan(9999)), ("test_known", QueryPlan(9998))])
    copies = Counter(plans[i][1].question_id for i in drawn)
    assert set(copies.values()) == {2}
    assert min(questions, 125) <= len(copies) <= max(MOST_QUESTIONS // 2, 1)

"""An encoder that is trained on the questions learns what they teach, and from no question that tests or ranks."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tests.faq.corpora import make_questions, topical_corpus
from triptych.errors import InputError
from triptych.faq.encoding.encoder import WHOLE, encode_questions
from triptych.faq.encoding.fold_encoders import FoldEncoders, make_fold_encoders
from triptych.faq.encoding.training import plan_teaching, train_encoder
from triptych.faq.encoding.word_encoder import WordCounter, WordEncoder
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import EncoderParams, EncoderTrainingParams, RetrievalParams, SplitParams
from triptych.faq.ranking.features import featurize_fold

PARAMS = EncoderTrainingParams(enabled=True, min_pairs=1, dimensions=32, batch_size=32, epochs=25, learning_rate=0.02)
CONCEPTS = 30


class Synonyms(NamedTuple):
    """Duplicates say all in other words than their originals: `b7` means what `a7` does."""

    questions: pd.DataFrame
    roles: pd.DataFrame


def draw_synonyms(originals: int = 250) -> Synonyms:
    rng = np.random.default_rng(0)
    texts, rows = {}, []
    for number in range(originals):
        concepts = rng.choice(CONCEPTS, size=4, replace=False)
        texts[2 * number] = " ".join(f"a{concept}word" for concept in concepts)
        texts[2 * number + 1] = " ".join(f"b{concept}word" for concept in rng.permutation(concepts))
        role = "train" if number < originals * 0.8 else "test_unseen"
        rows.append((2 * number + 1, 2 * number, role, number, 0))
    columns = ["question_id", "original_id", "role", "group", "fold"]
    questions = make_questions(texts).assign(title="", text=list(texts.values()))
    return Synonyms(questions, pd.DataFrame(rows, columns=columns))


def rank_tested(encoder: WordEncoder, corpus: Synonyms) -> NDArray[np.int64]:
    """Rank the originals of test questions by nothing but the cosine."""
    tested = corpus.roles[corpus.roles["role"] == "test_unseen"]
    texts = corpus.questions.set_index("question_id")
    originals = corpus.roles["original_id"]
    asked, there = (
        encode_questions(encoder, texts.loc[ids])[:, WHOLE].astype(np.float32)
        for ids in (tested["question_id"], originals)
    )
    scores = asked @ there.T
    return np.asarray((scores >= scores[np.arange(len(tested)), tested.index][:, None]).sum(axis=1), dtype=np.int64)


@pytest.fixture(scope="module")
def trained() -> tuple[WordEncoder, dict[str, object], Synonyms]:
    pytest.importorskip("torch")
    corpus = draw_synonyms()
    plan = plan_teaching(corpus.questions, corpus.roles, PARAMS.replace(ranker_share=0.1), None)
    return *train_encoder(plan, PARAMS), corpus


def test_words_that_mean_the_same_are_learned_from_pairs_that_share_none(
    trained: tuple[WordEncoder, dict[str, object], Synonyms],
) -> None:
    encoder, report, corpus = trained
    assert (1 / rank_tested(encoder, corpus)).mean() > 0.8
    untrained = WordEncoder(
        encoder._counter, np.random.default_rng(0).normal(size=encoder._vectors.shape).astype(np.float32)
    )
    assert (1 / rank_tested(untrained, corpus)).mean() < 0.2
    assert report["duplicates"] == report["pairs"] == 180  # no title, so no pair of title and text
    assert float(str(report["mrr_untrained"])) < 0.4 < float(str(report["mrr"]))
    assert report["words"] == 2 * CONCEPTS


def test_the_same_seed_trains_the_same_encoder(trained: tuple[WordEncoder, dict[str, object], Synonyms]) -> None:
    corpus = trained[2]
    few = PARAMS.replace(epochs=2)
    plan = plan_teaching(corpus.questions, corpus.roles, few, None)
    one, other, third = (train_encoder(plan, params)[0].digest for params in (few, few, few.replace(seed=1)))
    assert one == other != third


@pytest.mark.parametrize("fold", [0, 1])
def test_the_encoder_reads_nothing_of_what_tests_or_trains_the_ranker(fold: int) -> None:
    questions, pairs = topical_corpus(originals=20)
    roles = split_pairs(questions, pairs, SplitParams(known_share=0.3, tune_share=0.3), 2)
    roles = roles[roles["fold"] == fold]
    plan = plan_teaching(questions, roles, PARAMS, None)
    role = roles.set_index("question_id")["role"]
    assert set(role[plan.pairs["question_id"]]) == {"train"}
    read = plan.questions.index
    assert set(role.reindex(read).dropna().index) == set(plan.pairs["question_id"])
    assert set(roles["original_id"]) <= set(read)
    others = roles[(roles["role"] == "train") & ~roles["question_id"].isin(plan.pairs["question_id"])]
    assert len(others)
    assert not set(others["group"]) & set(plan.pairs["group"])
    assert plan.count() == len(plan.pairs) + len(read)


def test_nothing_is_read_of_what_was_written_later() -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    cut = questions["created"].sort_values().iloc[len(questions) // 2]
    plan = plan_teaching(questions, roles, PARAMS, cut)
    assert (plan.questions["created"] < cut).all()
    assert set(plan.pairs["question_id"]) | set(plan.pairs["original_id"]) <= set(plan.questions.index)
    undated = plan_teaching(questions.assign(created=pd.Series(pd.NaT, index=questions.index)), roles, PARAMS, cut)
    assert undated.count() == 0


def test_what_taught_the_encoder_is_there_to_be_found_but_is_not_asked() -> None:
    questions, pairs = topical_corpus(originals=8)
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    taught = frozenset(roles.loc[roles["role"] == "train", "question_id"].tolist()[::2])
    counter = WordCounter.learn(questions["text"].tolist(), 1000)
    encoder = WordEncoder(counter, np.ones((len(counter.words), 2), dtype=np.float32), taught)
    asked = featurize_fold(questions, roles, RetrievalParams(workers=1), None, encoder)
    plain = featurize_fold(questions, roles, RetrievalParams(workers=1))
    assert taught <= set(plain["question_id"])
    assert set(asked["question_id"]) == set(plain["question_id"]) - taught


def test_of_too_few_pairs_none_is_trained(caplog: pytest.LogCaptureFixture) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 2)
    with caplog.at_level(logging.WARNING):
        found = make_fold_encoders(questions, roles, EncoderParams(), PARAMS.replace(min_pairs=1000))
    assert found == FoldEncoders()
    assert "no encoder is trained: there are " in caplog.text
    assert "faq.encoder_training.min_pairs is 1000" in caplog.text
    with pytest.raises(InputError, match="choose one"):
        make_fold_encoders(questions, roles, EncoderParams(folder="x"), PARAMS)


def test_each_fold_has_an_encoder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("torch")
    questions, pairs = topical_corpus(originals=20)
    roles = split_pairs(questions, pairs, SplitParams(), 2)
    made = make_fold_encoders(questions, roles, EncoderParams(), PARAMS.replace(epochs=1, dimensions=4))
    folder = tmp_path_factory.mktemp("encoders")
    made.save(folder)
    loaded = FoldEncoders.load(folder)
    assert loaded.report == made.report
    for fold in (0, 1):
        one, other = made.of_fold(fold), loaded.of_fold(fold)
        assert one is not None
        assert other is not None
        assert one.learned_from == other.learned_from != frozenset()
        assert encode_questions(other, questions).tolist() == encode_questions(one, questions).tolist()
    assert len({encoder.digest for encoder in made.encoders}) == 2


def test_training_that_goes_astray_is_not_kept() -> None:
    pytest.importorskip("torch")
    corpus = draw_synonyms(60)
    params = PARAMS.replace(temperature=1e-40, epochs=2)  # scores that are no numbers
    encoder, report = train_encoder(plan_teaching(corpus.questions, corpus.roles, params, None), params)
    assert (report["best_epoch"], report["mrr"]) == (0, report["mrr_untrained"])
    assert report["mrr"] < 1
    assert np.isfinite(encode_questions(encoder, corpus.questions)).all()

"""With an encoder: texts that share no word are matched, and growing, saving and rebuilding keep the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import WORDS, make_questions, topical_corpus
from tests.faq.encoders import write_onnx_encoder
from triptych.errors import InputError
from triptych.faq.asked import measure_reference
from triptych.faq.encoding.encoder import ENCODED, Vectors, encode_questions
from triptych.faq.encoding.model_folder import FolderEncoder
from triptych.faq.entries import make_entries
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import EncoderParams, ProbabilityParams, RankerParams, RetrievalParams, SplitParams
from triptych.faq.ranking import features as features_module
from triptych.faq.ranking.features import (
    ENCODED_SIMILARITIES,
    FEATURES,
    SIMILARITIES,
    featurize_fold,
    find_features,
    find_similarities,
)
from triptych.faq.ranking.training import train_fold
from triptych.faq.retrieval.first_stage import choose_weights
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.serving.faq_model import MATCHER, FaqModel

PARAMS = RetrievalParams(workers=1)
# In another language: no word of it is in the FAQ, and the encoder gives each the vector of the word it stands for.
TRANSLATED = {f"topic{number}{letter}": f"жщю{number}{letter}" for number in range(15) for letter in "xyz"}
ASKED = make_questions({7: "topic3x topic3y array loop", 5: "topic8z something topic8x", 9: "жщю4x жщю4y жщю4z"})


class Translator(FolderEncoder):
    """An encoder to which a word and its translation are the same."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        back = {there: here for here, there in TRANSLATED.items()}
        return super().encode([" ".join(back.get(word, word) for word in text.split()) for text in texts])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    folder = tmp_path_factory.mktemp("encoder")
    write_onnx_encoder(folder, [*TRANSLATED, *WORDS[:5]])
    return Translator(folder, EncoderParams())


@pytest.fixture(scope="module")
def features(encoder: FolderEncoder) -> pd.DataFrame:
    questions, pairs = topical_corpus()
    return featurize_fold(questions, split_pairs(questions, pairs, SplitParams(), 1), PARAMS, None, encoder)


@pytest.fixture(scope="module")
def matcher(features: pd.DataFrame, encoder: FolderEncoder) -> FaqMatcher:
    questions, pairs = topical_corpus()
    answers = pd.DataFrame({"question_id": [], "answer_id": [], "html": []}, dtype="int64").astype({"html": str})
    trained, _ = train_fold(features, RankerParams(rounds=10, min_child_samples=5, threads=1), ProbabilityParams())
    return FaqMatcher.build(questions, pairs, make_entries(questions, pairs, answers), trained, PARAMS, None, encoder)


def test_candidates_have_the_cosines_beside_what_they_have_without(
    features: pd.DataFrame, encoder: FolderEncoder
) -> None:
    assert find_similarities(features.columns) == [*SIMILARITIES, *ENCODED_SIMILARITIES]
    names = find_features(features.columns)
    assert set(FEATURES) < set(names) < set(features.columns)
    assert features[names].notna().all().all()
    questions = topical_corpus().questions.set_index("question_id")
    vectors = dict(zip(questions.index, encode_questions(encoder, questions).astype(np.float64), strict=True))
    row = features.sample(50, random_state=0)
    for side, name in enumerate(ENCODED):
        expected = [
            max(vectors[asked][side] @ vectors[candidate][side], 0)
            for asked, candidate in zip(row["question_id"], row["candidate_id"], strict=True)
        ]
        assert row[f"original.{name}.score"].to_numpy() == pytest.approx(expected, abs=1e-5)
        nearest = row[f"nearest.{name}.score"]
        assert (nearest >= row[f"original.{name}.score"]).mean() > 0.5  # hidden originals are none of the texts


def test_a_question_that_shares_no_word_finds_its_original(matcher: FaqMatcher) -> None:
    found = matcher.match(ASKED, top_k=1)
    assert found["original_id"].tolist() == [1030, 1080, 1040]
    assert matcher.index.weights.encoded > 0


def test_retrieval_weighs_the_vectors_as_the_questions_ask(matcher: FaqMatcher) -> None:
    index = matcher.index
    (query,) = index.make_queries(ASKED.iloc[[2]])
    whole, title, encoded = scores = index.score_views(query)
    assert not whole.any()
    assert not title.any()
    best = [encoded[index.starts[number] : index.starts[number + 1]].max() * 2 for number in range(len(index.entries))]
    assert index.join_scores(scores, None, StageWeights(encoded=2.0)) == pytest.approx(best)
    right = int(np.searchsorted(index.entries, 1040))
    chosen = choose_weights(index, [(query, right, None)])
    assert chosen.encoded == 0.5  # the least that is as good


def test_a_plain_index_knows_no_vectors() -> None:
    questions, pairs = topical_corpus()
    own = pd.DataFrame({"question_id": pairs["original_id"].unique(), "original_id": pairs["original_id"].unique()})
    index = FaqIndex.build(questions, pd.concat([own, pairs]), PARAMS)
    (query,) = index.make_queries(ASKED.iloc[[0]])
    assert query.vectors is None
    assert len(index.score_views(query)) == 2
    assert not index.is_encoded
    assert choose_weights(index, [(query, 3, None)]).encoded == 0


def test_a_saved_matcher_answers_the_same_alone_and_shares_its_encoder(
    matcher: FaqMatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    matcher.save(first)
    loaded = FaqMatcher.load(first)
    asked = ASKED.iloc[:2]
    pd.testing.assert_frame_equal(loaded.match(asked, top_k=9), matcher.match(asked, top_k=9))
    loaded.save(second)
    (one,), (other,) = (list(folder.glob("encoder_*/model/model.onnx")) for folder in (first, second))
    assert one.samefile(other)
    pd.testing.assert_frame_equal(FaqMatcher.load(second).match(asked, top_k=9), matcher.match(asked, top_k=9))
    together = loaded.match(asked, top_k=5)
    alone = pd.concat([loaded.match(asked.iloc[[i]], top_k=5) for i in range(2)], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


NEW = make_questions({1: "nothing жщю1x of this is known", 2: "жщю2y жщю2x here", 3: "quite new words altogether"})
NEW_PAIRS = pd.DataFrame({"question_id": [2], "original_id": [1020]})


def test_what_is_added_has_vectors_and_a_rebuild_encodes_no_document_again(
    matcher: FaqMatcher, encoder: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = pd.DataFrame({"question_id": [], "answer_id": [], "html": [], "text": []})
    grown = matcher.add(NEW, NEW_PAIRS, none).add(make_questions({4: "жщю5x жщю5z жщю5y"}), NEW_PAIRS[:0], none)
    assert grown.index.gather_vectors().shape == (len(matcher.index.documents) + 4, 2, encoder.dimensions)
    asked = make_questions({11: "topic5x topic5z topic5y"})
    assert 4 in grown.match(asked, top_k=2)["original_id"].tolist()
    encoded: list[str] = []
    encode = Translator.encode

    def note(self: Translator, texts: Sequence[str]) -> Vectors:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Translator, "encode", note)
    rebuilt = grown.rebuild(PARAMS)
    assert not encoded
    own = dict(zip(grown.index.documents.tolist(), grown.index.gather_vectors().tolist(), strict=True))
    again = dict(zip(rebuilt.index.documents.tolist(), rebuilt.index.gather_vectors().tolist(), strict=True))
    assert again == own
    assert 4 in rebuilt.match(asked, top_k=2)["original_id"].tolist()


def test_the_drift_reference_is_measured_with_vectors(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    measured = measure_reference(matcher, questions, roles, seed=0)
    assert len(measured)
    assert measured["probability"].between(0, 1).all()


def test_processes_get_the_vectors_and_not_the_encoder(
    matcher: FaqMatcher, encoder: FolderEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[FaqIndex] = []

    def featurize_here(index: FaqIndex, chunks: object, processes: int) -> object:
        seen.append(replace(index, encoder=None))
        return (features_module._featurize_chunk(seen[0], *chunk) for chunk in chunks)  # type: ignore[attr-defined]

    expected = matcher.match(ASKED, top_k=3)
    monkeypatch.setattr(features_module, "_FEW_QUERIES", 0)
    monkeypatch.setattr(features_module, "_featurize_apart", featurize_here)
    pd.testing.assert_frame_equal(matcher.match(ASKED, top_k=3, workers=2), expected)
    assert seen
    with pytest.raises(ValueError, match="the questions need some, and there is no encoder"):
        list(seen[0].make_queries(ASKED))


def test_a_registered_model_whose_encoder_cannot_be_opened_is_not_loaded(matcher: FaqMatcher, tmp_path: Path) -> None:
    matcher.save(tmp_path)
    context = SimpleNamespace(artifacts={MATCHER: str(tmp_path)})
    FaqModel().load_context(context)
    (network,) = tmp_path.glob("encoder_*/model/model.onnx")
    network.unlink()
    network.write_text("broken", encoding="utf-8")
    with pytest.raises(InputError, match="is no network that onnxruntime can run"):
        FaqModel().load_context(context)

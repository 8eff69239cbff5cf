"""The vector of a text is the weighted sum of its words' vectors, as a plain loop adds it up."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from triptych.faq.encoding.storage import load_encoder
from triptych.faq.encoding.word_encoder import WordCounter, WordEncoder

TEXTS = ["array promise promise closure", "array loops", "promise loop event", "seldom"]


def sum_words(text: list[str], counter: WordCounter, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    total = np.zeros(vectors.shape[1])
    for word in set(text) & set(counter.words):
        number = counter.words.index(word)
        total += (1 + math.log(text.count(word))) * counter.idf[number] * vectors[number]
    length = math.sqrt(float(total @ total))
    return total / length if length else total


def test_words_that_two_texts_have_are_learned() -> None:
    counter = WordCounter.learn(TEXTS, 100)
    assert counter.words == ["array", "loop", "promis"]
    assert counter.idf.tolist() == pytest.approx([math.log(5 / 3) + 1] * 3)
    assert WordCounter.learn([*TEXTS, "loop", "promises"], 2).words == ["loop", "promis"]
    assert WordCounter.learn([], 5).words == []


def test_a_text_is_the_sum_of_its_words(tmp_path: Path) -> None:
    counter = WordCounter.learn(TEXTS, 100)
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    encoder = WordEncoder(counter, vectors, frozenset({7, 3}))
    asked = ["Promises, promise: an array", "loops", "", "unheard", "array array array loop"]
    stems = [["promis", "promis", "an", "array"], ["loop"], [], ["unheard"], ["array", "array", "array", "loop"]]
    expected = [sum_words(words, counter, vectors) for words in stems]
    assert encoder.encode(asked) == pytest.approx(np.array(expected), abs=1e-3)
    assert encoder.encode([]).shape == (0, 4)
    encoder.save(tmp_path)
    restored = load_encoder(tmp_path)
    assert restored.encode(asked).tolist() == encoder.encode(asked).tolist()
    assert (restored.digest, restored.learned_from, restored.folder) == (encoder.digest, frozenset({3, 7}), tmp_path)
    shutil.rmtree(tmp_path)
    assert restored.encode(asked).tolist() == encoder.encode(asked).tolist()

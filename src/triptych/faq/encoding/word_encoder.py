"""An encoder of words: a text's vector is the weighted sum of its words' vectors. It needs no PyTorch to encode."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from triptych.faq.encoding.encoder import TextEncoder, Vectors, normalize
from triptych.faq.text.tokens import word_tokens

KIND = "words"
_PART_TEXTS = 8192


@dataclass(frozen=True)
class WordCounter:
    """Counts known words.

    Attributes:
        words: In the order of their numbers.
        idf: Inverse document frequency of each, shape (words,), float32.
    """

    words: list[str]
    idf: NDArray[np.float32]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @classmethod
    def learn(cls, texts: Sequence[str], most: int) -> WordCounter:
        """Learn the commonest words that at least two texts have, in alphabetical order."""
        found = Counter(word for text in texts for word in set(word_tokens(text)))
        common = [(word, count) for word, count in found.items() if count > 1]
        common = sorted(sorted(common), key=lambda pair: -pair[1])[:most]
        words, counts = zip(*sorted(common), strict=True) if common else ((), ())
        idf = np.log((1 + len(texts)) / (1 + np.array(counts, dtype=np.float64))) + 1
        return cls(list(words), idf.astype(np.float32))

    def count(self, texts: Sequence[str]) -> csr_array:
        """Weigh the words of texts by (1 + log of how often) x idf, shape (texts, words), float32."""
        columns: list[int] = []
        data: list[int] = []
        ends = [0]
        for text in texts:
            counts = Counter(self._numbers[word] for word in word_tokens(text) if word in self._numbers)
            columns += counts.keys()
            data += counts.values()
            ends.append(len(columns))
        places = np.array(columns, dtype=np.int64)
        weights = (1 + np.log(np.array(data, dtype=np.float64))).astype(np.float32) * self.idf[places]
        return csr_array((weights, places, np.array(ends)), shape=(len(texts), len(self.words)))


class WordEncoder(TextEncoder):
    """Sums the vectors of words.

    Args:
        counter: The words.
        vectors: Theirs, shape (words, dimensions), float32.
        learned_from: Questions whose duplicates it was trained on.
    """

    def __init__(
        self, counter: WordCounter, vectors: NDArray[np.float32], learned_from: frozenset[int] = frozenset()
    ) -> None:
        self._counter, self._vectors = counter, vectors
        self.learned_from, self.dimensions = learned_from, vectors.shape[1]
        digest = hashlib.sha256(json.dumps(counter.words).encode())
        digest.update(np.ascontiguousarray(vectors).tobytes())
        self.digest = digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, some thousand at a time; a text without a known word has a vector of length 0."""
        found = np.zeros((len(texts), self.dimensions), dtype=np.float16)
        for start in range(0, len(texts), _PART_TEXTS):
            counts = self._counter.count(texts[start : start + _PART_TEXTS])
            found[start : start + counts.shape[0]] = normalize(np.asarray(counts @ self._vectors, dtype=np.float32))
        return found

    def save(self, folder: Path) -> None:
        """Write words, their vectors, and what they were learned from."""
        pd.DataFrame({"word": self._counter.words}).to_parquet(folder / "words.parquet")
        np.save(folder / "idf.npy", self._counter.idf)
        np.save(folder / "word_vectors.npy", self._vectors)
        np.save(folder / "learned_from.npy", np.array(sorted(self.learned_from), dtype=np.int64))
        (folder / "encoder.json").write_text(json.dumps({"kind": KIND}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> WordEncoder:
        """Read what `save` wrote."""
        words = pd.read_parquet(folder / "words.parquet")["word"].tolist()
        learned_from = frozenset(np.load(folder / "learned_from.npy").tolist())
        counter = WordCounter(words, np.load(folder / "idf.npy"))
        encoder = cls(counter, np.load(folder / "word_vectors.npy"), learned_from)
        encoder.folder = folder
        return encoder

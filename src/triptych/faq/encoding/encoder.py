"""What turns texts into vectors, whoever trained it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Vectors = NDArray[np.float16]
# The two texts of a question that are encoded: its title, and title and prose. Code is no language.
ENCODED = ("encoded_title", "encoded_all")
WHOLE = ENCODED.index("encoded_all")


class TextEncoder(ABC):
    """Gives every text a vector.

    Attributes:
        digest: Hash of weights and settings: the same one gives the same vectors.
        dimensions: Length of a vector.
        distributions: What has to be installed to encode.
        folder: Where it is stored as `save` writes it; None while it is nowhere.
        learned_from: Questions that it was trained to find the originals of: nothing is to be learned from how well it
            finds these.
    """

    digest: str
    dimensions: int
    distributions: tuple[str, ...] = ()
    folder: Path | None = None
    learned_from: frozenset[int] = frozenset()

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, shape (texts, dimensions): of length 1, or 0 where a text is empty."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write it into an empty folder, for `load_encoder`."""


def encode_questions(encoder: TextEncoder, questions: pd.DataFrame) -> Vectors:
    """Encode the texts of questions.

    Args:
        encoder: Of titles and prose.
        questions: Columns `title`, `text`.

    Returns:
        Shape (questions, 2, dimensions), in the order of ENCODED.
    """
    vectors = encoder.encode(list_texts(questions))
    return np.stack([vectors[: len(questions)], vectors[len(questions) :]], axis=1)


def list_texts(questions: pd.DataFrame) -> list[str]:
    """List the texts of questions (columns `title`, `text`) that are encoded: all titles, then all whole texts."""
    titles = questions["title"].tolist()
    return [*titles, *(f"{title}\n{text}".strip() for title, text in zip(titles, questions["text"], strict=True))]


def normalize(vectors: NDArray[np.float32]) -> Vectors:
    """Scale vectors to length 1, shape (texts, dimensions); one of length 0 stays as it is."""
    # In 64 bits: the square of 1e20, or of 1e-25, is none in 32.
    length = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    return (vectors / np.where(length > 0, length, 1)).astype(np.float16)

"""Small made-up corpora: originals with duplicates, some nearly word for word the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import strategies as st

WORDS = [
    "array",
    "promise",
    "callback",
    "closure",
    "module",
    "string",
    "number",
    "date",
    "regex",
    "button",
    "form",
    "click",
    "event",
    "object",
    "key",
    "value",
    "loop",
    "index",
    "sort",
    "filter",
    "server",
    "request",
    "header",
    "cookie",
    "storage",
    "json",
    "parse",
    "syntax",
    "token",
    "strict",
    "scope",
    "hoist",
    "timer",
    "delay",
    "random",
    "merge",
    "clone",
    "prototype",
    "class",
    "null",
    "undefined",
    "compare",
    "equal",
    "float",
    "decimal",
    "upper",
    "lower",
]


class Corpus(NamedTuple):
    """Questions and the pairs between them."""

    questions: pd.DataFrame
    pairs: pd.DataFrame


def make_questions(texts: dict[int, str], days: dict[int, int] | None = None) -> pd.DataFrame:
    """Lay texts out as the table of questions; the first three words are the title, the last one is code."""
    words = [text.split() for text in texts.values()]
    created = [pd.Timestamp("2015-01-01") + pd.Timedelta(days=(days or {}).get(i, i)) for i in texts]
    return pd.DataFrame(
        {
            "question_id": np.array(list(texts), dtype=np.int64),
            "title": [" ".join(w[:3]) for w in words],
            "text": [" ".join(w[3:]) for w in words],
            "code": [" ".join(w[-1:]) for w in words],
            "tags": "",
            "created": pd.Series(created, dtype="datetime64[ms]"),
            "accepted_answer_id": np.int64(-1),
        }
    )


def make_pairs(original_of: dict[int, int]) -> pd.DataFrame:
    """Lay duplicates and their originals out as the table of pairs."""
    table = {"question_id": list(original_of), "original_id": list(original_of.values())}
    return pd.DataFrame(table, dtype="int64")


def draw_corpus(seed: int, originals: int = 12, most_duplicates: int = 5, copied: float = 0.3) -> Corpus:
    """Draw a corpus in which some questions copy another one's text but for a word, across originals too.

    Args:
        seed: of the draw.
        originals: how many; duplicates are 1 to `most_duplicates` each.
        most_duplicates: of an original.
        copied: share of the questions that copy any earlier one.
    """
    rng = np.random.default_rng(seed)
    texts: dict[int, str] = {}
    original_of: dict[int, int] = {}

    def write(question: int) -> None:
        if texts and rng.random() < copied:
            words = texts[int(rng.choice(list(texts)))].split()
            if rng.random() < 0.7:
                words[int(rng.integers(len(words)))] = str(rng.choice(WORDS))
        else:
            words = [str(word) for word in rng.choice(WORDS, size=int(rng.integers(8, 16)), replace=False)]
        texts[question] = " ".join(words)

    for number in range(originals):
        original = 1000 + 10 * number
        write(original)
        for duplicate in range(original + 1, original + 1 + int(rng.integers(1, most_duplicates + 1))):
            write(duplicate)
            original_of[duplicate] = original
    days = {question: int(day) for question, day in zip(texts, rng.integers(0, 200, len(texts)), strict=True)}
    return Corpus(make_questions(texts, days), make_pairs(original_of))


def topical_corpus(seed: int = 0, originals: int = 15, duplicates: int = 4) -> Corpus:
    """Draw a corpus in which duplicates share two of their original's three rare words, so ranking works."""
    rng = np.random.default_rng(seed)
    texts, original_of = {}, {}
    for number in range(originals):
        own = [f"topic{number}{letter}" for letter in ("x", "y", "z")]
        original = 1000 + 10 * number
        for question in range(original, original + 1 + duplicates):
            topic = own if question == original else rng.choice(own, size=2, replace=False).tolist()
            words = [*topic, *rng.choice(WORDS, size=10, replace=False).tolist()]
            texts[question] = " ".join(rng.permutation(words).tolist())
            if question != original:
                original_of[question] = original
    return Corpus(make_questions(texts), make_pairs(original_of))


corpora = st.builds(
    draw_corpus,
    seed=st.integers(0, 2**32 - 1),
    originals=st.integers(6, 14),
    most_duplicates=st.integers(2, 6),
    copied=st.sampled_from([0.0, 0.1, 0.3]),
)

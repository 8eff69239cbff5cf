"""The words, word pairs and character n-grams that are known, and the counts of texts in them."""

from __future__ import annotations

import functools
import operator
from array import array
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from triptych.faq.retrieval.counts import WordNumbers, choose_commonest, choose_pairs, find_ends, join_parts
from triptych.faq.retrieval.texts import ASKED_FIELDS, FIELDS, LEADS, Grams, Ints, Texts
from triptych.faq.text.tokens import word_tokens

LEAD_CHARS = 200
FIELD_WEIGHTS = {
    "all": (1, 1, 1, 0, 0),
    "title": (1, 0, 0, 0, 0),
    "text": (0, 1, 0, 0, 0),
    "question": (1, 1, 0, 0, 0),
    "titled": (2, 1, 1, 0, 0),
    "code": (0, 0, 1, 0, 0),
    "tags": (0, 0, 0, 1, 0),
    "answer": (0, 0, 0, 0, 1),
}
Words = NDArray[np.int32]


class Vocabulary:
    """What is counted in texts, numbered.

    Attributes:
        words: Those that are terms, in alphabetical order, and behind them those that only word pairs have.
        known: How many are terms.
        pairs: First word x words + second word of each pair, int64, ascending.
        grams: Character n-grams of 3 to 5, in alphabetical order; white space around words counts.
    """

    def __init__(self, words: list[str], known: int, pairs: Ints, grams: list[str]) -> None:
        self.words, self.known, self.pairs, self.grams = words, known, pairs, grams
        self._numbers = {word: number for number, word in enumerate(words)}
        self._gram_numbers = {gram: number for number, gram in enumerate(grams)}

    @classmethod
    def learn(cls, questions: pd.DataFrame, learned: int, max_terms: int) -> tuple[Vocabulary, Texts]:
        """Learn the commonest terms, and read all texts.

        Args:
            questions: Columns `title`, `text`, `code`; `tags` and `answer` may be missing, and their words belong to
                no text, so no pair crosses into them.
            learned: So many questions, from the first on, are learned from.
            max_terms: Most words, most pairs and most n-grams; of those as common, what turns up first.
        """
        corpus = WordNumbers.read(_list_fields(questions))
        words, known, pairs, place = _choose_words(corpus, learned * len(FIELDS), max_terms)
        for start in range(0, len(corpus.flat), 1 << 22):
            part = corpus.flat[start : start + (1 << 22)]
            part[:] = place[part]
        leads, lead_ends, written = _read_leads(questions)
        seen = int(lead_ends[learned * LEADS])
        # The title is part of its own n-grams and of the beginning's.
        weights = np.repeat(2 - np.arange(learned * LEADS) % LEADS, np.diff(lead_ends[: learned * LEADS + 1]))
        totals = np.bincount(leads[:seen], weights, minlength=len(written)).astype(np.int64)
        names, grams = _choose_grams(written, totals, max_terms)
        return cls(words, known, pairs, names), Texts(corpus.flat, corpus.ends, leads, lead_ends, grams)

    def read(self, questions: pd.DataFrame) -> Texts:
        """Read texts without learning from them; columns as for `learn`."""
        unknown = len(self.words)
        fields = [[self._numbers.get(word, unknown) for word in word_tokens(text)] for text in _list_fields(questions)]
        words = np.array([number for field in fields for number in field], dtype=np.int32)
        ends = find_ends([np.array([len(field) for field in fields], dtype=np.int64)])
        leads, lead_ends, written = _read_leads(questions)
        numbers, gram_ends = _spell(written, lambda grams: [self._gram_numbers.get(gram, -1) for gram in grams])
        return Texts(words, ends, leads, lead_ends, _keep_grams(numbers, gram_ends, len(self.grams)))

    def count(self, texts: Texts) -> dict[str, csr_array]:
        """Count terms by kind: the keys of FIELD_WEIGHTS, `word_pairs`, `title_chars` and `lead_chars`.

        Returns:
            Sparse counts of shape (texts, terms) a kind.
        """
        counts = self.count_words(texts, FIELD_WEIGHTS)
        written, lead = np.unique(texts.leads, return_inverse=True)
        spelt, size, ones = texts.grams.count(written), len(texts), np.ones(len(lead), dtype=np.int32)
        titles = csr_array((ones, lead, texts.lead_ends), shape=(size * LEADS, len(written)))[::LEADS]
        beginnings = csr_array((ones, lead, texts.lead_ends[::LEADS]), shape=(size, len(written)))
        return counts | {
            "word_pairs": self._count_pairs(texts),
            "title_chars": csr_array(titles @ spelt),
            "lead_chars": csr_array(beginnings @ spelt),
        }

    def count_words(self, texts: Texts, kinds: Iterable[str]) -> dict[str, csr_array]:
        """Count the words of some kinds, all keys of FIELD_WEIGHTS; sparse, shape (texts, terms) each."""
        kept = texts.words < self.known
        stacked = _count_rows(texts.words[kept], _count_before(kept)[texts.word_ends], self.known)
        fields = [stacked[number :: len(FIELDS)] for number in range(len(FIELDS))]
        return {kind: _sum_fields(fields, FIELD_WEIGHTS[kind]) for kind in kinds}

    def _count_pairs(self, texts: Texts) -> csr_array:
        size = len(self.words)
        place = np.flatnonzero(mark_joins(texts.word_ends)[:-1] & (texts.words[:-1] < size) & (texts.words[1:] < size))
        pairs = texts.words[place].astype(np.int64) * size + texts.words[place + 1]
        found = np.searchsorted(self.pairs, pairs)
        known = self.pairs[np.minimum(found, len(self.pairs) - 1)] == pairs if len(self.pairs) else np.zeros(0, bool)
        ends = np.searchsorted(place[known], texts.word_ends[:: len(FIELDS)])
        return _count_rows(found[known].astype(np.int32), ends, len(self.pairs))


def mark_joins(word_ends: Ints) -> NDArray[np.bool_]:
    """Mark the words that make a pair with the next one: both are of one text, and neither of tags or answer.

    Args:
        word_ends: As in `Texts`.
    """
    asked = np.arange(len(word_ends) - 1) % len(FIELDS) < ASKED_FIELDS
    joins = np.repeat(asked, np.diff(word_ends))
    last = word_ends[ASKED_FIELDS :: len(FIELDS)] - 1
    joins[last[last >= 0]] = False
    return joins


def _count_rows(terms: Words, ends: Ints, size: int) -> csr_array:
    counts = csr_array((np.ones(len(terms), dtype=np.int32), terms, ends), shape=(len(ends) - 1, size))
    counts.sum_duplicates()
    return counts


def _count_before(kept: NDArray[np.bool_]) -> Ints:
    """Count what is kept before each place, and in all."""
    return np.concatenate([[0], np.cumsum(kept)])


def _sum_fields(fields: list[csr_array], weights: tuple[int, ...]) -> csr_array:
    parts = [field if weight == 1 else weight * field for weight, field in zip(weights, fields, strict=True) if weight]
    return csr_array(functools.reduce(operator.add, parts))


def _list_fields(questions: pd.DataFrame) -> Iterable[str]:
    """List every field of every question; new questions have no answer, and need no tags."""
    columns = [questions[field] if field in questions else [""] * len(questions) for field in FIELDS]
    return (text for row in zip(*columns, strict=True) for text in row)


def _choose_words(corpus: WordNumbers, fields: int, limit: int) -> tuple[list[str], int, Ints, Words]:
    """Choose words and pairs by the first fields; give also the new number of each word of the corpus."""
    size, seen = len(corpus.words), corpus.flat[: corpus.ends[fields]]
    commonest = choose_commonest(np.bincount(seen, minlength=size), limit).tolist()
    terms = np.array(sorted(commonest, key=corpus.words.__getitem__), dtype=np.int64)
    pairs = choose_pairs(seen, mark_joins(corpus.ends[: fields + 1]), size, limit)
    first, second = np.divmod(pairs, max(size, 1))
    chosen = np.concatenate([terms, np.setdiff1d(np.concatenate([first, second]), terms)])
    place = np.full(size, len(chosen), dtype=np.int32)
    place[chosen] = np.arange(len(chosen))
    codes = np.sort(place[first].astype(np.int64) * len(chosen) + place[second])
    return [corpus.words[i] for i in chosen.tolist()], len(terms), codes, place


class _Numbers(dict[str, int]):
    """Numbers what it is asked for, in order."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self)
        return number


def _read_leads(questions: pd.DataFrame) -> tuple[Words, Ints, list[str]]:
    """Number the written words of titles and beginnings: the numbers, where each text starts, the words."""
    numbers = _Numbers()
    parts, lengths = [], array("q")
    for start in range(0, len(questions), 20_000):
        flat = array("i")
        rows = questions.iloc[start : start + 20_000]
        for title, text in zip(rows["title"], rows["text"], strict=True):
            for lead in (title, text[:LEAD_CHARS]):
                words = lead.lower().split()
                flat.extend(map(numbers.__getitem__, words))
                lengths.append(len(words))
        parts.append(np.array(flat, dtype=np.int32))
    return join_parts(parts), find_ends([np.array(lengths, dtype=np.int64)]), list(numbers)


def _spell(written: list[str], number: Callable[[list[str]], Iterable[int]]) -> tuple[Words, Ints]:
    """Number the n-grams of words: the numbers, and where each word starts."""
    # Imported here so that `kedro` starts without scikit-learn.
    from sklearn.feature_extraction.text import CountVectorizer

    analyze = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    flat, lengths = array("i"), array("q")
    for word in written:
        grams = analyze(word)
        flat.extend(number(grams))
        lengths.append(len(grams))
    return np.array(flat, dtype=np.int32), find_ends([np.array(lengths, dtype=np.int64)])


def _choose_grams(written: list[str], totals: Ints, limit: int) -> tuple[list[str], Grams]:
    """Choose n-grams by how often each written word occurs; give also those of each word."""
    numbers = _Numbers()
    flat, ends = _spell(written, lambda grams: map(numbers.__getitem__, grams))
    names = list(numbers)
    met = np.bincount(flat, np.repeat(totals, np.diff(ends)), minlength=len(names)).astype(np.int64)
    chosen = sorted(choose_commonest(met, limit).tolist(), key=names.__getitem__)
    place = np.full(len(names), -1, dtype=np.int32)
    place[chosen] = np.arange(len(chosen))
    return [names[i] for i in chosen], _keep_grams(place[flat], ends, len(chosen))


def _keep_grams(flat: Words, ends: Ints, size: int) -> Grams:
    kept = flat >= 0
    return Grams(flat[kept], _count_before(kept)[ends], size)

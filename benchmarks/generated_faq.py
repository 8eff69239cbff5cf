"""Generate a FAQ of any size: questions with a Zipf-distributed vocabulary, topics, code, and reworded duplicates.

Words are kept as numbers in one flat array with a length a text, so that 100,000 questions take seconds.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PLAIN_WORDS = 150_000
TOPICS = 2_000
TOPIC_WORDS = 150
TOPIC_SHARE = 0.3  # of the words come from the topic's, which makes questions of one topic easy to mix up
IDENTIFIERS = 3_000_000  # so many that most occur once, as real ones do
IDENTIFIER_SHARE = 0.25  # of the tokens of code
CODE_SHARE = 0.5
KEPT = 0.12  # of an original's words are in its duplicates
SYNTAX = (
    *"=(){};.+[],:01",
    *("=>", "===", "++", "&&", "||", "var", "function", "return", "if", "else", "for", "let", "const", "null", "new"),
)
_SYLLABLES = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "ar", "en", "is", "or", "un")]


@dataclass(frozen=True)
class Texts:
    """Texts as word numbers, one after the other: `words` of shape (all words,), `lengths` of shape (texts,)."""

    words: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """Copy some texts."""
        lengths = self.lengths[rows]
        starts = (np.cumsum(self.lengths) - self.lengths)[rows] - (np.cumsum(lengths) - lengths)
        return Texts(self.words[np.repeat(starts, lengths) + np.arange(lengths.sum())], lengths)

    def join(self, names: NDArray[np.object_]) -> list[str]:
        """Spell the texts out."""
        parts = names[self.words].tolist()
        ends = np.cumsum(self.lengths)
        return [" ".join(parts[end - length : end]) for end, length in zip(ends, self.lengths, strict=True)]


class QuestionMaker:
    """Draw questions, and reword them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self._names = np.array([_spell(n) for n in range(PLAIN_WORDS)], dtype=object)
        self._zipf = np.cumsum(1 / (np.arange(PLAIN_WORDS) + 2.7) ** 1.05)
        self._topic_words = self.rng.integers(300, 20_000, (TOPICS, TOPIC_WORDS))
        self._topic_zipf = np.cumsum(1 / (np.arange(TOPIC_WORDS) + 2.0))

    def draw(self, count: int) -> tuple[NDArray[np.int64], Texts, Texts, Texts]:
        """Draw questions: topics, titles (about 9 words), bodies (80 to 150) and code (half have about 30 tokens)."""
        topics = self.rng.integers(0, TOPICS, count)
        titles, bodies = self.rng.integers(6, 13, count), self.rng.integers(80, 151, count)
        code = self.rng.integers(15, 46, count) * (self.rng.random(count) < CODE_SHARE)
        title, body = (Texts(self._draw_words(np.repeat(topics, size)), size) for size in (titles, bodies))
        return topics, title, body, Texts(self._draw_code(int(code.sum())), code)

    def reword(
        self, drawn: tuple[NDArray[np.int64], Texts, Texts, Texts], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Texts, Texts, Texts]:
        """Ask some questions again: drop and replace words, and use mostly other code."""
        topics, titles, bodies, code = drawn
        topics = topics[rows]
        titles, bodies, code = (self._drop(texts.take(rows)) for texts in (titles, bodies, code))
        titles, bodies = (
            Texts(self._replace(texts.words, self._draw_words(np.repeat(topics, texts.lengths))), texts.lengths)
            for texts in (titles, bodies)
        )
        code = Texts(self._replace(code.words, self._draw_code(len(code.words))), code.lengths)
        return topics, titles, bodies, code

    def spell(self, first_id: int, drawn: tuple[NDArray[np.int64], Texts, Texts, Texts]) -> pd.DataFrame:
        """Write questions as Stack Exchange stores them: columns `question_id`, `title`, `body` (HTML)."""
        clean = self.spell_clean(first_id, drawn)
        blocks = [f"<pre><code>{html.escape(c)}</code></pre>" if c else "" for c in clean["code"]]
        posts = [f"<p>{b}</p>\n{c}" for b, c in zip(clean["text"], blocks, strict=True)]
        return clean[["question_id", "title"]].assign(body=posts)

    def spell_clean(self, first_id: int, drawn: tuple[NDArray[np.int64], Texts, Texts, Texts]) -> pd.DataFrame:
        """Write questions as they are after cleaning: columns `question_id`, `title`, `text`, `code`."""
        _, titles, bodies, code = drawn
        identifiers, places = np.unique(code.words, return_inverse=True)
        names = np.array([_spell_code(n) for n in identifiers.tolist()], dtype=object)
        ids = np.arange(first_id, first_id + len(titles.lengths))
        return pd.DataFrame(
            {
                "question_id": ids,
                "title": titles.join(self._names),
                "text": bodies.join(self._names),
                "code": Texts(places, code.lengths).join(names),
            }
        )

    def _draw_words(self, topics: NDArray[np.int64]) -> NDArray[np.int64]:
        general = _draw(self.rng, self._zipf, len(topics))
        special = self._topic_words[topics, _draw(self.rng, self._topic_zipf, len(topics))]
        return np.where(self.rng.random(len(topics)) < TOPIC_SHARE, special, general)

    def _draw_code(self, count: int) -> NDArray[np.int64]:
        identifiers = self.rng.integers(len(SYNTAX), IDENTIFIERS, count)
        syntax = self.rng.integers(0, len(SYNTAX), count)
        return np.where(self.rng.random(count) < IDENTIFIER_SHARE, identifiers, syntax)

    def _drop(self, texts: Texts) -> Texts:
        kept = self.rng.random(len(texts.words)) < 0.85
        owner = np.repeat(np.arange(len(texts.lengths)), texts.lengths)
        return Texts(texts.words[kept], np.bincount(owner[kept], minlength=len(texts.lengths)))

    def _replace(self, words: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(self.rng.random(len(words)) < KEPT / 0.85, words, others)


def _draw(rng: np.random.Generator, cumulated: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    return np.asarray(np.searchsorted(cumulated, rng.random(count) * cumulated[-1]), dtype=np.int64)


def _spell(number: int) -> str:
    """Spell a word; common ones are short."""
    word = ""
    while number or not word:
        number, syllable = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[syllable]
    return word


def _spell_code(number: int) -> str:
    return SYNTAX[number] if number < len(SYNTAX) else f"{_spell(number)}{_spell(number // 7).title()}"


def generate(originals: int, questions: int, training: int, seed: int) -> dict[str, pd.DataFrame]:
    """Generate a FAQ and new questions about it.

    Returns:
        `known`: originals and, for a third of them, a duplicate; `pairs`: columns `original_id`, `question_id`
        of those duplicates; `asked` and `training`: new questions with the column `original_id` beside.
        Questions have columns `question_id`, `title`, `body` (HTML).
    """
    maker = QuestionMaker(seed)
    drawn = maker.draw(originals)
    known, first_id = [maker.spell(0, drawn)], originals
    sources = np.sort(maker.rng.choice(originals, originals // 3, replace=False))
    known.append(maker.spell(first_id, maker.reword(drawn, sources)))
    tables = {"pairs": pd.DataFrame({"original_id": sources, "question_id": known[1]["question_id"]})}
    first_id += len(sources)
    for name, count in (("asked", questions), ("training", training)):
        about = maker.rng.integers(0, originals, count)
        tables[name] = maker.spell(first_id, maker.reword(drawn, about)).assign(original_id=about)
        first_id += count
    return {"known": pd.concat(known, ignore_index=True), **tables}

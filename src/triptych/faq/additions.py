"""The texts that a matcher was built of and those that were added since, and how far it has drifted from its words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from triptych.errors import InputError
from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.retrieval.storage import link_folder, name_part

TEXTS = ["title", "text", "code", "tags", "answer"]
COLUMNS = ["question_id", "original_id", *TEXTS, "answer_id", "html"]
NO_ORIGINAL = -1
_FILE = "texts.parquet"


@dataclass(frozen=True)
class Texts:
    """The questions that a matcher was built of, background too: what a rebuild starts from.

    Attributes:
        questions: Columns `question_id` and TEXTS; None where they are stored.
        pairs: Columns `question_id`, `original_id`, an original with itself.
        folder: Where they are stored.
    """

    questions: pd.DataFrame | None = None
    pairs: pd.DataFrame | None = None
    folder: Path | None = None

    def read(self) -> pd.DataFrame:
        """Give columns `question_id`, `original_id` (-1 of background) and TEXTS."""
        if self.questions is None or self.pairs is None:
            return self._read_stored()
        original = self.pairs.set_index("question_id")["original_id"]
        found = original.reindex(self.questions["question_id"], fill_value=NO_ORIGINAL).to_numpy(np.int64)
        table = self.questions.reindex(columns=["question_id", *TEXTS], fill_value="")
        table.insert(1, "original_id", found)
        return table

    def _read_stored(self) -> pd.DataFrame:
        path = self.folder / _FILE if self.folder else Path(_FILE)
        try:
            return pd.read_parquet(path)
        except FileNotFoundError as error:
            raise InputError(
                f"{path} is gone: the matcher was replaced by another since it was read. Add to what is there now"
            ) from error

    def save(self, folder: Path) -> str:
        """Write them into a folder of their own in another, and give its name."""
        name = name_part("texts", self.folder)
        if not link_folder(self.folder, folder / name):
            self.read().to_parquet(folder / name / _FILE, compression="zstd")
        return name


@dataclass(frozen=True)
class Drift:
    """How much of an index was added, and how badly its vocabulary fits that.

    Attributes:
        added_share: Share of the documents that were added since it was built, in [0, 1].
        unknown_share: Share of their words that are no terms, beyond the share that was so when it was built (which
            `faq.retrieval.max_terms` decides), in [0, 1].
    """

    added_share: float
    unknown_share: float

    @classmethod
    def measure(cls, index: FaqIndex) -> Drift:
        """Measure an index."""
        built, *added = (segment.texts.words for segment in index.segments)
        count = len(index.documents) - len(index.segments[0])
        unknown, words = (sum(part) for part in zip(*map(index.count_unknown, added), strict=True)) if added else (0, 0)
        was_unknown, all_words = index.count_unknown(built)
        excess = unknown / max(words, 1) - was_unknown / max(all_words, 1)
        return cls(count / max(len(index.documents), 1), max(excess, 0.0))


def no_additions() -> pd.DataFrame:
    """Give the table of additions of a matcher that has none."""
    kinds = {column: np.int64 if column.endswith("_id") else str for column in COLUMNS}
    return pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in kinds.items()})


def make_additions(questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Lay out what is added.

    Args:
        questions: Columns `question_id`, `title`, `text`, `code`, and `tags` where there are any.
        pairs: Columns `question_id`, `original_id` of those that are duplicates; the others are originals.
        answers: Columns `question_id`, `answer_id`, `html`, `text` of originals.

    Returns:
        COLUMNS: `original_id` is an original's own id; `answer` the clean text, `html` and `answer_id` (-1: none) what
        is given with a match.
    """
    ids = questions["question_id"].to_numpy(np.int64)
    answer = answers.set_index("question_id")[["text", "html"]].reindex(ids, fill_value="")
    number = answers.set_index("question_id")["answer_id"].reindex(ids, fill_value=-1)
    original = pairs.set_index("question_id")["original_id"].reindex(ids, fill_value=NO_ORIGINAL).to_numpy(np.int64)
    table = questions.reindex(columns=["question_id", "title", "text", "code", "tags"], fill_value="").assign(
        original_id=np.where(original == NO_ORIGINAL, ids, original),
        answer=answer["text"].to_numpy(),
        html=answer["html"].to_numpy(),
        answer_id=number.to_numpy(np.int64),
    )
    return table[COLUMNS].reset_index(drop=True)


def check_additions(index: FaqIndex, additions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> None:
    """Refuse what the index cannot take.

    Raises:
        ValueError: If a question is there already or comes twice, a pair or an answer belongs to no question that is
            added, or an original is none.
    """
    added, originals = additions["question_id"], additions["original_id"]
    _refuse(added[added.isin(index.documents) | added.duplicated()], "questions are in the FAQ already, or come twice")
    _refuse(pairs["question_id"][~pairs["question_id"].isin(added)], "pairs are of questions that are not added")
    own = added[added == originals]
    _refuse(answers["question_id"][~answers["question_id"].isin(own)], "answers are of no original that is added")
    known = originals.isin(index.entries) | originals.isin(own)
    _refuse(originals[~known], "originals are neither in the FAQ nor added")


def _refuse(ids: pd.Series, reason: str) -> None:
    if len(ids):
        raise ValueError(f"{len(ids)} {reason}: {ids.iloc[0]}")

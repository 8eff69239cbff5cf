"""The finished product: give it a question, get the originals that answer it.

On disk a matcher is a folder of plain files (parquet, npy, JSON), nothing pickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.params import RetrievalParams
from triptych.faq.ranking.features import Candidates, featurize_chunks
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.ranking.training import TrainedRanker
from triptych.faq.retrieval.first_stage import ask_duplicates, choose_weights
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.storage import load_index, save_index

FORMAT_VERSION = 4
MATCH, NO_MATCH = "match", "no match"
_FOUND = ("question_id", "rank", "original_id", "score", "probability", "verdict")
# Entry numbers, scores and probabilities of a question's best candidates.
_Ranked = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


@dataclass
class FaqMatcher:
    """Index, ranker and answers.

    Attributes:
        index: The FAQ.
        trained: The ranker, and how sure it may be.
        entries: Columns `original_id`, `title`, `answer_id` (-1: none), `answer` (HTML, may be empty).
        candidates: Originals retrieved for a question.
    """

    index: FaqIndex
    trained: TrainedRanker
    entries: pd.DataFrame
    candidates: int

    @classmethod
    def build(
        cls,
        questions: pd.DataFrame,
        pairs: pd.DataFrame,
        entries: pd.DataFrame,
        trained: TrainedRanker,
        params: RetrievalParams,
    ) -> FaqMatcher:
        """Index every original of `entries` with all of its duplicates in `pairs`."""
        originals = entries["original_id"]
        own = pd.DataFrame({"original_id": originals, "question_id": originals})
        index = FaqIndex.build(questions, pd.concat([own, pairs], ignore_index=True), params)
        index.weights = choose_weights(index, ask_duplicates(index, questions, pairs))
        return cls(index, trained, entries, params.candidates)

    def match(self, questions: pd.DataFrame, top_k: int, workers: int = 1) -> pd.DataFrame:
        """Rank the originals for each question.

        Args:
            questions: Columns `question_id` (of any type), `title`, `text`, `code` (clean).
            top_k: Originals a question.
            workers: Processes; 0 takes every core.

        Returns:
            Columns `question_id`, `rank` (from 1), `original_id`, `score` (higher is better; only the order within a
            question means anything), `probability` (that this original answers the
            question, in [0, 1]; those of a question sum to at most 1), `verdict` (`match` where the probability reaches
            the threshold, else `no match`), `title`, `answer_id`, `answer`.
        """
        plans = [QueryPlan(row, count=self.candidates) for row in range(len(questions))]
        if not plans:
            return pd.DataFrame(columns=[*_FOUND, *self.entries.columns[1:]])
        chunks = featurize_chunks(self.index, questions, plans, workers)
        best = [ranked for chunk in chunks for ranked in self._rank(chunk, top_k)]
        sizes = [len(entries) for entries, *_ in best]
        entries, scores, probability = (np.concatenate(parts) for parts in zip(*best, strict=True))
        table = self.entries.iloc[entries].reset_index(drop=True)
        table.insert(1, "score", scores)
        table.insert(2, "probability", probability)
        is_match = probability >= self.trained.probability.threshold
        table.insert(3, "verdict", np.where(is_match, MATCH, NO_MATCH))
        table.insert(0, "rank", np.concatenate([np.arange(1, size + 1) for size in sizes]))
        table.insert(0, "question_id", np.repeat(questions["question_id"].to_numpy(), sizes))
        return table

    def _rank(self, found: list[Candidates], top_k: int) -> Iterator[_Ranked]:
        """Score the candidates of some questions; give the best entries of each, their scores and probabilities."""
        values = np.concatenate([features for _, features in found])
        sizes = np.array([len(entries) for entries, _ in found], dtype=np.int64)
        # One thread: more only wait for each other over so few rows, or beside the workers.
        scores = self.trained.ranker.score(values, threads=1)
        probability = self.trained.probability.estimate(values, scores, sizes)
        for start, (entries, _) in zip((np.cumsum(sizes) - sizes).tolist(), found, strict=True):
            own = slice(start, start + len(entries))
            order = np.lexsort((entries, -scores[own]))[:top_k]
            yield entries[order], scores[own][order], probability[own][order]

    def save(self, folder: Path) -> None:
        """Write the matcher into an empty folder."""
        (folder / "ranker.json").write_text(json.dumps(self.trained.to_dict()), encoding="utf-8")
        self.entries.to_parquet(folder / "entries.parquet")
        save_index(self.index, folder)
        about = {
            "format": FORMAT_VERSION,
            "candidates": self.candidates,
            "retrieval_weights": asdict(self.index.weights),
        }
        (folder / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FaqMatcher:
        """Read what `save` wrote; the large arrays stay in their files, and are mapped.

        Raises:
            ValueError: If the folder holds no matcher, or one of another format.
        """
        if not (folder / "about.json").is_file():
            raise ValueError(f"{folder} holds no matcher (no about.json): run `kedro run --pipelines faq` first")
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["format"] != FORMAT_VERSION:
            raise ValueError(
                f"{folder} has format {about['format']}, this code reads {FORMAT_VERSION}: train anew with "
                "`kedro run --pipelines faq`"
            )
        entries = pd.read_parquet(folder / "entries.parquet")
        index = load_index(folder, StageWeights(**about["retrieval_weights"]))
        trained = TrainedRanker.from_dict(json.loads((folder / "ranker.json").read_text(encoding="utf-8")))
        return cls(index, trained, entries, about["candidates"])


def make_entries(questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """List the originals with their answers.

    Returns:
        Columns `original_id` (ascending), `title`, `answer_id` (-1: none), `answer` (HTML, may be empty).
    """
    originals = np.unique(pairs["original_id"])
    answer = answers.set_index("question_id").reindex(originals)
    return pd.DataFrame(
        {
            "original_id": originals,
            "title": questions.set_index("question_id")["title"].loc[originals].to_numpy(),
            "answer_id": answer["answer_id"].fillna(-1).to_numpy(np.int64),
            "answer": answer["html"].fillna("").to_numpy(),
        }
    )

"""The finished product: give it a question, get the originals that answer it.

On disk a matcher is a folder of plain files (parquet, npy, JSON), nothing pickled; `retrieval/storage.py` says how the
index lies in it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.errors import InputError
from triptych.faq.additions import Drift, check_additions, make_additions, no_additions
from triptych.faq.params import RetrievalParams
from triptych.faq.ranking.features import Candidates, featurize_chunks
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.ranking.training import TrainedRanker
from triptych.faq.retrieval.first_stage import ask_duplicates, choose_weights
from triptych.faq.retrieval.growing import add_documents
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.storage import IndexParts, link_folder, load_index, name_part, save_index
from triptych.faq.text.questions import add_answers

FORMAT_VERSION = 5
MATCH, NO_MATCH = "match", "no match"
_FOUND = ("question_id", "rank", "original_id", "score", "probability", "verdict")
# Entry numbers, scores and probabilities of a question's best candidates.
_Ranked = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Revision:
    """Which of the states of a matcher that grows this is.

    Attributes:
        number: How often something was added.
        name: Of no other state, of this matcher or another.
        before: Name of the state it was made of; None where it was built.
    """

    number: int = 0
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    before: str | None = None


@dataclass
class FaqMatcher:
    """Index, ranker and answers.

    Attributes:
        index: The FAQ.
        trained: The ranker, and how sure it may be.
        entries: Columns `original_id`, `title`, `answer_id` (-1: none), `answer` (HTML, may be empty).
        candidates: Originals retrieved for a question.
        additions: What was added after it was built; see `make_additions`.
        revision: Which state it is.
        folder: Where the entries that it was built with are stored; None while they are nowhere.
    """

    index: FaqIndex
    trained: TrainedRanker
    entries: pd.DataFrame
    candidates: int
    additions: pd.DataFrame = field(default_factory=no_additions)
    revision: Revision = field(default_factory=Revision)
    folder: Path | None = None

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

    def add(self, questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> FaqMatcher:
        """Give a matcher that knows further questions too; this one stays as it is.

        Nothing is learned from them: vocabulary, weights and ranker stay. `Drift.measure` says when to rebuild.

        Args:
            questions: Columns `question_id`, `title`, `text`, `code`, and `tags` where there are any (all clean).
            pairs: Columns `question_id`, `original_id` of those that are duplicates, of originals in the FAQ or among
                `questions`; the others are new originals.
            answers: Columns `question_id`, `answer_id`, `html`, `text` of new originals.

        Raises:
            ValueError: If the FAQ has one of them already, or a pair or an answer belongs to nothing.
        """
        if questions.empty:
            return self
        added = make_additions(questions, pairs, answers)
        check_additions(self.index, added, pairs, answers)
        index = add_documents(self.index, added, added[["original_id", "question_id"]])
        fresh = _list_originals(added).set_index("original_id").loc[index.entries[len(self.entries) :]]
        return replace(
            self,
            index=index,
            entries=pd.concat([self.entries, fresh.reset_index()], ignore_index=True),
            additions=pd.concat([self.additions, added], ignore_index=True),
            revision=Revision(self.revision.number + 1, before=self.revision.name),
        )

    def rebuild(
        self, questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame, params: RetrievalParams
    ) -> FaqMatcher:
        """Build it anew of the tables it was built of and of what was added; the ranker stays.

        Raises:
            ValueError: If the tables lack documents.
        """
        added = self.additions[~self.additions["question_id"].isin(questions["question_id"])]
        everything = pd.concat([add_answers(questions, answers), added], ignore_index=True)
        if lost := int((~np.isin(self.index.documents, everything["question_id"])).sum()):
            raise ValueError(
                f"{lost} documents of the matcher are not in the tables: they are not those it was made of"
            )
        is_original = added["question_id"] == added["original_id"]
        pairs = pd.concat([pairs, added.loc[~is_original, ["question_id", "original_id"]]], ignore_index=True)
        entries = make_entries(everything, pairs, pd.concat([answers, _list_answers(added)]))
        others = _list_originals(added[is_original & ~added["question_id"].isin(entries["original_id"])])
        entries = pd.concat([entries, others]).sort_values("original_id", ignore_index=True)
        built = FaqMatcher.build(everything, pairs, entries, self.trained, params)
        return replace(built, additions=added.reset_index(drop=True), revision=self.revision)

    def measure_drift(self) -> Drift:
        """Measure how far it is from what it was built for."""
        return Drift.measure(self.index)

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
            order = np.lexsort((self.index.entries[entries], -scores[own]))[:top_k]
            yield entries[order], scores[own][order], probability[own][order]

    def save(self, folder: Path) -> None:
        """Write the matcher into an empty folder."""
        (folder / "ranker.json").write_text(json.dumps(self.trained.to_dict()), encoding="utf-8")
        entries = name_part("entries", self.folder)
        if not link_folder(self.folder, folder / entries):
            self.entries[: self._count_built()].to_parquet(folder / entries / "entries.parquet")
        self.additions.to_parquet(folder / "additions.parquet")
        about = {
            "format": FORMAT_VERSION,
            "candidates": self.candidates,
            "retrieval_weights": asdict(self.index.weights),
            "revision": {"number": self.revision.number, "name": self.revision.name},
            "index": asdict(save_index(self.index, folder)),
            "entries": entries,
        }
        (folder / "about.json").write_text(json.dumps(about, indent=1), encoding="utf-8")

    def _count_built(self) -> int:
        """Count the entries that it was built with: each has a run in the first segment."""
        return int(np.searchsorted(self.index.starts, len(self.index.segments[0])))

    def check_replaceable(self, folder: Path) -> None:
        """Refuse to take the place of a matcher that this one was not made of.

        Raises:
            InputError: If the folder holds another state than the one that was added to.
        """
        if self.revision.before is None or not (folder / "about.json").is_file():
            return
        there = _read_about(folder)["revision"]
        if there["name"] not in (self.revision.before, self.revision.name):
            raise InputError(
                f"the matcher was replaced by another (revision {there['number']}) while this one (revision "
                f"{self.revision.number}) was made: add again, to what is there now"
            )

    @classmethod
    def load(cls, folder: Path) -> FaqMatcher:
        """Read what `save` wrote; the large arrays stay in their files, and are mapped.

        Raises:
            ValueError: If the folder holds no matcher, or one of another format.
        """
        if not (folder / "about.json").is_file():
            raise ValueError(f"{folder} holds no matcher (no about.json): run `kedro run --pipelines faq` first")
        about = _read_about(folder)
        if about["format"] != FORMAT_VERSION:
            raise ValueError(
                f"{folder} has format {about['format']}, this code reads {FORMAT_VERSION}: train anew with "
                "`kedro run --pipelines faq`"
            )
        index = load_index(folder, IndexParts(**about["index"]), StageWeights(**about["retrieval_weights"]))
        trained = TrainedRanker.from_dict(json.loads((folder / "ranker.json").read_text(encoding="utf-8")))
        entries = pd.read_parquet(folder / about["entries"] / "entries.parquet")
        additions = pd.read_parquet(folder / "additions.parquet")
        fresh = index.entries[len(entries) :]
        if len(fresh):
            added = _list_originals(additions).set_index("original_id").loc[fresh].reset_index()
            entries = pd.concat([entries, added], ignore_index=True)
        revision = Revision(**about["revision"])
        return cls(index, trained, entries, about["candidates"], additions, revision, folder / about["entries"])


def _read_about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    return about


def _list_originals(additions: pd.DataFrame) -> pd.DataFrame:
    """List the originals among additions, as `make_entries` does."""
    rows = additions[additions["question_id"] == additions["original_id"]]
    return rows[["original_id", "title", "answer_id"]].assign(answer=rows["html"])


def _list_answers(additions: pd.DataFrame) -> pd.DataFrame:
    rows = additions[additions["answer_id"] >= 0]
    return rows[["question_id", "answer_id", "html"]].assign(text=rows["answer"])


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

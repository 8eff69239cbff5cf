"""The finished product: give it a question, get the originals that answer it.

On disk a matcher is a folder of plain files (parquet, npy, JSON), nothing pickled; `retrieval/storage.py` says how the
index lies in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.additions import (
    NO_ORIGINAL,
    TEXTS,
    Drift,
    Texts,
    check_additions,
    make_additions,
    no_additions,
)
from triptych.faq.encoding.encoder import TextEncoder, list_texts
from triptych.faq.encoding.vector_cache import CachedEncoder
from triptych.faq.entries import extend_entries
from triptych.faq.ids import no_names, restore_ids
from triptych.faq.params import RetrievalParams
from triptych.faq.ranking.features import Candidates, featurize_chunks
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.ranking.training import TrainedRanker
from triptych.faq.retrieval.first_stage import ask_duplicates, choose_weights
from triptych.faq.retrieval.growing import add_documents
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.storage import IndexParts, link_folder, load_index, name_part, save_index
from triptych.faq.revision import ABOUT, Revision, read_about

FORMAT_VERSION = 7
# With an encoder: earlier code would pass over it.
ENCODED_FORMAT_VERSION = f"{FORMAT_VERSION}+encoder"
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
        names: Columns `id` (ascending), `name` of ids that are text.
        texts: What it was built of; None where it was saved without.
        additions: What was added after that; see `make_additions`.
        revision: Which state it is.
        folder: Where the entries that it was built with are stored; None while they are nowhere.
    """

    index: FaqIndex
    trained: TrainedRanker
    entries: pd.DataFrame
    candidates: int
    names: pd.DataFrame = field(default_factory=no_names)
    texts: Texts | None = None
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
        names: pd.DataFrame | None = None,
        encoder: TextEncoder | None = None,
    ) -> FaqMatcher:
        """Index every original of `entries` with all of its duplicates in `pairs`.

        Args:
            questions: Columns `question_id`, `title`, `text`, `code`, and `tags` and `answer` where there are any.
            pairs: Columns `question_id`, `original_id`.
            entries: Columns `original_id`, `title`, `answer_id`, `answer`.
            trained: The ranker.
            params: Retrieval limits.
            names: Columns `id`, `name` of ids that are text.
            encoder: The one that the ranker was trained with; None if it was trained without.
        """
        originals = entries["original_id"]
        own = pd.DataFrame({"original_id": originals, "question_id": originals})
        members = pd.concat([own, pairs[["original_id", "question_id"]]], ignore_index=True)
        index = FaqIndex.build(questions, members, params, encoder=encoder)
        asked = pairs[~pairs["question_id"].isin(encoder.learned_from)] if encoder else pairs
        index.weights = choose_weights(index, ask_duplicates(index, questions, asked))
        names = no_names() if names is None else names
        return cls(index, trained, entries, params.candidates, names, Texts(questions, members))

    def add(
        self,
        questions: pd.DataFrame,
        pairs: pd.DataFrame,
        answers: pd.DataFrame,
        names: pd.DataFrame | None = None,
    ) -> FaqMatcher:
        """Give a matcher that knows further questions too; this one stays as it is.

        Nothing is learned from them: vocabulary, weights and ranker stay. `Drift.measure` says when to rebuild.

        Args:
            questions: Columns `question_id`, `title`, `text`, `code`, and `tags` where there are any (all clean).
            pairs: Columns `question_id`, `original_id` of those that are duplicates, of originals in the FAQ or among
                `questions`; the others are new originals.
            answers: Columns `question_id`, `answer_id` (-1: none), `html`, `text` of new originals.
            names: Columns `id`, `name` of all ids that are text, those that the FAQ has too; None leaves them.

        Raises:
            ValueError: If the FAQ has one of them already, or a pair or an answer belongs to nothing.
        """
        if questions.empty:
            return self
        added = make_additions(questions, pairs, answers)
        check_additions(self.index, added, pairs, answers)
        index = add_documents(self.index, added, added[["original_id", "question_id"]])
        return replace(
            self,
            index=index,
            entries=extend_entries(self.entries, added, index.entries),
            names=self.names if names is None else names,
            additions=pd.concat([self.additions, added], ignore_index=True),
            revision=self.revision.follow(),
        )

    def rebuild(self, params: RetrievalParams) -> FaqMatcher:
        """Build it anew of all its texts: of those it was built of, and of what was added; the ranker stays.

        Raises:
            ValueError: If it was saved without texts, as a registered model is.
        """
        if self.texts is None:
            raise ValueError("this matcher was saved without its texts: rebuild the one that `faq` or `faq_add` wrote")
        built_of = self.texts.read()
        # A background question may have been added since, as a duplicate or an original.
        built_of = built_of[~built_of["question_id"].isin(self.additions["question_id"])]
        texts = pd.concat([built_of, self.additions[["question_id", "original_id", *TEXTS]]])
        pairs = texts.loc[~texts["original_id"].isin([NO_ORIGINAL]), ["question_id", "original_id"]]
        pairs = pairs[pairs["question_id"] != pairs["original_id"]]
        entries = self.entries.sort_values("original_id", ignore_index=True)
        texts, encoder = texts.reset_index(drop=True), self._recall_vectors(texts)
        built = FaqMatcher.build(texts, pairs, entries, self.trained, params, self.names, encoder)
        return replace(built, revision=self.revision.follow())

    def _recall_vectors(self, texts: pd.DataFrame) -> CachedEncoder | None:
        """Give the encoder, with the vectors of all documents: none is encoded twice."""
        if self.index.encoder is None:
            return None
        encoder = CachedEncoder(self.index.encoder)
        rows = texts.set_index("question_id").loc[self.index.documents]
        vectors = self.index.gather_vectors()
        encoder.add(list_texts(rows), np.concatenate([vectors[:, 0], vectors[:, 1]]))
        return encoder

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
        for column in ("original_id", "answer_id"):
            table[column] = restore_ids(table[column].to_numpy(), self.names)
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

    def save(self, folder: Path, *, with_texts: bool = True) -> None:
        """Write the matcher into an empty folder; texts are for adding and rebuilding, not for answering."""
        (folder / "ranker.json").write_text(json.dumps(self.trained.to_dict()), encoding="utf-8")
        entries = name_part("entries", self.folder)
        if not link_folder(self.folder, folder / entries):
            # Each entry that it was built with has a run in the first segment.
            built = np.searchsorted(self.index.starts, len(self.index.segments[0]))
            self.entries[:built].to_parquet(folder / entries / "entries.parquet")
        self.names.to_parquet(folder / "names.parquet")
        self.additions.to_parquet(folder / "additions.parquet")
        about = self.revision.to_about() | {
            "format": ENCODED_FORMAT_VERSION if self.index.encoder else FORMAT_VERSION,
            "candidates": self.candidates,
            "retrieval_weights": asdict(self.index.weights),
            "index": asdict(save_index(self.index, folder)),
            "entries": entries,
            "texts": self.texts.save(folder) if self.texts and with_texts else None,
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FaqMatcher:
        """Read what `save` wrote; the large arrays stay in their files, and are mapped.

        Raises:
            ValueError: If the folder holds no matcher, or one of another format.
        """
        if not (folder / ABOUT).is_file():
            raise ValueError(f"{folder} holds no matcher (no about.json): run `kedro run --pipelines faq` first")
        about = read_about(folder)
        if about["format"] not in (FORMAT_VERSION, ENCODED_FORMAT_VERSION):
            raise ValueError(
                f"{folder} has format {about['format']}, this code reads {FORMAT_VERSION}: train anew with "
                "`kedro run --pipelines faq`"
            )
        index = load_index(folder, IndexParts(**about["index"]), StageWeights(**about["retrieval_weights"]))
        trained = TrainedRanker.from_dict(json.loads((folder / "ranker.json").read_text(encoding="utf-8")))
        additions = pd.read_parquet(folder / "additions.parquet")
        entries = extend_entries(
            pd.read_parquet(folder / about["entries"] / "entries.parquet"), additions, index.entries
        )
        return cls(
            index,
            trained,
            entries,
            about["candidates"],
            pd.read_parquet(folder / "names.parquet"),
            Texts(folder=folder / about["texts"]) if about["texts"] else None,
            additions,
            Revision.from_about(about),
            folder / about["entries"],
        )

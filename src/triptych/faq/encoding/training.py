"""Train an encoder on the FAQ's own questions: duplicates with their originals, and titles with their texts.

What the ranker learns from must look like what it will be asked. An encoder has pulled the texts together that it was
trained on, so that their cosines are too good to learn from. So the training originals are divided: the duplicates of
some train the encoder, those of the others the ranker. Of these, and of all test duplicates, the encoder sees nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from triptych.faq.encoding.contrastive import TextPairs, learn_vectors
from triptych.faq.encoding.encoder import list_texts
from triptych.faq.encoding.word_encoder import WordCounter, WordEncoder
from triptych.faq.params import EncoderTrainingParams

# Held-out duplicates that tell when to stop; of fewer, the held-out titles do.
_FEWEST_JUDGED = 50


@dataclass(frozen=True)
class TeachingPlan:
    """What an encoder may learn from in a fold.

    Attributes:
        pairs: Columns `question_id`, `original_id`, `group` of the duplicates that teach.
        questions: All questions whose texts may be read, by `question_id`.
    """

    pairs: pd.DataFrame
    questions: pd.DataFrame

    def count(self) -> int:
        """Count the pairs of texts: duplicates with originals, and titles with texts."""
        return len(self.pairs) + len(self.questions)


def plan_teaching(
    questions: pd.DataFrame, roles: pd.DataFrame, params: EncoderTrainingParams, before: pd.Timestamp | None
) -> TeachingPlan:
    """Choose what the encoder of a fold may learn from.

    Args:
        questions: Columns `question_id`, `title`, `text`; with `before`, `created` too.
        roles: Columns `question_id`, `original_id`, `role`, `group` of the fold.
        params: How the originals are divided.
        before: Nothing is read of what was created at this time or later; None reads all.
    """
    trained = roles[roles["role"] == "train"]
    groups = np.random.default_rng(params.seed).permutation(np.unique(trained["group"]))
    teaching = groups[: len(groups) - round(params.ranker_share * len(groups))]
    pairs = trained.loc[trained["group"].isin(teaching), ["question_id", "original_id", "group"]]
    hidden = np.setdiff1d(roles["question_id"], pairs["question_id"])
    read = questions[~questions["question_id"].isin(hidden)]
    if before is not None:
        read = read[read["created"] < before]
    read = read.set_index("question_id")
    pairs = pairs[pairs["question_id"].isin(read.index) & pairs["original_id"].isin(read.index)]
    return TeachingPlan(pairs.reset_index(drop=True), read)


def train_encoder(plan: TeachingPlan, params: EncoderTrainingParams) -> tuple[WordEncoder, dict[str, Any]]:
    """Train the encoder of a fold.

    Returns:
        The encoder, and a report: `pairs`, `words`, and what `learn_vectors` reports.
    """
    pairs, counter, duplicates = _count_pairs(plan, params)
    is_held_out = _hold_out(pairs.group, params.seed)
    judged = is_held_out & (np.arange(len(is_held_out)) < duplicates)
    if judged.sum() < _FEWEST_JUDGED:
        judged = is_held_out
    learned = learn_vectors(pairs.take(np.flatnonzero(~is_held_out)), pairs.take(np.flatnonzero(judged)), params)
    encoder = WordEncoder(counter, learned.vectors, frozenset(plan.pairs["question_id"].tolist()))
    report = {"duplicates": duplicates, "pairs": len(pairs.group), "words": len(counter.words)}
    return encoder, report | learned.report


def _count_pairs(plan: TeachingPlan, params: EncoderTrainingParams) -> tuple[TextPairs, WordCounter, int]:
    """Weigh the words of all pairs, duplicates first; give the words and the number of duplicates, too."""
    texts = list_texts(plan.questions)
    titles, wholes = texts[: len(plan.questions)], texts[len(plan.questions) :]
    counter = WordCounter.learn(wholes, params.max_words)
    whole, title, prose = (counter.count(part) for part in (wholes, titles, plan.questions["text"].tolist()))
    asked, original = (
        plan.questions.index.get_indexer(pd.Index(plan.pairs[name])) for name in ("question_id", "original_id")
    )
    told = np.flatnonzero((np.diff(title.indptr) > 0) & (np.diff(prose.indptr) > 0))
    entry = plan.questions.index.to_numpy(np.int64, copy=True)
    entry[asked] = entry[original]
    left, right = vstack([whole[asked], title[told]]), vstack([whole[original], prose[told]])
    group = np.concatenate([entry[asked], entry[told]])
    return TextPairs(csr_array(left), csr_array(right), group), counter, len(asked)


def _hold_out(group: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Mark the pairs of a tenth of the groups."""
    groups = np.random.default_rng(seed).permutation(np.unique(group))
    return np.isin(group, groups[: max(len(groups) // 10, 1)])

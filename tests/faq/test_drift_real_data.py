"""Questions of the same site are no drift, those of another are: on real dumps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from triptych.datasets.parquet_batches import ParquetBatchesDataset
from triptych.datasets.question_source import StackExchangeDataset
from triptych.drift.comparison import compare_samples
from triptych.drift.params import DriftParams
from triptych.faq.asked import measure_questions, measure_reference
from triptych.faq.dump.posts import PostSelection
from triptych.faq.entries import make_entries
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.links import filter_pairs
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import FilterParams, ProbabilityParams, RankerParams, RetrievalParams, SplitParams
from triptych.faq.ranking.features import featurize_fold
from triptych.faq.ranking.training import train_fold
from triptych.faq.text.questions import read_questions

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


def read_site(folder: Path, scratch: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    source = StackExchangeDataset(filepath=folder).load()
    posts = ParquetBatchesDataset(filepath=scratch / f"{folder.name}.parquet")
    posts.save(source.read_posts(PostSelection(workers=1)))
    questions = read_questions(posts.load())
    return questions, filter_pairs(questions, source.read_links(), FilterParams())[0]


def test_a_second_sample_of_a_site_is_no_drift_and_another_site_is(shared_data: Path, tmp_path: Path) -> None:
    questions, pairs = read_site(shared_data / "faq" / "askubuntu_pairs", tmp_path)
    asked = questions[~questions["question_id"].isin(pairs["original_id"])].sample(300, random_state=0)
    questions = questions[~questions["question_id"].isin(asked["question_id"])]
    pairs = pairs[~pairs["question_id"].isin(asked["question_id"])].reset_index(drop=True)
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    retrieval = RetrievalParams(workers=1)
    features = featurize_fold(questions, roles, retrieval)
    trained, _ = train_fold(features, RankerParams(threads=1), ProbabilityParams())
    nothing = pd.DataFrame({"question_id": np.empty(0, int), "answer_id": [], "html": []})
    matcher = FaqMatcher.build(questions, pairs, make_entries(questions, pairs, nothing), trained, retrieval)
    reference = measure_reference(matcher, questions, roles, seed=0)

    def compare(new: pd.DataFrame) -> pd.DataFrame:
        measured = measure_questions(matcher, new, matcher.match(new, 1))
        return compare_samples(reference, measured, DriftParams())

    second = compare(asked)
    assert len(reference) > 200
    assert not second["is_drift"].any(), second
    assert (second["psi"] < 0.25).all(), second
    other, _ = read_site(shared_data / "faq" / "quantum_dump", tmp_path)
    drifted = compare(other.head(100))
    assert {"unknown_words", "probability"} <= set(drifted.loc[drifted["is_drift"], "measure"]), drifted
    print(second, drifted)

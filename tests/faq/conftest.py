"""The bundled sample, cleaned, and a small matcher."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from tests.faq.corpora import topical_corpus
from triptych.datasets.parquet_batches import ParquetBatchesDataset
from triptych.datasets.question_source import StackExchangeDataset
from triptych.faq.dump.posts import PostSelection
from triptych.faq.entries import make_entries
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.links import filter_pairs
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import FilterParams, ProbabilityParams, RankerParams, RetrievalParams, SplitParams
from triptych.faq.ranking.features import featurize_fold
from triptych.faq.ranking.training import train_fold
from triptych.faq.text.questions import read_answers, read_questions

SAMPLE = Path(__file__).parents[2] / "data" / "01_raw" / "faq"


class Sample(NamedTuple):
    """The bundled sample as the tables of the workload."""

    raw: pd.DataFrame
    questions: pd.DataFrame
    pairs: pd.DataFrame
    answers: pd.DataFrame


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    source = StackExchangeDataset(filepath=SAMPLE).load()
    posts = ParquetBatchesDataset(filepath=tmp_path_factory.mktemp("sample") / "posts.parquet")
    posts.save(source.read_posts(PostSelection(workers=1)))
    file = posts.load()
    questions = read_questions(file)
    pairs, _ = filter_pairs(questions, source.read_links(), FilterParams())
    return Sample(file.to_pandas(), questions, pairs, read_answers(file, questions))


@pytest.fixture(scope="session")
def features() -> pd.DataFrame:
    """Candidates of a made-up corpus with their features, in all roles."""
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    return featurize_fold(questions, roles, RetrievalParams(workers=1))


@pytest.fixture(scope="session")
def matcher(features: pd.DataFrame) -> FaqMatcher:
    """Return a matcher of the same corpus; every third original has an answer."""
    questions, pairs = topical_corpus()
    answered = sorted(set(pairs["original_id"]))[::3]
    answers = pd.DataFrame({"question_id": answered, "answer_id": [5000 + i for i in answered]})
    answers["html"] = [f"<p>Answer to {i}</p>" for i in answered]
    entries = make_entries(questions, pairs, answers)
    ranker = RankerParams(rounds=10, min_child_samples=5, threads=1)
    trained, _ = train_fold(features, ranker, ProbabilityParams())
    return FaqMatcher.build(questions, pairs, entries, trained, RetrievalParams(workers=1))

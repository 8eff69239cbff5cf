"""What is written and read some questions at a time is the same as one table in memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.faq.corpora import topical_corpus
from triptych.datasets import FeaturesDataset
from triptych.faq.dump import parquet_batches
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import RetrievalParams, SplitParams
from triptych.faq.ranking import features as features_module
from triptych.faq.ranking.feature_file import (
    SCHEMA,
    FeatureFile,
    FeatureStream,
    fingerprint_features,
    iter_questions,
    list_folds,
    read_rows,
)
from triptych.faq.ranking.features import featurize_fold, iter_fold
from triptych.faq.ranking.plans import LEARNED, TESTED
from triptych.faq.schemas import FEATURE_ROWS, FeatureRows
from triptych.registry.provenance import fingerprint_tables


@pytest.fixture(scope="module")
def table(features: pd.DataFrame) -> pd.DataFrame:
    """Two folds of candidates."""
    folds = [features.assign(fold=0), features[features["query"] % 3 > 0].assign(fold=1)]
    return pd.concat(folds, ignore_index=True).reindex(columns=SCHEMA.names)


@pytest.fixture(scope="module")
def file(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> FeatureFile:
    """Give the same in a file of many small row groups, which end within questions."""
    dataset = FeaturesDataset(filepath=tmp_path_factory.mktemp("features") / "features.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_batches, "_GROUP_ROWS", 47)
        dataset.save(FeatureStream([table.iloc[i : i + 100] for i in range(0, len(table), 100)], FEATURE_ROWS.validate))
    return dataset.load()


@pytest.mark.parametrize("fold", [None, 0, 1])
@pytest.mark.parametrize("roles", [LEARNED, TESTED, ["absent"], ["nothing"]])
@pytest.mark.parametrize("columns", [None, ["query", "label"]])
def test_rows_are_those_of_the_table(
    file: FeatureFile, table: pd.DataFrame, fold: int | None, roles: list[str], columns: list[str] | None
) -> None:
    expected = table[table["role"].isin(roles) & ((fold is None) | (table["fold"] == fold))]
    expected = expected[columns or SCHEMA.names].reset_index(drop=True)
    for source in (file, table):
        pd.testing.assert_frame_equal(read_rows(source, fold, roles, columns), expected)


def test_questions_come_whole_and_in_order(file: FeatureFile, table: pd.DataFrame) -> None:
    for fold in (0, 1):
        chunks = list(iter_questions(file, fold, [*TESTED, "absent_test"]))
        assert len(chunks) > 3
        queries = [set(chunk["query"]) for chunk in chunks]
        assert sum(map(len, queries)) == len(set.union(*queries))
        joined = pd.concat(chunks, ignore_index=True)
        pd.testing.assert_frame_equal(joined, read_rows(table, fold, [*TESTED, "absent_test"]))
    assert list(iter_questions(file, 0, ["nothing"])) == []
    columns = pd.concat(iter_questions(file, 1, TESTED, ["label"]))
    assert columns["label"].tolist() == read_rows(table, 1, TESTED)["label"].tolist()


def test_only_wanted_columns_and_row_groups_are_read(file: FeatureFile, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    whole = pq.ParquetFile.read_row_group

    def count(self: object, number: int, columns: list[str]) -> object:
        asked.append(tuple(columns))
        return whole(self, number, columns)

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read_row_group", count)
    read_rows(file, 0, ["test_unseen"], ["query", "question_id", "candidate_id", "label"])
    assert set(asked) == {("fold", "role"), ("query", "question_id", "candidate_id", "label")}
    assert 0 < asked.count(("query", "question_id", "candidate_id", "label")) < asked.count(("fold", "role")) / 3


def test_the_report_and_the_fingerprint_are_those_of_the_table(file: FeatureFile, table: pd.DataFrame) -> None:
    assert (file.metadata["rows"], list_folds(file), list_folds(table)) == (len(table), [0, 1], [0, 1])
    assert fingerprint_features(file) == fingerprint_features(table) == fingerprint_tables([table])
    other = pd.DataFrame({"a": [1]})
    assert fingerprint_features(file, other) == fingerprint_features(table, other) != fingerprint_features(file)


def test_a_fold_in_parts_is_the_same_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    questions, pairs = topical_corpus(originals=6)
    roles = split_pairs(questions, pairs, SplitParams(tune_share=0.3), 1)
    whole = featurize_fold(questions, roles, RetrievalParams(workers=1))
    monkeypatch.setattr(features_module, "_CHUNK_QUERIES", 7)
    parts = list(iter_fold(questions, roles, RetrievalParams(workers=1)))
    assert len(parts) > 3
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


def test_a_wrong_value_stops_the_saving_and_leaves_nothing(table: pd.DataFrame, tmp_path: Path) -> None:
    dataset = FeaturesDataset(filepath=tmp_path / "features.parquet")
    wrong = table.assign(label=table["label"].where(table.index != 5, 7).astype("int8"))
    with pytest.raises(Exception, match="label"):
        dataset.save(FeatureStream([table, wrong], FEATURE_ROWS.validate))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_other_features_is_refused(file: FeatureFile, tmp_path: Path) -> None:
    assert FeatureRows.validate(file) is file
    read_rows(file, 0, LEARNED).drop(columns="original.all.score").to_parquet(tmp_path / "old.parquet")
    with pytest.raises(ValueError, match=r"other columns .*original\.all\.score.*featurize them anew"):
        FeatureRows.validate(FeatureFile(tmp_path / "old.parquet"))

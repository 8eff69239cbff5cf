"""The matcher as an MLflow model: what it holds, takes, gives and refuses."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from packaging.requirements import Requirement

from tests.faq.corpora import topical_corpus
from tests.faq.encoders import write_onnx_encoder
from tests.serving.conftest import EXAMPLE, REFERENCE
from triptych.drift.versions import MODEL
from triptych.faq.asked import MEASURES, number_matcher
from triptych.faq.encoding.model_folder import FolderEncoder
from triptych.faq.entries import make_entries
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import EncoderParams, ProbabilityParams, RankerParams, RetrievalParams, SplitParams
from triptych.faq.ranking.features import featurize_fold
from triptych.faq.ranking.training import train_fold
from triptych.serving.faq_export import save_faq_model
from triptych.serving.source_copy import UNPINNED

COLUMNS = ["question_id", "rank", "original_id", "score", "probability", "verdict", "title", "answer_id", "answer"]


@pytest.fixture
def model(model_folder: Path, restored: None) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(model_folder))


def test_it_holds_plain_files_its_source_and_what_it_needs(model_folder: Path) -> None:
    found = [path for path in model_folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_size for path in found)  # an empty upload is refused by some servers
    files = {path.relative_to(model_folder).as_posix() for path in found}
    assert {"MLmodel", "artifacts/matcher/ranker.json", "code/triptych/faq/matcher.py"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".pyc"))]
    requirements = [Requirement(line) for line in (model_folder / "requirements.txt").read_text().splitlines()]
    assert {"lightgbm", "mlflow", "selectolax"} <= {requirement.name for requirement in requirements}
    unpinned = {Requirement(line) for line in UNPINNED}
    assert unpinned <= set(requirements)
    for requirement in requirements:
        if requirement not in unpinned:
            assert str(requirement.specifier) == f"=={version(requirement.name)}"
    example = json.loads((model_folder / "serving_input_example.json").read_text())
    assert example["dataframe_split"]["data"] == EXAMPLE.to_numpy().tolist()


def test_what_is_asked_is_measured_with_the_number_that_its_reference_has(model: Any, matcher: FaqMatcher) -> None:
    (row,) = model.unwrap_python_model().measure(EXAMPLE, model.predict(EXAMPLE), None)
    assert list(row) == [*MEASURES, MODEL]
    assert row[MODEL] == number_matcher(matcher)


def test_it_matches_as_the_matcher_does(model: Any, matcher: FaqMatcher) -> None:
    matches = model.predict(EXAMPLE, params={"top_k": 2})
    assert list(matches.columns) == COLUMNS
    clean = pd.DataFrame({"question_id": [1], "title": ["topic3x topic3y"], "text": ["array loop"], "code": ["loop"]})
    pd.testing.assert_frame_equal(matches, matcher.match(clean, 2))
    assert matches["original_id"].iloc[0] == 1030


def test_one_text_is_enough_and_ids_are_kept(model: Any) -> None:
    titles = pd.DataFrame({"question_id": [41, 7], "title": ["topic3x topic3y", "topic8z topic8x"]})
    matches = model.predict(titles)
    assert matches["question_id"].tolist() == [41] * 3 + [7] * 3
    assert matches["original_id"].tolist()[::3] == [1030, 1080]
    bodies = model.predict(pd.DataFrame({"body": [None, "topic8z topic8x"]}), params={"top_k": 1})
    assert bodies[["question_id", "original_id"]].to_numpy().tolist() == [[2, 1080]]  # the first one has no text


def test_a_parameter_that_is_null_was_not_given(model: Any) -> None:
    given = model.predict(EXAMPLE, params={"top_k": None, "text_format": None})
    pd.testing.assert_frame_equal(given, model.predict(EXAMPLE))


def test_another_text_format_is_refused(model: Any) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match="text_format must be one of auto, html, plain, got markdown"):
        model.predict(EXAMPLE, params={"text_format": "markdown"})


def test_ids_of_ticket_systems_are_kept(model: Any) -> None:
    matches = model.predict(pd.DataFrame({"question_id": ["INC-1", "7"], "title": ["topic3x topic3y", "topic8z"]}))
    assert matches["question_id"].tolist() == ["INC-1"] * 3 + ["7"] * 3


def test_plain_text_is_not_read_as_html(model: Any) -> None:
    asked = pd.DataFrame({"body": ["if (a<b && c>d) topic3x topic3y", "why <b topic8z topic8x </b>"]})
    assert model.predict(asked, params={"top_k": 1})["original_id"].tolist() == [1030, 1080]
    lost = model.predict(asked.tail(1), params={"text_format": "html", "top_k": 1})
    assert lost["original_id"].tolist() == [1000]  # all ties: the tag took the words with it


def test_its_signature_describes_what_it_gives(model: Any) -> None:
    outputs = model.metadata.signature.outputs
    assert outputs.input_names() == COLUMNS
    assert str(outputs.inputs[0].type) == "Any"  # whatever was asked with
    mlflow_types = {"long": "int64", "double": "float64", "string": "object"}
    wanted = [mlflow_types[kind.name] for kind in outputs.input_types()[1:]]
    assert [str(kind) for kind in model.predict(EXAMPLE).dtypes[1:]] == wanted


@pytest.mark.parametrize(
    ("question", "top_k", "message"),
    [
        ({"title": ["x"]}, 0, r"top_k must be in \[1, 1000\], got 0"),
        ({"title": ["x"]}, 1001, r"top_k must be in \[1, 1000\], got 1001"),
        ({"question_id": [1]}, 3, "title or body is needed"),
        ({"question_id": [1, 1], "title": ["x", "y"]}, 3, "question_id 1 occurs twice"),
        (
            {"title": ["x"] * 5000},
            1,
            "5000 questions, more than 200 a request: ask in parts, or use the batch endpoint",
        ),
        ({"title": ["x"] * 11}, 1000, "ask for 11000 rows, more than 10000 a request"),
        ({"title": ["x" * 1_500_000], "body": ["y" * 500_001]}, 1, "have 2000001 characters, more than 2000000"),
    ],
)
def test_wrong_input_is_refused(model: Any, question: dict[str, Any], top_k: int, message: str) -> None:
    from mlflow import MlflowException

    with pytest.raises(MlflowException, match=message):
        model.predict(pd.DataFrame(question), params={"top_k": top_k})


def test_a_batch_of_files_has_no_limits(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_UNLIMITED", "1")
    assert len(model.predict(pd.DataFrame({"title": ["topic3x"] * 201}), params={"top_k": 1})) == 201


def test_an_encoder_goes_along(tmp_path: Path, restored: None) -> None:
    import mlflow

    write_onnx_encoder(tmp_path / "encoder", [f"topic{number}{letter}" for number in range(8) for letter in "xyz"])
    encoder = FolderEncoder(tmp_path / "encoder", EncoderParams())
    questions, pairs = topical_corpus(originals=8)
    rows = featurize_fold(
        questions, split_pairs(questions, pairs, SplitParams(), 1), RetrievalParams(workers=1), None, encoder
    )
    trained, _ = train_fold(rows, RankerParams(rounds=5, min_child_samples=5, threads=1), ProbabilityParams())
    answers = pd.DataFrame({"question_id": pd.Series(dtype="int64"), "answer_id": [], "html": []})
    entries = make_entries(questions, pairs, answers)
    encoded = FaqMatcher.build(questions, pairs, entries, trained, RetrievalParams(workers=1), None, encoder)
    save_faq_model(encoded, EXAMPLE, tmp_path / "model", REFERENCE)
    shutil.rmtree(tmp_path / "encoder")
    needed = (tmp_path / "model" / "requirements.txt").read_text().splitlines()
    assert {f"{name}=={version(name)}" for name in ("onnxruntime", "tokenizers")} <= set(needed)
    found = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(EXAMPLE, params={"top_k": 2})
    clean = pd.DataFrame({"question_id": [1], "title": ["topic3x topic3y"], "text": ["array loop"], "code": ["loop"]})
    pd.testing.assert_frame_equal(found, encoded.match(clean, 2))

"""The encoders of the folds go through a folder with the vectors of the questions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.faq.corpora import make_questions
from tests.faq.encoders import write_onnx_encoder
from triptych.datasets import FoldEncodersDataset
from triptych.errors import InputError
from triptych.faq.encoding.encoder import encode_questions
from triptych.faq.encoding.fold_encoders import make_fold_encoders
from triptych.faq.encoding.model_folder import FolderEncoder
from triptych.faq.params import EncoderParams, EncoderTrainingParams

ROLES = pd.DataFrame({"fold": [0], "question_id": [2], "original_id": [1], "role": ["train"], "group": [0]})
OFF = EncoderTrainingParams()
QUESTIONS = make_questions({1: "array promise closure query array", 2: "promise", 3: "query query query unheard"})


def test_without_a_folder_there_is_no_encoder(tmp_path: Path) -> None:
    dataset = FoldEncodersDataset(filepath=tmp_path / "encoders")
    dataset.save(make_fold_encoders(QUESTIONS, ROLES, EncoderParams(), OFF))
    assert dataset.load().of_fold(0) is None
    with pytest.raises(InputError, match="nowhere is no folder"):
        make_fold_encoders(QUESTIONS, ROLES, EncoderParams(folder="nowhere"), OFF)


def test_a_loaded_encoder_knows_the_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_onnx_encoder(tmp_path / "given", ["array", "promise", "closure"])
    params = EncoderParams(folder=str(tmp_path / "given"), cache_folder=None)
    made = make_fold_encoders(QUESTIONS, ROLES, params, OFF)
    dataset = FoldEncodersDataset(filepath=tmp_path / "encoders")
    dataset.save(made)
    loaded = dataset.load().of_fold(3)
    assert loaded is not None
    expected = encode_questions(FolderEncoder(tmp_path / "given", params), QUESTIONS)
    monkeypatch.setattr(FolderEncoder, "encode", None)
    found = encode_questions(loaded, QUESTIONS)
    assert found.tolist() == expected.tolist()
    assert found.shape == (3, 2, 8)
    assert expected[1, 0].tolist() != expected[0, 0].tolist()
    assert loaded.digest == FolderEncoder(tmp_path / "given", params).digest

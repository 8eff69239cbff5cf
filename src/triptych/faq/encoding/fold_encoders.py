"""The encoder of each fold, with the vectors of the questions that are known, in a folder."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from triptych.errors import InputError
from triptych.faq.encoding.encoder import TextEncoder, list_texts
from triptych.faq.encoding.model_folder import FolderEncoder
from triptych.faq.encoding.storage import load_encoder
from triptych.faq.encoding.training import plan_teaching, train_encoder
from triptych.faq.encoding.vector_cache import CachedEncoder, encode_all
from triptych.faq.params import EncoderParams, EncoderTrainingParams
from triptych.storage.blob_storage import is_remote
from triptych.storage.mirrors import mount, pull

logger = logging.getLogger(__name__)
_ABOUT = "encoders.json"


@dataclass(frozen=True)
class FoldEncoders:
    """Encoders by fold: none, one for all folds, or each fold's own.

    Attributes:
        encoders: In the order of the folds.
        report: What there is to tell of the training, by fold.
    """

    encoders: tuple[TextEncoder, ...] = ()
    report: tuple[dict[str, Any], ...] = ()

    def of_fold(self, fold: int) -> TextEncoder | None:
        """Give the encoder of a fold; None where none is used."""
        return self.encoders[min(fold, len(self.encoders) - 1)] if self.encoders else None

    def save(self, folder: Path) -> None:
        """Write them into an empty folder."""
        for number, encoder in enumerate(self.encoders):
            own = folder / f"encoder_{number}"
            own.mkdir()
            encoder.save(own)
            if isinstance(encoder, CachedEncoder):
                keys, vectors = encoder.list_known()
                np.save(folder / f"keys_{number}.npy", keys)
                np.save(folder / f"vectors_{number}.npy", vectors)
        (folder / _ABOUT).write_text(
            json.dumps({"encoders": len(self.encoders), "report": self.report}), encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> FoldEncoders:
        """Read what `save` wrote; vectors are mapped."""
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return cls(tuple(_load_one(folder, number) for number in range(about["encoders"])), tuple(about["report"]))


def make_fold_encoders(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    params: EncoderParams,
    training: EncoderTrainingParams,
    before: pd.Timestamp | None = None,
) -> FoldEncoders:
    """Open the encoder that is asked for and encode all questions, or train one for each fold.

    Args:
        questions: Columns `question_id`, `title`, `text`; with `before`, `created` too.
        roles: Columns `fold`, `question_id`, `original_id`, `role`, `group`.
        params: Which encoder.
        training: Whether and how to train one.
        before: Nothing is learned of what was created at this time or later; None learns of all.

    Raises:
        InputError: If the folder is no encoder, or both are asked for.
    """
    if params.folder is not None and training.enabled:
        raise InputError("faq.encoder.folder names an encoder and faq.encoder_training.enabled trains one: choose one")
    if params.folder is not None:
        encoder = FolderEncoder(_bring(params.folder), params)
        return FoldEncoders((encode_all(encoder, list_texts(questions), params.cache_folder),))
    return _train_all(questions, roles, training, before) if training.enabled else FoldEncoders()


def _train_all(
    questions: pd.DataFrame, roles: pd.DataFrame, params: EncoderTrainingParams, before: pd.Timestamp | None
) -> FoldEncoders:
    folds = [roles[roles["fold"] == fold] for fold in sorted(set(roles["fold"].tolist()))]
    plans = [plan_teaching(questions, own, params, before) for own in folds]
    # All folds or none: their candidates stand in one table.
    fewest = min(plan.count() for plan in plans)
    if fewest < params.min_pairs:
        logger.warning(
            "no encoder is trained: there are %d pairs of texts, and faq.encoder_training.min_pairs is %d",
            fewest,
            params.min_pairs,
        )
        return FoldEncoders()
    encoders, reports = zip(*(train_encoder(plan, params) for plan in plans), strict=True)
    return FoldEncoders(encoders, reports)


def _bring(folder: str) -> Path:
    """Give the local folder of an address, with its files."""
    if not is_remote(folder):
        return Path(folder)
    local = mount(folder)
    pull(local)
    return local


def _load_one(folder: Path, number: int) -> TextEncoder:
    encoder, keys = load_encoder(folder / f"encoder_{number}"), folder / f"keys_{number}.npy"
    if not keys.is_file():
        return encoder
    return CachedEncoder(encoder, np.load(keys), np.load(folder / f"vectors_{number}.npy", mmap_mode="r"))

"""The encoder of each fold, with the vectors of the questions that are known, in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from triptych.faq.encoding.encoder import TextEncoder, list_texts
from triptych.faq.encoding.model_folder import FolderEncoder
from triptych.faq.encoding.storage import load_encoder
from triptych.faq.encoding.vector_cache import CachedEncoder, encode_all
from triptych.faq.params import EncoderParams
from triptych.storage.blob_storage import is_remote
from triptych.storage.mirrors import mount, pull

_ABOUT = "encoders.json"


@dataclass(frozen=True)
class FoldEncoders:
    """Encoders by fold: none, one for all folds, or each fold's own.

    Attributes:
        encoders: In the order of the folds.
    """

    encoders: tuple[CachedEncoder, ...] = ()

    def of_fold(self, fold: int) -> TextEncoder | None:
        """Give the encoder of a fold; None where none is used."""
        return self.encoders[min(fold, len(self.encoders) - 1)] if self.encoders else None

    def save(self, folder: Path) -> None:
        """Write them into an empty folder."""
        for number, encoder in enumerate(self.encoders):
            own = folder / f"encoder_{number}"
            own.mkdir()
            encoder.save(own)
            keys, vectors = encoder.list_known()
            np.save(folder / f"keys_{number}.npy", keys)
            np.save(folder / f"vectors_{number}.npy", vectors)
        (folder / _ABOUT).write_text(json.dumps({"encoders": len(self.encoders)}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FoldEncoders:
        """Read what `save` wrote; vectors are mapped."""
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return cls(tuple(_load_one(folder, number) for number in range(about["encoders"])))


def make_fold_encoders(questions: pd.DataFrame, params: EncoderParams) -> FoldEncoders:
    """Open the encoder that is asked for, and encode all questions.

    Args:
        questions: Columns `title`, `text`.
        params: Which encoder.

    Raises:
        InputError: If the folder is no encoder.
    """
    if params.folder is None:
        return FoldEncoders()
    encoder = FolderEncoder(_bring(params.folder), params)
    return FoldEncoders((encode_all(encoder, list_texts(questions), params.cache_folder),))


def _bring(folder: str) -> Path:
    """Give the local folder of an address, with its files."""
    if not is_remote(folder):
        return Path(folder)
    local = mount(folder)
    pull(local)
    return local


def _load_one(folder: Path, number: int) -> CachedEncoder:
    keys = np.load(folder / f"keys_{number}.npy")
    vectors = np.load(folder / f"vectors_{number}.npy", mmap_mode="r")
    return CachedEncoder(load_encoder(folder / f"encoder_{number}"), keys, vectors)

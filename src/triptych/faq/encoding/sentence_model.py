"""A model that the sentence-transformers library has written, with weights in safetensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from triptych.errors import InputError
from triptych.faq.encoding.model_config import read_modules
from triptych.faq.encoding.onnx_model import INSTALL, read_tokenizer

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from triptych.faq.params import EncoderParams

_OWN = "sentence_transformers."


@dataclass(frozen=True)
class SentenceModel:
    """The library's model, on the GPU where there is one."""

    model: SentenceTransformer

    @classmethod
    def open(cls, folder: Path, params: EncoderParams) -> SentenceModel:
        """Open a folder; nothing is asked of any server, and no code of the folder is run.

        Raises:
            InputError: If it cannot be read, or has parts that are not of the library.
        """
        _check_modules(folder / "modules.json")
        for path in sorted(folder.rglob("tokenizer.json")):
            read_tokenizer(path)  # the library's own error is of no kind that could be told from others
        try:
            from safetensors import SafetensorError
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise InputError(
                f"an encoder in safetensors needs sentence-transformers, which is not installed: {INSTALL}"
            ) from error
        try:
            model = SentenceTransformer(
                str(folder), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise InputError(f"{folder} is no model that sentence-transformers can read: {error}") from error
        limit = model.max_seq_length
        if limit is not None and params.max_tokens < limit < math.inf:  # a table of words has none, and cannot be set
            model.max_seq_length = params.max_tokens
        return cls(model)

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Encode a batch of texts, shape (texts, dimensions), float32."""
        found = self.model.encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float32)


def _check_modules(path: Path) -> None:
    """Refuse parts that the library would import from elsewhere."""
    if foreign := [kind for kind in read_modules(path) if not kind.startswith(_OWN)]:
        raise InputError(f"{path} asks for {foreign}, which is code of the model's own: that is never run here")

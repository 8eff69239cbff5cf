"""An encoder in a folder of the user's: an ONNX network or a sentence-transformers model, read from files alone.

Nothing in the folder is run: networks are read from ONNX and safetensors, tokenizers from JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from triptych.errors import InputError
from triptych.faq.encoding.encoder import TextEncoder, Vectors, normalize
from triptych.faq.encoding.onnx_files import find_onnx, list_weight_files
from triptych.faq.params import EncoderParams
from triptych.storage.local_files import hash_file

KIND = "folder"
ABOUT = "encoder.json"
_MODEL = "model"
_KEPT = {".json", ".txt", ".model", ".safetensors", ".onnx", ".onnx_data", ".data"}
_TOKENIZER = {".json", ".txt", ".model"}
ONNX_NEEDS = ("onnxruntime", "tokenizers")
SENTENCE_NEEDS = ("sentence-transformers", "torch")
_SETTINGS = {"batch_size", "max_tokens", "prefix"}


class EmbeddingModel(Protocol):
    """A network with its tokenizer."""

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Encode a batch of texts that are not empty, shape (texts, dimensions), of any length."""


class FolderEncoder(TextEncoder):
    """An encoder that is read from a folder when it is first needed.

    Args:
        folder: With `model.onnx` or `onnx/model.onnx` and `tokenizer.json`, or with `modules.json` and safetensors.
        params: Settings.
        digest: Of an earlier reading; None reads all of it.
        dimensions: The same; 0 encodes something to see.

    Raises:
        InputError: If the folder is no encoder; says what is missing.
    """

    def __init__(self, folder: Path, params: EncoderParams, digest: str | None = None, dimensions: int = 0) -> None:
        self._folder, self._params = folder, params
        self._files = list_model_files(folder)
        self._model: EmbeddingModel | None = None
        self.distributions = ONNX_NEEDS if find_onnx(folder) else SENTENCE_NEEDS
        self.digest = digest or _hash_files(folder, self._files, params)
        self.dimensions = dimensions or self._embed(["a"]).shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts, each once, the longest first so that memory runs out at the start or never."""
        distinct = list(dict.fromkeys(text for text in texts if text.strip()))
        distinct.sort(key=len, reverse=True)
        found = np.zeros((len(distinct) + 1, self.dimensions), dtype=np.float16)
        batches = range(0, len(distinct), self._params.batch_size)
        few = len(distinct) < 1000
        for start in tqdm(batches, desc="encoding texts", unit="batch", disable=True if few else None):
            batch = distinct[start : start + self._params.batch_size]
            found[start : start + len(batch)] = normalize(self._embed(batch))
        place = {text: number for number, text in enumerate(distinct)}
        return found[[place.get(text, len(distinct)) for text in texts]]

    def save(self, folder: Path) -> None:
        """Copy the files that are read, and nothing else.

        Raises:
            InputError: If they are gone, or others than those that were read.
        """
        self._check_there()
        for path in self._files:
            copy = folder / _MODEL / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / path, copy)
        # Encoding takes hours, and all vectors are of what was read first.
        if _hash_files(folder / _MODEL, self._files, self._params) != self.digest:
            raise InputError(f"the files in {self._folder} were changed while they were in use: start the run anew")
        settings = self._params.model_dump(include=_SETTINGS)
        about = {"kind": KIND, "digest": self.digest, "dimensions": self.dimensions, "settings": settings}
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, about: dict[str, Any]) -> FolderEncoder:
        """Read what `save` wrote."""
        encoder = cls(folder / _MODEL, EncoderParams.read(about["settings"]), about["digest"], about["dimensions"])
        encoder.folder = folder
        return encoder

    def _open(self) -> EmbeddingModel:
        if self._model is None:
            self._check_there()
            self._model = open_model(self._folder, self._params)
        return self._model

    def _check_there(self) -> None:
        if not self._folder.is_dir():
            raise InputError(f"{self._folder} is gone: what it belongs to was replaced since it was read. Read it anew")

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        # Half of a surrogate pair, as a cut text may have, is none that a tokenizer takes.
        whole = [(self._params.prefix + text).encode("utf-8", "replace").decode("utf-8") for text in texts]
        vectors = self._open().embed(whole)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():
            raise InputError(
                f"the encoder in {self._folder} gives no vector of finite numbers for a text (shape {vectors.shape}): "
                "export it anew, in float32"
            )
        return vectors

    def __getstate__(self) -> dict[str, Any]:
        """Leave the opened network behind: another process opens its own."""
        return self.__dict__ | {"_model": None}


def open_model(folder: Path, params: EncoderParams) -> EmbeddingModel:
    """Open the network of a folder: the ONNX one, if there is one.

    Raises:
        InputError: If it cannot be read, or the libraries for it are not installed.
    """
    # Imported here so that nothing of it is needed, or takes time, where no encoder is used.
    if onnx := find_onnx(folder):
        from triptych.faq.encoding.onnx_model import OnnxModel

        return OnnxModel.open(folder, onnx, params.max_tokens)
    from triptych.faq.encoding.sentence_model import SentenceModel

    return SentenceModel.open(folder, params)


def list_model_files(folder: Path) -> list[Path]:
    """List the files of an encoder that are read, relative to its folder, in alphabetical order.

    Raises:
        InputError: If something is missing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: faq.encoder.folder names the folder of an encoder")
    every = sorted(path.relative_to(folder) for path in _walk(folder) if path.is_file())
    files = [path for path in every if path.suffix in _KEPT and not path.parts[0].startswith(".")]
    if onnx := find_onnx(folder):
        if not (folder / "tokenizer.json").is_file():
            raise InputError(f"{folder} has no tokenizer.json: save the tokenizer of {onnx.name} beside it")
        place = onnx.parent.relative_to(folder)
        weights = {path for path in files if path.parent == place and path.name.startswith(onnx.name)}
        weights |= {path.relative_to(folder) for path in list_weight_files(onnx)}
        return [path for path in every if path in weights or (path in files and path.suffix in _TOKENIZER)]
    if not (folder / "modules.json").is_file():
        raise InputError(
            f"{folder} has neither model.onnx (or onnx/model.onnx) nor modules.json: faq.encoder.folder takes an ONNX "
            "network with its tokenizer.json, or what SentenceTransformer.save writes"
        )
    files = [path for path in files if path.suffix not in (".onnx", ".onnx_data", ".data") and path.parts[0] != "onnx"]
    if not any(path.suffix == ".safetensors" for path in files):
        raise InputError(
            f"{folder} has no *.safetensors: pickled weights (*.bin) can run code and are not read. Save the model "
            "anew with a current sentence-transformers"
        )
    return files


def _walk(folder: Path) -> Iterator[Path]:
    """List what is in a folder, and in those that it has links to: caches of models are made of links."""
    for root, folders, names in os.walk(folder, followlinks=True):
        here = Path(root).resolve()
        folders[:] = [name for name in folders if not here.is_relative_to((here / name).resolve())]  # no circles
        yield from (Path(root) / name for name in names)


def _hash_files(folder: Path, files: list[Path], params: EncoderParams) -> str:
    digest = hashlib.sha256(json.dumps([params.max_tokens, params.prefix]).encode())
    for path in files:
        digest.update(f"{path.as_posix()} {hash_file(folder / path)}\n".encode())
    return digest.hexdigest()

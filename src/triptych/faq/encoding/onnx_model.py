"""A network in ONNX with a tokenizer of the `tokenizers` library, as `optimum-cli export onnx` writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from triptych.errors import InputError
from triptych.faq.encoding.model_config import (
    SENTENCE_OUTPUT,
    find_limit,
    find_pooling,
    read_json,
    refuse_further_modules,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

    Pool = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]

_INPUTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
# How exporters write them.
_DTYPES: dict[str, type[np.generic]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(float)": np.float32,
}
# Exporters do not always tell how long these are; a pooled output beside them is for another task.
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
INSTALL = 'pip install "triptych[encoder]"'


@dataclass(frozen=True)
class OnnxModel:
    """Tokenizer, network and pooling.

    Attributes:
        tokenizer: Cuts and pads.
        session: The network.
        network: Its file.
        output: Name of the output that is taken.
        pool: Makes one vector of those of the tokens; None where the network does.
    """

    tokenizer: Tokenizer
    session: InferenceSession
    network: Path
    output: str
    pool: Pool | None

    @classmethod
    def open(cls, folder: Path, network: Path, max_tokens: int) -> OnnxModel:
        """Open a network.

        Args:
            folder: With `tokenizer.json`, and `1_Pooling/config.json` where the mean over the tokens is not wanted.
            network: The ONNX file.
            max_tokens: What is longer is cut.

        Raises:
            InputError: If a file cannot be read, or the network does not take tokens.
        """
        session = _open_session(network)
        _check_inputs(session, network)
        tokenizer = _open_tokenizer(folder / "tokenizer.json", min(max_tokens, find_limit(folder)))
        output, is_pooled = _choose_output(session, network)
        if is_pooled:
            return cls(tokenizer, session, network, output, None)
        refuse_further_modules(folder)
        return cls(tokenizer, session, network, output, POOLS[find_pooling(folder, list(POOLS))])

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Encode a batch of texts, shape (texts, dimensions), float32."""
        encodings = self._cut(texts)
        # Of a text without any token, networks make NaN or nothing.
        told = [number for number, encoding in enumerate(encodings) if any(encoding.attention_mask)]
        found = np.zeros((len(texts), self._dimensions), dtype=np.float32)
        if told:
            found[told] = self._run(
                {
                    name: np.array([getattr(encodings[number], field) for number in told], dtype=np.int64)
                    for name, field in _INPUTS.items()
                }
            )
        return found

    @cached_property
    def _dimensions(self) -> int:
        # Of one token: what the file tells may be a name.
        one = {name: np.array([[name == "attention_mask"]], dtype=np.int64) for name in _INPUTS}
        return int(self._run(one).shape[1])

    def _cut(self, texts: list[str]) -> list[Encoding]:
        try:
            return self.tokenizer.encode_batch(texts)
        except Exception as error:
            if type(error) is not Exception:  # the library has no kind of its own
                raise
            raise InputError(f"the tokenizer.json of {self.network} cannot cut all texts: {error}") from error

    def _run(self, arrays: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

        given = self.session.get_inputs()
        feed: dict[str, NDArray[Any]] = {one.name: arrays[one.name].astype(_DTYPES[one.type]) for one in given}
        try:
            (found,) = self.session.run([self.output], feed)
        except InvalidArgument as error:
            raise InputError(
                f"{self.network} cannot be run on what its tokenizer.json gives: {error}. Export both anew"
            ) from error
        pooled = found if self.pool is None else self.pool(found, arrays["attention_mask"])
        return np.asarray(pooled, dtype=np.float32)


def _check_inputs(session: InferenceSession, network: Path) -> None:
    """Refuse a network that does not take tokens, any number of texts at a time and of any length."""
    given = session.get_inputs()
    if unknown := [one.name for one in given if one.name not in _INPUTS]:
        raise InputError(f"{network} takes {unknown}: known are {', '.join(_INPUTS)}. Export it as an encoder")
    if foreign := [f"{one.name} {one.type}" for one in given if one.type not in _DTYPES]:
        raise InputError(f"{network} takes {foreign}: known are {', '.join(_DTYPES)}. Export it as an encoder")
    if fixed := [f"{one.name} {one.shape}" for one in given if any(isinstance(size, int) for size in one.shape)]:
        raise InputError(f"{network} takes {fixed} alone: export it with dynamic axes, for any texts and lengths")


def _choose_output(session: InferenceSession, network: Path) -> tuple[str, bool]:
    """Choose what is taken of a network, and tell whether it is a vector a text, or else one a token."""
    floats = [one for one in session.get_outputs() if one.type in ("tensor(float)", "tensor(float16)")]
    named = {one.name: len(one.shape) for one in floats}
    if named.get(SENTENCE_OUTPUT) == 2:
        return SENTENCE_OUTPUT, True
    if names := [name for name in _TOKEN_OUTPUTS if named.get(name) == 3]:
        return names[0], False
    # Of fixed length, which neither token numbers nor masks have.
    found = {one.name: len(one.shape) for one in floats if one.shape and isinstance(one.shape[-1], int)}
    for dimensions in (3, 2):
        if names := [name for name, count in found.items() if count == dimensions]:
            return names[0], dimensions == 2
    outputs = [f"{given.name} {given.shape}" for given in session.get_outputs()]
    raise InputError(
        f"{network} gives {outputs}, and none is a vector of fixed length a token or a text: export it for "
        "feature-extraction"
    )


def _pool_mean(tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    # Not multiplied by the mask: what a network gives for padding may be NaN.
    kept = np.where(mask[:, :, None] > 0, tokens.astype(np.float32), 0)
    return np.asarray(kept.sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1), dtype=np.float32)


def _pool_first(tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.asarray(tokens[np.arange(len(tokens)), mask.argmax(axis=1)], dtype=np.float32)


def _pool_max(tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.asarray(np.where(mask[:, :, None] > 0, tokens, -np.inf).max(axis=1), dtype=np.float32)


POOLS: dict[str, Pool] = {"mean": _pool_mean, "cls": _pool_first, "max": _pool_max}


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer.

    Raises:
        InputError: If the file is none.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise InputError(f"an encoder needs tokenizers, which is not installed: {INSTALL}") from error
    read_json(path)
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library has no kind of its own
        raise InputError(f"{path} is no tokenizer: {error}. Save it by save_pretrained of a fast tokenizer") from error


def _open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    tokenizer = read_tokenizer(path)
    padding = tokenizer.padding or {"pad_id": 0, "pad_token": "[PAD]"}
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding(
        direction="right", pad_id=padding["pad_id"], pad_token=padding["pad_token"], pad_type_id=0, length=None
    )
    return tokenizer


def _open_session(path: Path) -> InferenceSession:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as faults
    except ImportError as error:
        raise InputError(f"an encoder in ONNX needs onnxruntime, which is not installed: {INSTALL}") from error
    fast = [name for name in onnxruntime.get_available_providers() if name == "CUDAExecutionProvider"]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=[*fast, "CPUExecutionProvider"])
    except (
        faults.Fail, faults.InvalidArgument, faults.InvalidGraph, faults.InvalidProtobuf, faults.NoSuchFile,
        faults.NotImplemented, faults.RuntimeException,
    ) as error:  # fmt: skip
        raise InputError(f"{path} is no network that onnxruntime can run: {error}") from error

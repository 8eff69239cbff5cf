"""Tiny encoders, written as their libraries write large ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 8


def write_tokenizer(folder: Path, words: list[str]) -> dict[str, int]:
    """Write a tokenizer of whole words, and give their numbers."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import WordLevel

    numbers = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *dict.fromkeys(words)])}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    return numbers


def draw_embeddings(size: int, seed: int = 0) -> NDArray[np.float32]:
    """Draw a vector a token, shape (size, DIMENSIONS)."""
    return np.random.default_rng(seed).normal(size=(size, DIMENSIONS)).astype(np.float32)


def write_onnx_encoder(
    folder: Path,
    words: list[str],
    pooling: dict[str, Any] | None = None,
    place: str = "model.onnx",
    outputs: Sequence[str] = ("tokens",),
) -> dict[str, NDArray[np.float32]]:
    """Write a network that gives every token its vector, and give those vectors by word.

    Args:
        folder: Where to.
        words: Those that the tokenizer knows.
        pooling: What `1_Pooling/config.json` holds; None writes none.
        place: Of the network in the folder.
        outputs: `tokens`, their greatest as `sentence_embedding` or `other`, or the `numbers` of the tokens.
    """
    import onnx
    from onnx import TensorProto, helper

    numbers = write_tokenizer(folder, words)
    embeddings = draw_embeddings(len(numbers))
    embeddings[:2] *= 0.1  # padding and unknown words say little
    weights = helper.make_tensor("weights", TensorProto.FLOAT, embeddings.shape, embeddings.tobytes(), raw=True)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    shapes: dict[str, list[str | int]] = {"tokens": ["batch", "length", DIMENSIONS], "numbers": ["batch", "length"]}
    given = [
        helper.make_tensor_value_info(
            name,
            TensorProto.INT64 if name == "numbers" else TensorProto.FLOAT,
            shapes.get(name, ["batch", DIMENSIONS]),
        )
        for name in outputs
    ]
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["tokens"]),
        helper.make_node("Identity", ["input_ids"], ["numbers"]),
        *(
            helper.make_node("ReduceMax", ["tokens"], [name], axes=[1], keepdims=0)
            for name in outputs
            if name not in shapes
        ),
    ]
    graph = helper.make_graph(nodes, "encoder", inputs, given, [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / place)
    if pooling is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    return {word: embeddings[number] for word, number in numbers.items()}

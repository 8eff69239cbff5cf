"""What the JSON files beside a network say of it, as transformers and sentence-transformers write them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triptych.errors import InputError

SENTENCE_OUTPUT = "sentence_embedding"


def find_pooling(folder: Path, known: Sequence[str]) -> str:
    """Read how tokens become one vector, in the old form (`pooling_mode_mean_tokens`) or the new (`pooling_mode`).

    Raises:
        InputError: If it is none of those that are known.
    """
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    config = _read_object(path)
    found = config.get("pooling_mode") or [
        name.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for name, is_on in config.items()
        if name.startswith("pooling_mode_") and is_on
    ]
    modes = [found] if isinstance(found, str) else list(found)
    if len(modes) != 1 or modes[0] not in known:
        raise InputError(f"{path} asks for pooling by {modes}: one of {', '.join(known)} can be used with ONNX")
    return str(modes[0])


def refuse_further_modules(folder: Path) -> None:
    """Refuse a sentence-transformers model with layers behind the pooling, which an ONNX of its first part lacks."""
    path = folder / "modules.json"
    kinds = [kind.rpartition(".")[2] for kind in read_modules(path)] if path.is_file() else []
    further = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if further:
        raise InputError(
            f"{path} has {further} behind the network, which its ONNX file lacks: remove the ONNX file to use the "
            f"safetensors, or export the whole model with an output {SENTENCE_OUTPUT}"
        )


def read_modules(path: Path) -> list[str]:
    """Read the types of a sentence-transformers model's modules.

    Raises:
        InputError: If the file has none.
    """
    try:
        return [str(module["type"]) for module in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no list of modules: {error!r}. Copy the folder anew") from error


def find_limit(folder: Path) -> int:
    """Read the most tokens the network takes."""
    places = [
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
        ("config.json", "max_position_embeddings"),
    ]
    found = [_read_object(folder / name).get(key) for name, key in places if (folder / name).is_file()]
    # Where positions are relative, some write -1.
    return min(
        [int(min(limit, sys.maxsize)) for limit in found if isinstance(limit, int | float) and limit > 0], default=512
    )


def read_json(path: Path) -> Any:
    """Read a file.

    Raises:
        InputError: If it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}. Copy the folder anew") from error


def _read_object(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise InputError(f"{path} is no JSON object. Copy the folder anew")
    return found

"""The files that a network in ONNX is made of: large ones keep their weights in others."""

from __future__ import annotations

import mmap
import re
from pathlib import Path, PurePosixPath

from triptych.errors import InputError

PLACES = ("model.onnx", "onnx/model.onnx")
# An entry of `TensorProto.external_data` as protobuf writes it: the key `location`, then the length of the name, and
# the name. Looked for, as nothing that is needed to run a network reads ONNX without its weights.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")


def find_onnx(folder: Path) -> Path | None:
    """Find the ONNX network of a folder."""
    return next((folder / place for place in PLACES if (folder / place).is_file()), None)


def list_weight_files(network: Path) -> list[Path]:
    """List the files beside a network that its weights are in (ONNX's external data).

    Raises:
        InputError: If one is missing, or elsewhere.
    """
    names = sorted(_find_locations(network))
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{network} has weights in {name}, outside of its folder: export it anew")
        if not (network.parent / path).is_file():
            raise InputError(f"{network} has its weights in {name}, which is not beside it: copy that file, too")
    return [network.parent / name for name in names]


def _find_locations(network: Path) -> set[str]:
    if not network.stat().st_size:  # cannot be mapped
        return set()
    with network.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {_read_name(content, found.start(1), found.group(1)) for found in _LOCATION.finditer(content)}


def _read_name(content: mmap.mmap, start: int, length: bytes) -> str:
    low, high = length[0] & 0x7F, length[1] if len(length) > 1 else 0
    start += len(length)
    return content[start : start + low + (high << 7)].decode("utf-8", "replace")

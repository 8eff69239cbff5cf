"""Vectors that are known already: in memory, by text; in a folder, from one run to the next.

A text's vector depends on nothing but the text and the encoder, so what was encoded once never is again, whatever fold,
role or run it is for. The folder holds files that never change:

```text
3f9a.../              an encoder's digest
  vectors_ab12.npz    `keys`, 16 bytes a text, and `vectors`, float16
```
"""

from __future__ import annotations

import hashlib
import logging
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.faq.encoding.encoder import TextEncoder, Vectors
from triptych.storage.local_files import replace_file
from triptych.storage.mirrors import mount, pull, push

logger = logging.getLogger(__name__)
_KEY_BYTES = 16
# What is encoded before it is written: so much is lost at most if the run is stopped.
_PART_TEXTS = 4096
Keys = NDArray[np.uint8]


class CachedEncoder(TextEncoder):
    """An encoder that knows some vectors, and learns those that it is asked for.

    Args:
        base: Encodes what is not known.
        keys: Of the texts that are known, shape (texts, 16).
        vectors: Theirs, shape (texts, dimensions).
    """

    def __init__(self, base: TextEncoder, keys: Keys | None = None, vectors: Vectors | None = None) -> None:
        self.base, self.digest, self.dimensions = base, base.digest, base.dimensions
        self.distributions, self.folder = base.distributions, base.folder
        self.learned_from = base.learned_from
        self._places: dict[bytes, int] = {}
        self._parts: list[Vectors] = []
        if keys is not None and vectors is not None:
            self.learn(keys, vectors)

    def learn(self, keys: Keys, vectors: Vectors) -> None:
        """Learn vectors, shape (texts, dimensions), by the keys of their texts, shape (texts, 16)."""
        self._add([key.tobytes() for key in keys], vectors)

    def add(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Learn the vectors of texts, shape (texts, dimensions)."""
        self._add([make_key(text) for text in texts], vectors)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts: look up what is known, and encode the rest."""
        keys = [make_key(text) for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._places}
        if missing:
            self._add(list(missing), self.base.encode(list(missing.values())))
        return self._gather([self._places[key] for key in keys])

    def list_known(self) -> tuple[Keys, Vectors]:
        """Give keys, shape (texts, 16), and vectors, shape (texts, dimensions), of all that is known."""
        keys = np.frombuffer(b"".join(self._places), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        return keys, self._gather(list(self._places.values()))

    def find_missing(self, texts: Sequence[str]) -> list[str]:
        """List the texts that are not known, each once."""
        return [text for text in dict.fromkeys(texts) if make_key(text) not in self._places]

    def save(self, folder: Path) -> None:
        """Write the encoder alone, as it does itself."""
        self.base.save(folder)

    def _add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        start = sum(map(len, self._parts))
        self._places.update((key, start + number) for number, key in enumerate(keys))
        self._parts.append(vectors)

    def _gather(self, places: list[int]) -> Vectors:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        if not self._parts:
            return np.empty((0, self.dimensions), dtype=np.float16)
        return np.asarray(self._parts[0][np.array(places, dtype=np.int64)])


class VectorFolder:
    """The vectors of one encoder in a folder that any number of runs share.

    Args:
        folder: Of all encoders: a path, or an address in blob storage.
        encoder: The one.
    """

    def __init__(self, folder: str, encoder: TextEncoder) -> None:
        self._folder = mount(folder) / encoder.digest[:_KEY_BYTES]
        self._dimensions = encoder.dimensions

    def read(self) -> Iterator[tuple[Keys, Vectors]]:
        """Read what is there, file by file; what cannot be read is as if it were not there."""
        pull(self._folder)
        for path in sorted(self._folder.glob("vectors_*.npz")):
            try:
                with np.load(path, allow_pickle=False) as file:
                    keys, vectors = file["keys"], file["vectors"]
                self._check(keys, vectors)
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                logger.warning("%s cannot be read, its texts are encoded anew: %s", path, error)
                continue
            yield keys, vectors

    def _check(self, keys: Keys, vectors: Vectors) -> None:
        shapes = (*vectors.shape[:1], _KEY_BYTES), (*keys.shape[:1], self._dimensions)
        is_right = (keys.shape, vectors.shape) == shapes and keys.dtype == np.uint8 and vectors.dtype == np.float16
        if not is_right or not np.isfinite(vectors).all():
            raise ValueError(f"it has no finite vectors of {self._dimensions} numbers in 16 bits, each with its key")

    def append(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Add vectors, as a file of their own that appears only when it is complete."""
        keys = np.frombuffer(b"".join(map(make_key, texts)), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        path = self._folder / f"vectors_{uuid.uuid4().hex[:12]}.npz"
        with replace_file(path) as part, part.open("wb") as file:
            np.savez(file, keys=keys, vectors=vectors)
        push(path)


def encode_all(encoder: TextEncoder, texts: Sequence[str], folder: str | None) -> CachedEncoder:
    """Encode texts that will be asked for, where they are not known yet.

    Args:
        encoder: Of the texts.
        texts: In any order, and as often as they occur.
        folder: Where vectors are kept from one run to the next; None keeps none.
    """
    cached = CachedEncoder(encoder)
    kept = VectorFolder(folder, encoder) if folder else None
    for keys, vectors in kept.read() if kept else ():
        cached.learn(keys, vectors)
    missing = cached.find_missing(texts)
    for start in range(0, len(missing), _PART_TEXTS):
        part = missing[start : start + _PART_TEXTS]
        vectors = encoder.encode(part)
        # Not by `cached.encode`, which puts all that is known together each time.
        cached.add(part, vectors)
        if kept and not _keep(kept, part, vectors):
            kept = None
    return cached


def _keep(kept: VectorFolder, texts: Sequence[str], vectors: Vectors) -> bool:
    """Write vectors, and tell whether that can be done: a folder that others fill may be for reading alone."""
    try:
        kept.append(texts, vectors)
    except OSError as error:
        logger.warning("vectors cannot be kept for later runs (faq.encoder.cache_folder): %s", error)
        return False
    return True


def make_key(text: str) -> bytes:
    """Hash a text: 16 bytes."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()

"""No text is encoded twice, whoever asked for it before, and what is broken is encoded anew."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from triptych.faq.encoding.encoder import TextEncoder, Vectors
from triptych.faq.encoding.vector_cache import CachedEncoder, VectorFolder, encode_all, make_key


class LettersEncoder(TextEncoder):
    """Counts letters, and notes what it was asked for."""

    def __init__(self, digest: str = "letters", letters: str = "abc") -> None:
        self.digest, self.letters, self.dimensions = digest, letters, len(letters)
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        counts = [[text.count(letter) for letter in self.letters] for text in texts]
        return np.array(counts, dtype=np.float16).reshape(len(texts), self.dimensions)

    def save(self, folder: Path) -> None:
        (folder / "letters.txt").write_text(self.letters, encoding="utf-8")


def test_what_is_known_is_looked_up_and_the_rest_is_encoded_once() -> None:
    base = LettersEncoder()
    cached = CachedEncoder(base)
    cached.add(["ab", "c"], np.array([[9, 9, 9], [8, 8, 8]], dtype=np.float16))
    assert cached.encode(["c", "aab", "ab", "aab", "", "c"]).tolist() == [
        [8, 8, 8],
        [2, 1, 0],
        [9, 9, 9],
        [2, 1, 0],
        [0, 0, 0],
        [8, 8, 8],
    ]
    assert cached.encode(["aab", "bbb\udcff"]).tolist() == [[2, 1, 0], [0, 3, 0]]
    assert base.asked == ["aab", "", "bbb\udcff"]
    assert cached.encode([]).shape == CachedEncoder(base).encode([]).shape == (0, 3)
    again = CachedEncoder(LettersEncoder(), *cached.list_known())
    assert again.encode(["c", "aab"]).tolist() == [[8, 8, 8], [2, 1, 0]]
    assert again.base.asked == []  # type: ignore[attr-defined]


def test_later_runs_take_what_earlier_ones_have_encoded(tmp_path: Path) -> None:
    first, second, other = LettersEncoder(), LettersEncoder(), LettersEncoder("other", "xy")
    texts = ["abc", "a", "abc"]
    encode_all(first, texts, str(tmp_path / "vectors"))
    found = encode_all(second, [*texts, "b"], str(tmp_path / "vectors")).encode([*texts, "b"])
    assert (first.asked, second.asked) == (["abc", "a"], ["b"])
    assert found.tolist() == [[1, 1, 1], [1, 0, 0], [1, 1, 1], [0, 1, 0]]
    assert encode_all(other, texts, str(tmp_path / "vectors")).encode(["abc"]).tolist() == [[0, 0]]
    assert encode_all(LettersEncoder(), texts, None).encode(["a"]).tolist() == [[1, 0, 0]]


def test_a_broken_file_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encode_all(LettersEncoder(), ["a"], str(tmp_path))
    encode_all(LettersEncoder(), ["a", "b"], str(tmp_path))
    one, _ = sorted(tmp_path.rglob("vectors_*.npz"))
    one.write_bytes(one.read_bytes()[:-30])
    again = LettersEncoder()
    with caplog.at_level(logging.WARNING):
        encode_all(again, ["a", "b"], str(tmp_path))
    assert len(again.asked) == 1
    assert f"{one} cannot be read" in caplog.text
    assert not list(tmp_path.rglob("*.part"))


def test_a_long_encoding_is_kept_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.faq.encoding.vector_cache._PART_TEXTS", 2)

    class Failing(LettersEncoder):
        def encode(self, texts: Sequence[str]) -> Vectors:
            if "c" in texts:
                raise MemoryError
            return super().encode(texts)

    with pytest.raises(MemoryError):
        encode_all(Failing(), ["a", "b", "c"], str(tmp_path))
    after = LettersEncoder()
    encode_all(after, ["a", "b", "c"], str(tmp_path))
    assert after.asked == ["c"]
    assert sum(len(keys) for keys, _ in VectorFolder(str(tmp_path), after).read()) == 3


KEY = np.frombuffer(make_key("ab"), dtype=np.uint8)[None]
VECTOR = np.full((1, 3), 9, dtype=np.float16)


@pytest.mark.parametrize(
    ("keys", "vectors"),
    [
        (None, None),
        (KEY, VECTOR.astype(np.float32)),
        (KEY, VECTOR[:, :2]),
        (KEY, VECTOR[0]),
        (KEY, VECTOR[0, 0]),
        (KEY, VECTOR * np.float16("nan")),
        (np.repeat(KEY, 2, axis=0), VECTOR),
        (KEY[:, :8], VECTOR),
        (KEY.astype(np.int64), VECTOR),
    ],
)
def test_a_file_that_holds_something_else_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keys: NDArray[Any] | None, vectors: NDArray[Any] | None
) -> None:
    path = tmp_path / "letters" / "vectors_a.npz"
    path.parent.mkdir()
    path.touch()  # all that is left of it after a power cut
    if keys is not None and vectors is not None:
        np.savez(path, keys=keys, vectors=vectors)
    with caplog.at_level(logging.WARNING):
        found = encode_all(LettersEncoder(), ["ab", "c"], str(tmp_path)).encode(["c", "ab"])
    assert found.tolist() == [[0, 0, 1], [1, 1, 0]]
    assert found.dtype == np.float16
    assert f"{path} cannot be read" in caplog.text


def test_a_cache_that_cannot_be_written_costs_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.faq.encoding.vector_cache._PART_TEXTS", 1)
    (tmp_path / "letters").touch()  # where a folder should be: also the superuser cannot write there
    with caplog.at_level(logging.WARNING):
        found = encode_all(LettersEncoder(), ["a", "b", "c"], str(tmp_path)).encode(["b", "c"])
    assert found.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert caplog.text.count("vectors cannot be kept for later runs (faq.encoder.cache_folder)") == 1

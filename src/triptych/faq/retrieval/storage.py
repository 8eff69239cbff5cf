"""An index as a folder of plain files: what is large is mapped when it is loaded, not read.

```text
layout/         which document is whose: written anew each time
terms_ab12/     vocabulary and weightings
segment_cd34/   documents; one folder a segment
encoder_ef56/   the encoder, where there is one
```

Folders with letters and digits behind their names never change. Saving an index that was loaded, with documents added
or not, gives their files a second name in the new folder where the file system can do that, and copies them else.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.encoding.encoder import TextEncoder
from triptych.faq.encoding.storage import load_encoder
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.segment import RETRIEVAL_VIEWS, SIDES, Postings, Segment, name_side
from triptych.faq.retrieval.texts import Grams, Texts
from triptych.faq.retrieval.views import Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary
from triptych.storage.local_files import link_or_copy

_LAYOUT = ("entries", "documents", "starts", "owners")


@dataclass(frozen=True)
class IndexParts:
    """The folders that an index is made of.

    Attributes:
        terms: Name of that with vocabulary and weightings.
        segments: Names of those with the documents, in their order.
        encoder: Name of that with the encoder; None without one.
    """

    terms: str
    segments: list[str]
    encoder: str | None = None


def save_index(index: FaqIndex, folder: Path) -> IndexParts:
    """Write an index into a folder; the names it gives are what `load_index` asks for."""
    (folder / "layout").mkdir()
    _save_arrays({name: getattr(index, name) for name in _LAYOUT}, folder / "layout")
    terms = name_part("terms", index.folder)
    if not link_folder(index.folder, folder / terms):
        _save_terms(index, folder / terms)
    names = [name_part("segment", segment.folder) for segment in index.segments]
    for name, segment in zip(names, index.segments, strict=True):
        if not link_folder(segment.folder, folder / name):
            _save_segment(segment, folder / name)
    return IndexParts(terms, names, _save_encoder(index.encoder, folder) if index.encoder else None)


def load_index(folder: Path, parts: IndexParts, weights: StageWeights) -> FaqIndex:
    """Map what `save_index` wrote."""
    terms = folder / parts.terms
    words, grams = (pd.read_parquet(terms / f"{name}s.parquet")[name].tolist() for name in ("word", "gram"))
    vocabulary = Vocabulary(words, int(_map(terms / "known.npy")), _map(terms / "pairs.npy"), grams)
    kinds = [path.name.removesuffix(".idf.npy") for path in sorted(terms.glob("*.idf.npy"))]
    entries, documents, starts, owners = (np.load(folder / "layout" / f"{name}.npy") for name in _LAYOUT)
    return FaqIndex(
        entries,
        documents,
        starts,
        owners,
        vocabulary,
        {kind: _load_weighting(terms, kind) for kind in kinds},
        {name: _map(terms / f"{name}.passed_over.npy") for name in RETRIEVAL_VIEWS},
        [_load_segment(folder / name) for name in parts.segments],
        weights,
        terms,
        load_encoder(folder / parts.encoder) if parts.encoder else None,
    )


def name_part(kind: str, stored: Path | None) -> str:
    """Give a part that never changes the name it has where it is stored, or a new one."""
    return stored.name if stored else f"{kind}_{uuid.uuid4().hex[:8]}"


def link_folder(stored: Path | None, target: Path) -> bool:
    """Give the files of a folder second names in a new one, and tell whether it was there."""
    target.mkdir()
    try:
        if stored:
            _link_files(stored, target)
    except FileNotFoundError:
        # Somebody has put another matcher in its place. What is linked must not be written to.
        shutil.rmtree(target)
        target.mkdir()
        return False
    return stored is not None


def _link_files(stored: Path, target: Path) -> None:
    for path in sorted(stored.iterdir()):
        if path.is_dir():
            (target / path.name).mkdir()
            _link_files(path, target / path.name)
        else:
            link_or_copy(path, target / path.name)


def _save_encoder(encoder: TextEncoder, folder: Path) -> str:
    name = name_part("encoder", encoder.folder)
    if not link_folder(encoder.folder, folder / name):
        encoder.save(folder / name)
    return name


def _save_terms(index: FaqIndex, folder: Path) -> None:
    vocabulary = index.vocabulary
    pd.DataFrame({"word": vocabulary.words}).to_parquet(folder / "words.parquet")
    pd.DataFrame({"gram": vocabulary.grams}).to_parquet(folder / "grams.parquet")
    arrays: dict[str, NDArray[Any]] = {"known": np.array(vocabulary.known), "pairs": vocabulary.pairs}
    arrays |= {f"{name}.passed_over": words for name, words in index.passed_over.items()}
    for kind, weighting in index.weightings.items():
        arrays[f"{kind}.idf"], arrays[f"{kind}.bm25_idf"] = weighting.idf, weighting.bm25_idf
        arrays[f"{kind}.mean_length"] = np.array(weighting.mean_length)
        arrays[f"{kind}.mean_weights"] = weighting.mean_weights
    _save_arrays(arrays, folder)


def _load_weighting(folder: Path, kind: str) -> Weighting:
    idf, bm25_idf, mean_length, mean_weights = (
        _map(folder / f"{kind}.{name}.npy") for name in ("idf", "bm25_idf", "mean_length", "mean_weights")
    )
    return Weighting(idf, bm25_idf, float(mean_length), mean_weights)


def _save_segment(segment: Segment, folder: Path) -> None:
    texts = segment.texts
    arrays: dict[str, NDArray[Any]] = {
        "words": texts.words,
        "word_ends": texts.word_ends,
        "leads": texts.leads,
        "lead_ends": texts.lead_ends,
        "grams": texts.grams.numbers,
        "gram_ends": texts.grams.ends,
        "gram_count": np.array(texts.grams.size),
    }
    arrays |= {f"scale.{side}": scale for side, scale in segment.scales.items()}
    if segment.vectors is not None:
        arrays["vectors"] = segment.vectors
    for name, postings in segment.postings.items():
        arrays[f"{name}.starts"], arrays[f"{name}.documents"] = postings.starts, postings.documents
        arrays[f"{name}.weights"] = postings.weights
    _save_arrays(arrays, folder)


def _save_arrays(arrays: dict[str, NDArray[Any]], folder: Path) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def _load_segment(folder: Path) -> Segment:
    def read(name: str) -> NDArray[Any]:
        return _map(folder / f"{name}.npy")

    grams = Grams(read("grams"), read("gram_ends"), int(read("gram_count")))
    texts = Texts(read("words"), read("word_ends"), read("leads"), read("lead_ends"), grams)
    scales = {name_side(*side): read(f"scale.{name_side(*side)}") for side in SIDES}
    postings = {
        name: Postings(*(read(f"{name}.{part}") for part in ("starts", "documents", "weights")))
        for name in RETRIEVAL_VIEWS
    }
    vectors = read("vectors") if (folder / "vectors.npy").is_file() else None
    return Segment(texts, scales, postings, vectors, folder)


def _map(path: Path) -> NDArray[Any]:
    # Nothing that runs code when it is read. An empty file cannot be mapped; numpy reads it all the same.
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array

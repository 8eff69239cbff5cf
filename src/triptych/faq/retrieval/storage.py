"""An index as a folder of plain files: what is large is mapped when it is loaded, not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.segment import RETRIEVAL_VIEWS, SIDES, Postings, Segment, name_side
from triptych.faq.retrieval.texts import Grams, Texts
from triptych.faq.retrieval.views import Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary

_SEGMENT = "segment_0"


def save_index(index: FaqIndex, folder: Path) -> None:
    """Write an index into a folder."""
    vocabulary = index.vocabulary
    pd.DataFrame({"word": vocabulary.words}).to_parquet(folder / "words.parquet")
    pd.DataFrame({"gram": vocabulary.grams}).to_parquet(folder / "grams.parquet")
    arrays: dict[str, NDArray[Any]] = {
        "known": np.array(vocabulary.known),
        "pairs": vocabulary.pairs,
        "entries": index.entries,
        "documents": index.documents,
        "starts": index.starts,
    }
    for kind, weighting in index.weightings.items():
        arrays[f"{kind}.idf"], arrays[f"{kind}.bm25_idf"] = weighting.idf, weighting.bm25_idf
        arrays[f"{kind}.mean_length"] = np.array(weighting.mean_length)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / _SEGMENT).mkdir()
    _save_segment(index.segment, folder / _SEGMENT)


def load_index(folder: Path, weights: StageWeights) -> FaqIndex:
    """Map what `save_index` wrote."""
    words, grams = (pd.read_parquet(folder / f"{name}s.parquet")[name].tolist() for name in ("word", "gram"))
    known, pairs = int(_map(folder / "known.npy")), _map(folder / "pairs.npy")
    weightings = {
        path.name.removesuffix(".idf.npy"): _load_weighting(folder, path.name.removesuffix(".idf.npy"))
        for path in sorted(folder.glob("*.idf.npy"))
    }
    entries, documents, starts = (np.load(folder / f"{name}.npy") for name in ("entries", "documents", "starts"))
    vocabulary = Vocabulary(words, known, pairs, grams)
    return FaqIndex(entries, documents, starts, vocabulary, weightings, _load_segment(folder / _SEGMENT), weights)


def _load_weighting(folder: Path, kind: str) -> Weighting:
    idf, bm25_idf, mean_length = (_map(folder / f"{kind}.{name}.npy") for name in ("idf", "bm25_idf", "mean_length"))
    return Weighting(idf, bm25_idf, float(mean_length))


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
    for name, postings in segment.postings.items():
        arrays[f"{name}.starts"], arrays[f"{name}.documents"] = postings.starts, postings.documents
        arrays[f"{name}.weights"] = postings.weights
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
    return Segment(texts, scales, postings)


def _map(path: Path) -> NDArray[Any]:
    # Nothing that runs code when it is read. An empty file cannot be mapped; numpy reads it all the same.
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array

"""What one rank does of the scoring: its share of the photos, then what others have not come to."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from triptych.distributed import is_primary, rank, world_size
from triptych.parallel import threaded_map
from triptych.sharing.agreement import agree
from triptych.sharing.claims import Claims, take_work
from triptych.shelf.data.photo_files import PhotoError
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import find_files
from triptych.shelf.devices import limited_threads
from triptych.shelf.model.files import LoadedDetector, load_detector
from triptych.shelf.model.prediction import LOOK_AHEAD, Photo, count_readers, predict_prepared, prepare_photo
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.chunks import Chunk, Outcome, Outcomes, share_chunks
from triptych.shelf.scoring.runtimes import choose_runtime, use_runtime
from triptych.shelf.scoring.scored_photos import Result, ScoredPhotos
from triptych.storage.local_files import hash_file

_logger = logging.getLogger(__name__)
_WRITERS = 4  # threads: a result in blob storage takes tens of milliseconds


class Reading(NamedTuple):
    """A photo that has been read.

    Attributes:
        chunk: That it is of.
        name: Its path within the folder.
        digest: Hash of what it holds; empty where it could not be opened.
        reason: Why it is rejected; empty where it is not.
        photo: What to look at; None where it is rejected, or its result is known.
    """

    chunk: Chunk
    name: str
    digest: str = ""
    reason: str = ""
    photo: Photo | None = None


def score_as_rank(model: Path, new_photos: Path, scored: Path, scoring: ScoringParams) -> dict[str, Any]:
    """Find the objects on this rank's share of the photos whose results are missing.

    Each result is kept as soon as it is there, under the contents of photo and model.

    Args:
        model: The detector's folder.
        new_photos: The photos.
        scored: Where results are kept; all ranks see it.
        scoring: Batch size, runtime, and what is refused.

    Returns:
        `job`, `photos` (their names), `rejected` (reasons by name, of what is no photo), `ranks`, `runtime`,
        `measured`, and `scored`: how many photos this rank has looked at.

    Raises:
        ValueError: If there are no photos.
    """
    names, rejected = find_photos(new_photos)
    with limited_threads() as threads:
        detector, store = load_detector(model), ScoredPhotos(scored, model)

        def decide() -> dict[str, Any]:
            choice = choose_runtime(detector, [new_photos / name for name in names], scoring, threads)
            return {"job": uuid.uuid4().hex, "runtime": choice.runtime, "measured": choice.measured}

        agreed = agree(scored, _name_topic(names, store, scoring), decide)
        detector = use_runtime(detector, agreed["runtime"], threads)
        shares, outcomes = share_chunks(names, world_size()), Outcomes(scored, agreed["job"])
        chunks: Iterator[Chunk] = iter(shares[rank()])
        if world_size() > 1:
            chunks = take_work(shares, rank(), Claims(scored, agreed["job"], rank()), lambda _: None)
        share = _Share(detector, new_photos, store, outcomes, scoring)
        count = share.score(chunks, sum(len(chunk.names) for chunk in shares[rank()]))
    _logger.info("%d of %d photos were scored by rank %d, the others before or by others", count, len(names), rank())
    return {**agreed, "photos": names, "rejected": rejected, "ranks": world_size(), "scored": count}


def find_photos(folder: Path) -> tuple[list[str], dict[str, str]]:
    """List the photos of a folder and those below it.

    Returns:
        Names of photos, and why others may not be opened, by name.

    Raises:
        ValueError: If there are none.
    """
    quarantine = Quarantine()
    names = find_files(folder, quarantine).photos
    if not names:
        raise ValueError(f"{folder} holds no photos (.jpg, .png and so on): put some there, or name another folder")
    return names, {file: reason for file, _, reason in quarantine.rows}


def _name_topic(names: list[str], store: ScoredPhotos, scoring: ScoringParams) -> str:
    """Name all that the ranks' agreement depends on, also how many they are."""
    topic = json.dumps([names, store.model, scoring.model_dump(mode="json"), world_size()])
    return hashlib.sha256(topic.encode()).hexdigest()[:12]


class _Share:
    """Scores chunks: photos are read ahead of the network, and results are written behind it."""

    def __init__(
        self,
        detector: LoadedDetector,
        folder: Path,
        store: ScoredPhotos,
        outcomes: Outcomes,
        scoring: ScoringParams,
    ) -> None:
        self._detector, self._folder, self._store = detector, folder, store
        self._outcomes, self._scoring = outcomes, scoring
        self._seen: set[str] = set()
        self._open: dict[Chunk, list[Reading]] = {}

    def score(self, chunks: Iterable[Chunk], expected: int) -> int:
        """Score the photos of chunks; return how many the detector has looked at."""
        ahead = self._scoring.batch_size * LOOK_AHEAD
        count = 0
        # No bar (disable=None) where nobody watches, as in the log of a cluster.
        with (
            tqdm(total=expected, desc="scoring", unit="photo", disable=None if is_primary() else True) as self._bar,
            closing(threaded_map(self._read, self._list(chunks), count_readers(), ahead)) as readings,
            closing(threaded_map(self._save, self._detect(readings), _WRITERS, ahead)) as saved,
        ):
            for reading in saved:
                self._settle(reading)
                count += 1
        return count

    def _list(self, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str]]:
        for chunk in chunks:
            if self._outcomes.find(chunk) is None:  # else this job has done it before it was interrupted
                self._open[chunk] = []
                yield from ((chunk, name) for name in chunk.names)

    def _read(self, place: tuple[Chunk, str]) -> Reading:
        chunk, name = place
        path, most = self._folder / name, self._scoring.max_pixels
        try:
            digest = hash_file(path)
        except OSError as error:
            return Reading(chunk, name, reason=f"cannot be opened: {error.strerror or error}")
        result = self._store.load(digest)
        # One that was scored when larger photos were allowed is read again, to be rejected.
        if result and result.pixels <= most:
            return Reading(chunk, name, digest)
        try:
            return Reading(chunk, name, digest, photo=prepare_photo(path, 0, self._detector.params, most))
        except PhotoError as error:
            return Reading(chunk, name, digest, str(error))

    def _detect(self, readings: Generator[Reading]) -> Iterator[tuple[Reading, list[dict[str, Any]]]]:
        waiting: deque[Reading] = deque()

        def pass_new() -> Iterator[Photo]:
            for reading in readings:
                if reading.photo is None or reading.digest in self._seen:
                    self._settle(reading)
                    continue
                self._seen.add(reading.digest)
                waiting.append(reading)
                yield reading.photo

        found = predict_prepared(self._detector, pass_new(), self._scoring.batch_size, "auto")
        with closing(found):
            for detections in found:
                yield waiting.popleft(), detections

    def _save(self, looked_at: tuple[Reading, list[dict[str, Any]]]) -> Reading:
        reading, detections = looked_at
        if reading.photo is None:
            raise AssertionError("only photos that were read are looked at")
        height, width = reading.photo.whole
        self._store.save(reading.digest, Result(width, height, detections))
        return reading._replace(photo=None)

    def _settle(self, reading: Reading) -> None:
        """Count a photo as done, and note the outcome of its chunk if that is the last of it."""
        self._bar.update()
        done = self._open[reading.chunk]
        done.append(reading._replace(photo=None))
        if len(done) == len(reading.chunk.names):
            digests = {item.name: item.digest for item in done if not item.reason}
            rejected = {item.name: item.reason for item in done if item.reason}
            self._outcomes.write(reading.chunk, Outcome(digests, rejected))
            del self._open[reading.chunk]

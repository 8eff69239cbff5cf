"""What may land: by its ending a file is a video, a photo or a table of questions; each goes to a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError
from triptych.watcher.models import ModelSource

__all__ = ["KINDS", "Kind", "find_kind"]

_VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv"),
    *(".ogv", ".3gp", ".h264", ".hevc"),
)
_PHOTOS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif"),
    *(".heic", ".heif"),
)
_MOST_PIXELS = 100_000_000


@dataclass(frozen=True)
class Kind:
    """A kind of file that lands.

    Attributes:
        name: What it is called on the command line.
        suffixes: Endings of names, in lower case.
        pipeline: What is run on it.
        place: Parameter that says where the pipeline finds it.
        results: Where the pipeline's results are in those of its job.
        most: Files that go into one job.
        check: Raises `InputError` if a file does not open.
        modules: What `check` imports.
        model: Where the pipeline's model comes from; None: it is a parameter's business.
    """

    name: str
    suffixes: tuple[str, ...]
    pipeline: str
    place: str
    results: str
    most: int
    check: Callable[[Path], None]
    modules: tuple[str, ...]
    model: ModelSource | None = None


def find_kind(name: str) -> Kind | None:
    """Tell by its name of which kind a file is; None: of none."""
    return next((kind for kind in KINDS.values() if name.lower().endswith(kind.suffixes)), None)


def _check_video(path: Path) -> None:
    from triptych.video.media.info import VideoRefusedError
    from triptych.video.params import PlanningParams
    from triptych.video.planning.probing import probe_video

    # What else the pipeline refuses is its settings' business: here, whether the file opens and is whole.
    anything = PlanningParams(max_pixels=2**62, hdr="tone_map", damaged="conceal", timeout_s=60.0)
    try:
        probe_video(path, anything, look_for_fields=False)
    except VideoRefusedError as error:
        raise InputError(str(error)) from error


def _check_photo(path: Path) -> None:
    from triptych.shelf.data.photo_files import PhotoError, read_photo

    try:
        read_photo(path, _MOST_PIXELS)
    except PhotoError as error:
        raise InputError(str(error)) from error


def _check_questions(path: Path) -> None:
    from kedro.io import DatasetError

    from triptych.datasets import QuestionFileDataset

    try:
        table = QuestionFileDataset(filepath=path).load()
    except DatasetError as error:
        raise InputError(str(error).replace(f"{path}", path.name)) from error
    if table.empty:
        raise InputError("no question is in it")


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            *("videos", _VIDEOS, "video", "video_raw", "07_model_output/video/finished", 20),
            *(_check_video, ("triptych.video.planning.probing",)),
        ),
        Kind(
            *("photos", _PHOTOS, "shelf_score", "shelf_photos", "07_model_output/shelf", 1000),
            *(_check_photo, ("triptych.shelf.data.photo_files",)),
            ModelSource("shelf", "artifacts/detector", "shelf_model"),
        ),
        Kind(
            *("questions", (".csv", ".csv.gz", ".parquet"), "faq_score", "faq_questions", "07_model_output/faq", 1),
            *(_check_questions, ("triptych.datasets", "pandas")),
            ModelSource("faq", "artifacts/matcher", "faq_model"),
        ),
    )
}

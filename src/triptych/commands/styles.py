"""Which network paints a video: a bundled style, a file of weights, or a picture to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.video.params import StyleTrainingParams

__all__ = ["Style", "bundled_styles", "open_style"]

_MODELS = Path("data") / "01_raw" / "video_style" / "models"
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Style:
    """A style.

    Attributes:
        model: File of a network; others are looked for beside it.
        text: What is painted: a name, a blend or a fade; empty: what the file has.
    """

    model: Path
    text: str = ""


def bundled_styles(project: Path) -> dict[str, Path]:
    """Give the styles that come with the project."""
    return {path.stem: path for path in sorted((project / _MODELS).glob("*.pth"))}


@contextmanager
def open_style(wanted: str, training: StyleTrainingParams, keep: Path | None) -> Iterator[Style]:
    """Find a style, or train it.

    Args:
        wanted: Name of a bundled one, or a blend or fade of some; a `.pth` file, with `/name` behind it if it has
            several; or a picture to learn from.
        training: How it is learned from a picture.
        keep: Where to write the network that was learned; it is lost if None.

    Raises:
        InputError: If there is no such style.
    """
    path = Path(wanted)
    if path.suffix == ".pth" or path.parent.suffix == ".pth":
        yield _take_file(path)
    elif path.suffix.lower() in _PICTURES:
        if not path.is_file():
            raise InputError(f"there is no picture {path}")
        with TemporaryDirectory(prefix="triptych-style-") as scratch:
            yield Style(_train(path, training, keep or Path(scratch) / "style.pth"))
    else:
        from triptych.commands.promoted import find_project

        project = find_project()
        styles = bundled_styles(project)
        if not styles:
            raise InputError(f"{project / _MODELS} has no styles: name a .pth file or a picture")
        yield Style(next(iter(styles.values())), wanted)


def _take_file(path: Path) -> Style:
    file, name = (path, "") if path.suffix == ".pth" else (path.parent, path.name)
    if not file.is_file():
        raise InputError(f"there is no style file {file}")
    return Style(file, f"{file.stem}/{name}" if name else "")


def _train(picture: Path, training: StyleTrainingParams, target: Path) -> Path:
    import torch

    from triptych.storage.local_files import replace_file
    from triptych.video.training.training import train_from_files

    with TemporaryDirectory(prefix="triptych-photos-") as none:
        trained = train_from_files(picture, Path(none), training)
    with replace_file(target) as part:
        torch.save(trained.state, part)
    return target

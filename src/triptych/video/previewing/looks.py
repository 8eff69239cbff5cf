"""Every style of every file in a folder."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Look", "Notes", "find_looks", "note"]

_logger = logging.getLogger(__name__)
Notes = list[dict[str, str]]
"""What is not shown: `name` and `reason` of each."""


@dataclass(frozen=True)
class Look:
    """A style that a video may be painted in.

    Attributes:
        label: As it is asked for in `video.style.styles`.
        path: Its checkpoint.
        shares: Of each style of that checkpoint.
    """

    label: str
    path: Path
    shares: tuple[float, ...]


def find_looks(style_model: Path, notes: Notes) -> list[Look]:
    """List the styles in a folder, file by file; a file that is none loses no other.

    Args:
        style_model: The default style, whatever its ending; the others are `*.pth` beside it.
        notes: What is left out is added to them.

    Raises:
        OSError: The machine failed.
        MemoryError: Memory ran out.
    """
    from triptych.video.network.transformer import load_style

    looks = []
    for path in sorted({style_model, *style_model.parent.glob("*.pth")}):
        try:
            names = load_style(path).names
        except (OSError, MemoryError):
            raise
        except Exception as error:  # unpickling fails by many, and all are the file's fault
            note(notes, path.name, str(error) if isinstance(error, ValueError) else "it is no checkpoint of a style")
            continue
        for number, name in enumerate(names or ("",)):
            shares = tuple(float(number == place) for place in range(max(1, len(names))))
            looks.append(Look(f"{path.stem}/{name}" if name else path.stem, path, shares))
    return looks


def note(notes: Notes, name: str, reason: str) -> None:
    """Note that something is not shown, and why."""
    _logger.warning("%s is not in the preview: %s", name, reason)
    notes.append({"name": name, "reason": reason})

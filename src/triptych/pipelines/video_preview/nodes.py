"""The nodes of the preview."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triptych.storage.blob_storage import LandedFile
from triptych.storage.folder import Folder
from triptych.video.params import EncodingParams, PlanningParams, PreviewParams, SmoothingParams, StyleParams


def collect_previewed_videos(preview_landing: dict[str, LandedFile]) -> Folder:
    """Bring all videos of the landing folder to where they can be read, also those that are finished.

    Args:
        preview_landing: The files by name.

    Returns:
        A folder of them, with a list.
    """
    from triptych.video.planning.sources import collect

    folder = Folder.create("previewed")
    collect(preview_landing, folder.path)
    return folder


def draw_previews(
    preview_sources: Path,
    style_model: Path,
    planning: PlanningParams,
    style: StyleParams,
    smoothing: SmoothingParams,
    encoding: EncodingParams,
    preview: PreviewParams,
) -> tuple[NDArray[np.uint8], Folder, list[dict[str, str]]]:
    """Draw a still of each video in each style, and make short clips if they are wished for.

    Args:
        preview_sources: The videos.
        style_model: The default style; all that lie beside it are shown.
        planning: Which videos are refused.
        style: Strength, runtime, and the styles of the clips.
        smoothing: What is done against flicker, in clips.
        encoding: How clips are encoded.
        preview: Sizes and numbers.

    Returns:
        The sheet, the clips, and what could not be shown and why.
    """
    from triptych.video.previewing import previewing

    clips = Folder.create("clips")
    settings = (planning, style, smoothing, encoding, preview)
    sheet, notes = previewing.preview(preview_sources, style_model, clips.path, *settings)
    return sheet, clips, notes

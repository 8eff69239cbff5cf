"""The node that finds the empty spaces on new photos."""

from pathlib import Path
from typing import Any

import pandas as pd

from triptych.shelf.params import (
    ScoringParams,
)
from triptych.storage.folder import Folder


def score_photos(
    model: Path, new_photos: Path, scored: Path, scoring: ScoringParams
) -> tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame, Folder]:
    """Find the empty spaces on a folder of new photos.

    Args:
        model: The detector.
        new_photos: Folder of photos, read with its subfolders.
        scored: Keeps each photo's result, so that an interrupted scoring goes on.
        scoring: Which detections to keep.

    Returns:
        Detections in COCO's results format, counts by photo, photos that could not be read, and overlays.
    """
    from triptych.shelf.scoring.scoring import score_folder

    return score_folder(model, new_photos, scored, scoring)

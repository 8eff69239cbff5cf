"""The node that trains a style."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from triptych.video.params import StyleTrainingParams


def train_style_network(
    style_image: Path, style_photos: Path, style_training: StyleTrainingParams
) -> tuple[dict[str, Any], dict[str, float], pd.DataFrame, go.Figure, NDArray[np.uint8]]:
    """Train a network that paints photos in the style of a picture.

    Args:
        style_image: The picture.
        style_photos: Folder of photos to learn on; where it holds none, those of scikit-learn and scikit-image.
        style_training: How it is trained.

    Returns:
        Its weights, figures of how it paints, a row of the log every few steps, a plot of it, and a picture of photos
        before and after.
    """
    from triptych.video.training.preview import plot_log
    from triptych.video.training.training import train_from_files

    trained = train_from_files(style_image, style_photos, style_training)
    return trained.state, trained.figures, trained.log, plot_log(trained.log), trained.preview

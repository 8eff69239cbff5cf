"""Sizes of photos and objects as a plotly figure, which is imported only when one is drawn."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from triptych.shelf.params import DetectorParams
from triptych.shelf.preparation.fitting import list_anchors

if TYPE_CHECKING:
    import plotly.graph_objects as go

_OBJECT, _ANCHOR = "#1b6ca8", "#e0a030"
_MOST_POINTS = 5000


def plot_sizes(annotations: dict[str, Any], sides: pd.DataFrame, detector: DetectorParams) -> go.Figure:
    """Draw objects as the detector sees them beside its anchors, their sides, photos' sizes, objects a photo.

    Args:
        annotations: In COCO's format.
        sides: `width` and `height` of each object, scaled as the detector scales its photo.
        detector: Its anchors.
    """
    from plotly.subplots import make_subplots

    titles = ("objects and anchors, as the detector sees them", "objects' shorter side", "photos", "objects on a photo")
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles)
    shown = sides.sample(min(len(sides), _MOST_POINTS), random_state=0) if len(sides) else sides
    points = {"mode": "markers", "marker": {"color": _OBJECT, "opacity": 0.4}, "name": "objects"}
    figure.add_scatter(x=shown["width"].tolist(), y=shown["height"].tolist(), row=1, col=1, **points)
    wide, high = list_anchors(detector).T.tolist()
    cross = {"mode": "markers", "marker": {"color": _ANCHOR, "symbol": "x", "size": 9}, "name": "anchors"}
    figure.add_scatter(x=wide, y=high, row=1, col=1, **cross)
    bars = {"marker": {"color": _OBJECT}, "showlegend": False}
    figure.add_histogram(x=sides.min(axis=1).tolist(), nbinsx=40, row=1, col=2, **bars)
    images = annotations["images"]
    sizes = Counter((image["width"], image["height"]) for image in images)
    marker = {"color": _OBJECT, "size": [6 + 4 * math.log(count) for count in sizes.values()]}
    texts = [f"{width} x {height}: {count} photos" for (width, height), count in sizes.items()]
    lengths = {"x": [width for width, _ in sizes], "y": [height for _, height in sizes]}
    figure.add_scatter(**lengths, mode="markers", marker=marker, text=texts, showlegend=False, row=2, col=1)
    per_photo = Counter(item["image_id"] for item in annotations["annotations"])
    counts = Counter(per_photo[image["id"]] for image in images)
    figure.add_bar(x=list(counts), y=list(counts.values()), row=2, col=2, **bars)
    axes = (("width, px", "height, px"), ("px", "objects"), ("width, px", "height, px"), ("objects", "photos"))
    for place, (across, down) in enumerate(axes):
        row, column = divmod(place, 2)
        figure.update_xaxes(title_text=across, row=row + 1, col=column + 1)
        figure.update_yaxes(title_text=down, row=row + 1, col=column + 1)
    figure.update_layout(template="plotly_white", height=800)
    return figure

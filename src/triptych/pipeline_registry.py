"""The pipelines `kedro run --pipelines NAME` knows."""

from kedro.pipeline import Pipeline

from triptych.pipelines.faq.pipeline import create_pipeline as create_faq
from triptych.pipelines.faq.pipeline import create_score_pipeline as create_faq_score
from triptych.pipelines.faq.pipeline import create_tune_pipeline as create_faq_tune
from triptych.pipelines.shelf.pipeline import create_pipeline as create_shelf
from triptych.pipelines.shelf.pipeline import create_score_pipeline as create_shelf_score
from triptych.pipelines.shelf.pipeline import create_tune_pipeline as create_shelf_tune
from triptych.pipelines.video.pipeline import create_pipeline as create_video
from triptych.pipelines.video.pipeline import create_style_pipeline as create_video_style
from triptych.settings import SEARCH_PLANS


def register_pipelines() -> dict[str, Pipeline]:
    """Build every pipeline of the project.

    The list is written out rather than searched for: `find_pipelines` imports whatever lies in the
    folder and turns an import error into a warning.

    Returns:
        Pipelines by name; `__default__` is what a bare `kedro run` runs.
    """
    faq, shelf, video = create_faq(), create_shelf(), create_video()
    return {
        "__default__": faq + shelf + video,
        "faq": faq,
        "faq_tune": create_faq_tune(SEARCH_PLANS["faq"]),
        "faq_score": create_faq_score(),
        "shelf": shelf,
        "shelf_tune": create_shelf_tune(SEARCH_PLANS["shelf"]),
        "shelf_score": create_shelf_score(),
        "video": video,
        "video_style": create_video_style(),
    }

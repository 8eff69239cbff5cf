"""The nodes that find the empty spaces on new photos."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework

from triptych.shelf.params import ScoringParams
from triptych.storage.folder import Folder


@distributed_job(  # type: ignore[untyped-decorator]
    Framework.MPI, num_nodes="params:scoring.num_nodes", processes_per_node="params:scoring.processes_per_node"
)
def score_photos(model: Path, new_photos: Path, scored: Path, scoring: ScoringParams) -> dict[str, Any]:
    """Find the empty spaces on the photos whose results are missing; all ranks of a distributed job share them.

    Args:
        model: The detector.
        new_photos: Folder of photos, read with its subfolders.
        scored: Keeps each photo's result, so that an interrupted scoring goes on; all ranks see it.
        scoring: Photos a step, runtime, and which photos are too large.

    Returns:
        The photos, the runtime, and what this rank did.
    """
    from triptych.shelf.scoring.ranks import score_as_rank

    return score_as_rank(model, new_photos, scored, scoring)


def collect_detections(
    model: Path,
    new_photos: Path,
    scored: Path,
    scoring_report: dict[str, Any],
    request_log: Path,
    scoring: ScoringParams,
) -> tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame, Folder]:
    """Put together what all ranks found, and draw it.

    Args:
        model: The detector.
        new_photos: The photos.
        scored: Each photo's result.
        scoring_report: What the ranks agreed on.
        request_log: Where measures of the photos are logged, if that is asked for.
        scoring: Which detections to believe.

    Returns:
        Detections in COCO's results format, counts by photo, photos that could not be read, and overlays.
    """
    from triptych.shelf.scoring.scoring import collect_scores

    scores = collect_scores(model, new_photos, scored, scoring_report, scoring)
    if scoring.log_requests:
        from triptych.drift.request_log import log_batch
        from triptych.drift.versions import MODEL
        from triptych.shelf.model.files import number_detector
        from triptych.shelf.scoring.photo_measures import measure_scored_photos

        measured = measure_scored_photos(model, new_photos, scores[1], scores[0], scoring)
        if len(measured):
            log_batch(request_log, measured.assign(**{MODEL: number_detector(model)}))
    return scores

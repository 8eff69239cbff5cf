"""Which model a request was answered by: of two models the same question has two probabilities, and nothing drifted."""

from __future__ import annotations

import hashlib
import logging

import pandas as pd

from triptych.errors import InputError

MODEL = "model"
"""Column of a reference and of requests: the number of the model; it is no measure."""
_BYTES = 6  # which JSON and floating-point numbers hold exactly
_logger = logging.getLogger(__name__)


def number_model(*parts: bytes) -> int:
    """Give the number of a model, in [0, 2**48): the same for the same parts.

    Args:
        parts: What it answers by.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return int.from_bytes(digest.digest()[:_BYTES], "big")


def match_versions(reference: pd.DataFrame, requests: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the requests that were answered by the model that the reference is of.

    Args:
        reference: Measures, and the number of the model; a reference that was made before there were any has none.
        requests: As that.

    Returns:
        The measures of both; all requests where the reference has no number.

    Raises:
        InputError: If there are requests, but all of another model.
    """
    if MODEL not in reference or reference.empty:
        return reference, requests
    own = requests[requests[MODEL] == reference[MODEL].iloc[0]] if MODEL in requests else requests.iloc[:0]
    if own.empty and len(requests):
        raise InputError(
            f"none of the {len(requests)} requests was answered by the model that the reference is of: take the "
            "reference of the version that answers (docs/how-to/watch-for-drift.md), or wait for requests to this one"
        )
    if len(own) < len(requests):
        _logger.info(
            "%d of %d requests were answered by another model: left out", len(requests) - len(own), len(requests)
        )
    return reference.drop(columns=MODEL), own.reset_index(drop=True)

from __future__ import annotations

import logging

import pytest

from triptych.log_levels import errors_only


def test_only_errors_are_reported_within_the_block(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("noisy")
    logger.setLevel(logging.INFO)
    with errors_only("noisy"):
        logger.warning("hidden")
        logger.error("shown")
    logger.info("shown again")
    assert caplog.messages == ["shown", "shown again"]

"""The service with its pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.service.conftest import PARAMS, MakeSettings, running
from triptych.service.app import create_app
from triptych.service.pages.router import make_pages_router


@pytest.fixture(scope="session")
def client(make_settings: MakeSettings) -> Iterator[TestClient]:
    """The whole service with its pages."""
    with running(create_app(make_settings("faq", "shelf", "video"), [make_pages_router(PARAMS)])) as client:
        yield client

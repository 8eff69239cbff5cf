"""The service with its pages, on a port of this machine: for requests, and for a browser."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx2
import pytest

from tests.kedro_project import restoring
from tests.service.conftest import PARAMS, MakeSettings, wait_until
from triptych.service.app import create_app
from triptych.service.pages.router import make_page_rules, make_pages_router
from triptych.service.server import make_server

HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="session")
def address(make_settings: MakeSettings) -> Iterator[str]:
    """Where the service is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        params = PARAMS.replace(port=free.getsockname()[1], poll_s=1.0)
    settings = make_settings("faq", "shelf", "video", params=params)
    server = make_server(create_app(settings, [make_pages_router(params)], make_page_rules(params)), params)
    thread = threading.Thread(target=server.run)
    with restoring():
        thread.start()
        try:
            wait_until(lambda: server.started)
            found = f"http://127.0.0.1:{params.port}"
            wait_until(lambda: httpx2.get(f"{found}/health/ready").status_code == 200, 120)
            yield found
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx2.Client]:
    """Ask the service."""
    with httpx2.Client(base_url=address, timeout=60) as client:
        yield client

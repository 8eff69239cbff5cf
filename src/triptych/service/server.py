"""The server: uvicorn, with what it has no setting for."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import re
import signal
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from triptych.errors import InputError
from triptych.service.params import ServiceParams

_UPGRADE = re.compile(rb"(\r\n)upgrade:", re.IGNORECASE)


def check_exposure(params: ServiceParams, token: str | None) -> None:
    """Refuse to listen beyond this machine without a token.

    Raises:
        InputError: If that is asked for.
    """
    if token is None and not is_loopback(params.host):
        raise InputError(
            f"{params.host} can be reached from other machines: give a token by --token-env NAME or --token-file FILE, "
            "or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def settle_memory() -> None:
    """Take what is in memory out of the rounds of the garbage collector.

    Each round through what MLflow alone has imported, 350,000 objects, stops all answers for a fifth of a second.
    """
    gc.collect()
    gc.freeze()


def make_server(app: FastAPI, params: ServiceParams) -> uvicorn.Server:
    """Make the server; its `run` returns when it is told to stop."""
    config = uvicorn.Config(
        app,
        host=params.host,
        port=params.port,
        http=_with_head_timeout(params.timeouts.head_s),
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        log_config=None,
        limit_concurrency=params.limits.max_connections,
        timeout_keep_alive=max(1, round(params.timeouts.idle_s)),
        timeout_graceful_shutdown=max(1, round(params.timeouts.stop_s)),
    )
    return uvicorn.Server(config)


def run_server(server: uvicorn.Server) -> None:
    """Run it until it is told to stop, and return.

    When it has ended uvicorn sends the signal again, which would end the process before anything else is put away.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def _with_head_timeout(timeout_s: float) -> type[HttpToolsProtocol]:
    """Make a protocol that closes connections whose request does not begin, or has no end of its head, in time.

    Nor is the end of a body waited for much longer whose request has been answered already.
    """

    class Protocol(HttpToolsProtocol):
        _late: asyncio.TimerHandle | None = None
        _is_whole = True

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(timeout_s, self._close_late)

        def data_received(self, data: bytes) -> None:
            super().data_received(_pass_over_upgrade(data) if self._is_whole else data)

        def on_message_begin(self) -> None:
            self._is_whole = False
            if self._late is None:
                self._late = self.loop.call_later(timeout_s, self._close_late)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._stop_clock()
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._is_whole = True
            super().on_message_complete()
            if self.cycle.response_complete:
                self._stop_clock()
                self._unset_keepalive_if_required()
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self._is_whole and self.cycle.response_complete:
                self._stop_clock()
                self._late = self.loop.call_later(timeout_s, self._close_late)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_clock()
            super().connection_lost(exc)

        def _stop_clock(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _close_late(self) -> None:
            self._late = None
            if not self.transport.is_closing():
                self.transport.close()

    return Protocol


def _pass_over_upgrade(data: bytes) -> bytes:
    """Rename the header by which a client offers another protocol, as Java's does with every first request.

    Offers may be passed over (RFC 9110, 7.8), but httptools takes the body for the other protocol's.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(rb"\1x-upgrade:", head) + end + rest

"""Answers that guards give instead of a route."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LINGER_S, _SILENCE_S = 10.0, 2.0
_KEPT_BYTES = 1_000_000


def refuse(status: int, detail: str, headers: Mapping[str, str] | None = None) -> ASGIApp:
    """Make an answer with the reason, to a request of which `receive` still gives what has not been read.

    That is thrown away after the answer, for a while: a connection that is closed with data in it is reset, and the
    caller, who still sends, never sees the answer (RFC 9112, 9.6). It stays open for further requests where the body is
    small.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        close = {} if _is_small(Headers(scope=scope)) else {"Connection": "close"}
        end: list[Message] = []

        async def send_but_end(message: Message) -> None:
            if message["type"] == "http.response.body":
                end.append({"type": "http.response.body", "body": b"", "more_body": False})
                message = {**message, "more_body": True}
            await send(message)

        response = JSONResponse({"detail": detail}, status, {**close, **(headers or {})})
        await response(scope, receive, send_but_end)
        await _drain(receive)
        for message in end:
            await send(message)

    return answer


def _is_small(headers: Headers) -> bool:
    """Tell whether a request has no body, or one that is sooner read than a new connection is made."""
    if "transfer-encoding" in headers:
        return False
    length = headers.get("content-length", "0")
    return length.isdecimal() and int(length) <= _KEPT_BYTES


async def _drain(receive: Receive) -> None:
    end = time.monotonic() + _LINGER_S
    while (left := end - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), min(left, _SILENCE_S))
        except asyncio.TimeoutError:
            return
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return

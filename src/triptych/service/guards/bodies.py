"""Bodies: their type, their size while they come, and how long they may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triptych.service.guards.answers import refuse
from triptych.service.guards.json_shape import find_shape_problem
from triptych.service.params import LimitParams, TimeoutParams

JSON, CSV, FORM, MULTIPART = (
    "application/json",
    "text/csv",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
)
_MB = 1_000_000
_OVER = "the body has more than {} bytes: ask in parts"
_ALSO = {503: {"Retry-After": "1"}, 408: {"Connection": "close"}}
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class BodyRule:
    """What bodies a part of the paths takes.

    Attributes:
        prefix: Of the paths.
        max_bytes: Of a body.
        media_types: Of a body.
        is_held: Whether it is read whole before the route is called; else the route reads it as it comes, and only its
            size is looked at.
    """

    prefix: str
    max_bytes: int
    media_types: Collection[str]
    is_held: bool = True


def make_rules(limits: LimitParams) -> list[BodyRule]:
    """Make the rules of the routes that this package has."""
    return [
        BodyRule("/faq/", int(limits.max_faq_body_mb * _MB), (JSON, CSV)),
        BodyRule("/shelf/", int(limits.max_shelf_body_mb * _MB), (JSON, CSV, MULTIPART)),
        BodyRule("/video/", int(limits.max_video_body_mb * _MB), (JSON, MULTIPART)),
        BodyRule("/invocations", int(limits.max_shelf_body_mb * _MB), (JSON, CSV)),
    ]


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class BodyGuard:
    """Reads bodies for the routes, within limits.

    Args:
        app: What is guarded.
        rules: By prefix of the path, the first that fits; other paths take small JSON and forms.
        limits: Of JSON and of all bodies together.
        timeouts: Of a body.
        queues: By path, why nothing is taken now, empty if it is: past capacity no body is read, only to be refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        rules: Sequence[BodyRule],
        limits: LimitParams,
        timeouts: TimeoutParams,
        queues: Mapping[str, Callable[[], str]] | None = None,
    ) -> None:
        self._app, self._rules, self._limits, self._queues = app, rules, limits, queues or {}
        self._timeout_s = timeouts.body_s
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body of a request and pass both on, or refuse it."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        rule = next((rule for rule in self._rules if scope["path"].startswith(rule.prefix)), _DEFAULT)
        held, coming = _Held(), _Coming(receive, rule)
        try:
            self._check_queue(scope["path"])
            self._check_head(Headers(scope=scope), rule)
            body = await self._read(coming, rule, held) if rule.is_held else None
            self._check_shape(Headers(scope=scope), body)
        except _RefusedError as error:
            self._held -= held.size
            await refuse(error.status, error.detail, _ALSO.get(error.status))(scope, coming.rest, send)
            return
        try:
            await self._app(scope, coming if body is None else _replay(receive, body), send)
        except ClientDisconnect:  # the caller's doing, and nothing for the log
            if coming.is_over:
                await refuse(413, _OVER.format(rule.max_bytes))(scope, coming.rest, send)
        finally:
            self._held -= held.size

    def _check_queue(self, path: str) -> None:
        if path in self._queues and (reason := self._queues[path]()):
            raise _RefusedError(503, reason)

    def _check_head(self, headers: Headers, rule: BodyRule) -> None:
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise _RefusedError(400, "Content-Length is no number")
        if int(length) > rule.max_bytes:
            raise _RefusedError(413, f"the body has {length} bytes, more than {rule.max_bytes}: ask in parts")
        media_type, charset = read_content_type(headers.get("content-type", ""))
        if length == "0" and "transfer-encoding" not in headers and not media_type:
            return  # an empty body, which needs no type
        if media_type not in rule.media_types:
            raise _RefusedError(415, f"the Content-Type must be one of {', '.join(rule.media_types)}")
        if charset not in ("", "utf-8", "utf8"):
            raise _RefusedError(415, "only UTF-8 is read")
        if headers.get("content-encoding", "identity") != "identity":
            raise _RefusedError(415, "compressed bodies are not read")

    async def _read(self, coming: _Coming, rule: BodyRule, held: _Held) -> bytes:
        parts: list[bytes] = []
        end = time.monotonic() + self._timeout_s
        while True:
            try:
                message = await asyncio.wait_for(coming(), max(0.0, end - time.monotonic()))
            except asyncio.TimeoutError:
                raise _RefusedError(408, f"the body did not come within {self._timeout_s:g} s") from None
            if coming.is_over:
                raise _RefusedError(413, _OVER.format(rule.max_bytes))
            if message["type"] == "http.disconnect":
                raise _RefusedError(400, "the connection ended within the body")
            part = message.get("body", b"")
            self._hold(len(part), held)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _hold(self, size: int, held: _Held) -> None:
        held.size += size
        self._held += size
        if self._held > self._limits.max_held_mb * _MB:
            raise _RefusedError(503, "too many requests are being read: ask again")

    def _check_shape(self, headers: Headers, body: bytes | None) -> None:
        if body and read_content_type(headers.get("content-type", ""))[0] == JSON:
            problem = find_shape_problem(body, self._limits.max_json_depth, self._limits.max_json_values)
            if problem:
                raise _RefusedError(400, problem)


@dataclass
class _Held:
    """Bytes of a request that are in memory."""

    size: int = 0


_DEFAULT = BodyRule("", 1_000_000, (JSON, FORM))


def read_content_type(value: str) -> tuple[str, str]:
    """Give the media type and charset of a Content-Type, lower case; empty where there is none."""
    media_type, *parameters = (part.strip() for part in value.lower().split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    return media_type, charsets[0] if charsets else ""


def _replay(receive: Receive, body: bytes) -> Receive:
    """Give a body that has been read, and afterwards what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


class _Coming:
    """Gives a body as it comes, and ends it where it is too large."""

    def __init__(self, receive: Receive, rule: BodyRule) -> None:
        self._receive, self._left, self._is_whole = receive, rule.max_bytes, False

    @property
    def is_over(self) -> bool:
        """Whether it was too large."""
        return self._left < 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body")
        # As if the caller had gone: a route must not take a part for the whole.
        return {"type": "http.disconnect"} if self.is_over else message

    async def rest(self) -> Message:
        """Give what is still to come, however much."""
        if self._is_whole:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._is_whole = not message.get("more_body")
        return message

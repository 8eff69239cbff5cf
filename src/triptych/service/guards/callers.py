"""Who may ask: the right host name, no page of another site, and where there is a token, whoever has it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from triptych.service.guards.answers import refuse

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
OPEN_PATHS = ("/health/live", "/health/ready", "/ping")
"""For probes, which have no token: they say yes or no."""
_SAFE = ("GET", "HEAD", "OPTIONS")


class HostGuard:
    """Refuses other names of the host than are allowed, and what pages of other sites post.

    A page of any site may have its name point to loopback (DNS rebinding), and may post forms to any address.

    Args:
        app: What is guarded.
        allowed: Names without port, or IP addresses; empty for any.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self._app, self._allowed = app, frozenset(name.lower().strip("[]") for name in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        name = split_host(hosts[0]) if len(hosts) == 1 else ""
        if not name or (self._allowed and name not in self._allowed):
            await refuse(421, "this service is not known by the Host that was asked for")(scope, receive, send)
        elif scope["method"] not in _SAFE and not _is_same_origin(headers, hosts[0]):
            await refuse(403, "pages of other origins may not post to this service")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class TokenGuard:
    """Refuses requests without the token, as bearer or as the password of a browser's prompt.

    Args:
        app: What is guarded.
        token: The token; None lets everyone in.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token.encode() if token is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            given = read_token(Headers(scope=scope).get("authorization", ""))
            known = self._token is None or hmac.compare_digest(given, self._token)
            scope.setdefault("state", {})["is_known"] = known
            if not known and scope["path"] not in OPEN_PATHS:
                asks = {"WWW-Authenticate": 'Bearer realm="triptych", Basic realm="triptych", charset="UTF-8"'}
                detail = "a token is needed: Authorization: Bearer TOKEN" if not given else "the token is wrong"
                await refuse(401, detail, asks)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def split_host(host: str) -> str:
    """Give the name in a Host header, lower case, without port; empty if it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    is_plain = parts.netloc == host and not parts.username and not parts.path
    return (parts.hostname or "") if is_plain else ""


def read_token(authorization: str) -> bytes:
    """Read the token of a request; empty if it has none."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip().encode("latin-1", "replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _is_same_origin(headers: Headers, host: str) -> bool:
    """Tell whether a request is of our own pages, or of no browser at all."""
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc.lower() == host.lower() and origin != "null"
        except ValueError:  # such as http://[
            return False
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")

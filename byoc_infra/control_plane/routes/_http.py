"""What holds for every request before a route sees it: a limit on its body, a line in the log."""

import time

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from byoc_infra.control_plane.routes._errors import render
from byoc_infra.errors import BodyTooLarge

__all__ = ["BODY_LIMIT", "BodyLimit", "RequestLog"]

BODY_LIMIT = 1 << 20
"""Bytes; a deployment with a full set of secrets (64 KiB) has room many times over."""
log = structlog.get_logger(__name__)


class BodyLimit:
    """Middleware: a longer body is refused, whatever its length was said to be."""

    def __init__(self, app: ASGIApp, *, limit: int = BODY_LIMIT) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, with its body read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if said.isdecimal() and int(said) > self.limit:
            await self._refuse(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":  # the client has gone
                return
            body += message.get("body", b"")
            if len(body) > self.limit:
                await self._refuse(scope, receive, send)
                return
            if not message.get("more_body"):
                break
        await self.app(scope, _first(body, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = BodyTooLarge(
            "body",
            wanted=f"at most {self.limit} bytes",
            got="more",
            next_step="Send less; files belong into the image.",
        )
        await render(error, Request(scope))(scope, receive, send)


class RequestLog:
    """Middleware: one line for each request, when it has been answered; never its query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_ms=round((time.monotonic() - began) * 1000, 1),
            )


def _first(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body which was read, then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

"""The reverse proxy behind one listener: per-request routing, streaming both ways."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import httpx

from byoc_infra.local.balancing.targets import Target
from byoc_infra.local.balancing.web import Message

__all__ = ["Answer", "Forward", "ListenerApp", "Router"]

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CONNECT_S = 10.0
"""What an ALB gives a target to take the connection (ELB user guide, HTTP 504)."""
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding"}
    | {b"upgrade", b"proxy-authenticate", b"proxy-authorization"}
)


@dataclass(frozen=True)
class Answer:
    """A response that the balancer gives itself."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Forward:
    """Send the request to this target."""

    target: Target
    idle_s: float


class Router(Protocol):
    """Decides on one request; the balancer, or a test."""

    def route(self, *, host: str, path: str, query: str, method: str) -> Answer | Forward:
        """What to do with a request."""


class ListenerApp:
    """An ASGI app that does what an ALB listener does."""

    def __init__(self, router: Router, client: httpx.AsyncClient, port: int) -> None:
        self.router = router
        self.client = client
        self.port = port

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = scope.get("raw_path") or scope["path"].encode()
        headers: Headers = scope["headers"]
        chosen = self.router.route(
            host=_first(headers, b"host"),
            path=path.decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            method=scope["method"],
        )
        if isinstance(chosen, Answer):
            await _say(send, chosen)
            return
        chosen.target.in_flight += 1
        try:
            await self._forward(chosen, scope, receive, send)
        finally:
            chosen.target.in_flight -= 1

    async def _forward(self, to: Forward, scope: Message, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        pump = asyncio.ensure_future(self._pump(to, scope, body, send))
        gone = asyncio.ensure_future(body.disconnected.wait())
        done, _ = await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        for one in (pump, gone):
            one.cancel()
        body.close()
        if pump in done:
            await pump
        with suppress(asyncio.CancelledError):
            await pump

    async def _pump(self, to: Forward, scope: Message, body: "_Body", send: Send) -> None:
        started = False
        try:
            request = self._request(to, scope, body)
            answer = await self.client.send(request, stream=True)
            try:
                headers = [h for h in answer.headers.raw if h[0].lower() not in HOP_BY_HOP]
                started = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": answer.status_code,
                        "headers": [(k.lower(), v) for k, v in headers],
                    }
                )
                async for chunk in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                await answer.aclose()
        except httpx.TimeoutException:
            if not started:
                await _say(send, _error(504, "Gateway Time-out"))
        except httpx.HTTPError:
            # Once the answer has begun, its connection is cut: the client must not take half an
            # answer for a whole one. uvicorn does that when the app ends without the last chunk.
            if not started:
                await _say(send, _error(502, "Bad Gateway"))

    def _request(self, to: Forward, scope: Message, body: "_Body") -> httpx.Request:
        headers: Headers = scope["headers"]
        path = scope.get("raw_path") or scope["path"].encode()
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        url = httpx.URL(
            scheme="http",
            host=to.target.address,
            port=to.target.port,
            raw_path=path + query,
        )
        names = {name for name, _ in headers}
        content = body.chunks() if names & {b"content-length", b"transfer-encoding"} else None
        if content is None:
            body.watch()
        timeout = httpx.Timeout(to.idle_s, connect=CONNECT_S, pool=None)
        return self.client.build_request(
            scope["method"],
            url,
            headers=_forwarded(scope, headers, self.port),
            content=content,
            timeout=timeout,
        )


class _Body:
    """The request's body, and the news that the client has gone."""

    def __init__(self, receive: Receive) -> None:
        self.disconnected = asyncio.Event()
        self._receive = receive
        self._watcher: asyncio.Task[None] | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.disconnected.set()
                return
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]
        self.watch()

    def watch(self) -> None:
        """Wait for the client to go, once nothing else reads from it."""
        if self._watcher is None:
            self._watcher = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected.set()

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()


def _forwarded(scope: Message, headers: Headers, port: int) -> Headers:
    """The request's headers with what an ALB adds; a client's own X-Forwarded-For is kept."""
    client = (scope.get("client") or ("127.0.0.1", 0))[0]
    kept = [(k, v) for k, v in headers if k not in HOP_BY_HOP and not k.startswith(b"x-forwarded-")]
    before = _first(headers, b"x-forwarded-for")
    chain = f"{before}, {client}" if before else client
    kept.append((b"x-forwarded-for", chain.encode("latin-1")))
    kept.append((b"x-forwarded-proto", scope.get("scheme", "http").encode()))
    kept.append((b"x-forwarded-port", str(port).encode()))
    if not _first(headers, b"x-amzn-trace-id"):
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        kept.append((b"x-amzn-trace-id", trace.encode()))
    return kept


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((v.decode("latin-1") for k, v in headers if k == name), "")


def _error(status: int, words: str) -> Answer:
    title = f"{status} {words}".encode()
    page = b"<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
    return Answer(status, page % (title, title) + b"</body>\r\n</html>\r\n")


async def _say(send: Send, answer: Answer) -> None:
    headers = list(answer.headers) or [(b"content-type", b"text/html")]
    headers += [
        (b"server", b"awselb/2.0"),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


UNAVAILABLE = _error(503, "Service Temporarily Unavailable")
"""What an ALB says when its group has no target."""

"""Requests to the control plane, its errors as ours, and streams that go on where they broke."""

import json
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from byoc_infra.client.refusals import refusal
from byoc_infra.errors import DatabaseUnreachable, ServerUnreachable

__all__ = ["Http", "SentEvent"]

TRIES = 4
"""For what may be sent again: reads, and requests with an idempotency key."""
PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
RETRY_STATUS = frozenset({502, 504})
"""A proxy's words, not the control plane's."""
SILENCE_S = 60.0
"""A stream says something every 15 s; one that is silent for so long is dead."""
PATIENCE_S = 300.0
"""For so long a stream is tried again while the control plane does not answer."""
AWAY = (ServerUnreachable, DatabaseUnreachable)
"""It, or its database, comes back by itself; what is asked for stays the same."""


@dataclass(frozen=True)
class SentEvent:
    """One server-sent event."""

    kind: str
    id: str
    data: Any


class Http:
    """One control plane, as one caller."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        tenant_id: uuid.UUID | str | None = None,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        tenant = {} if tenant_id is None else {"X-Tenant-Id": str(tenant_id)}
        self._url = url.rstrip("/")
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=self._url,
            headers={"X-Api-Key": api_key, "Accept": "application/json", **tenant},
            timeout=timeout_s,
            transport=transport,
            verify=_trusted(self._url),
        )

    def get(self, path: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        """The answer to a read."""
        return self._sent("GET", path, params=_given(params), again=True).json()

    def send(
        self, method: str, path: str, body: object | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """A change; with a key it is done once, however often it is sent."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self._sent(method, path, json=body, headers=headers, again=key is not None)

    def pages(self, path: str, **params: object) -> Iterator[Any]:
        """Every resource of a list."""
        offset = 0
        while True:
            page = self.get(path, **params, limit=100, offset=offset)
            yield from page["resources"]
            if not page["resources"] or page["offset"] <= offset:
                return
            offset = page["offset"]

    def follow(self, path: str, *, last: str = "0") -> Iterator[SentEvent]:
        """Server-sent events until the stream's `end`; a broken stream is taken up again."""
        pause, since = PAUSE_S, time.monotonic()
        while True:
            try:
                for event in self._stream(path, last):
                    last, pause, since = event.id, PAUSE_S, time.monotonic()
                    yield event
                    if event.kind == "end":
                        return
            except AWAY:
                if time.monotonic() - since > PATIENCE_S:
                    raise
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)

    def _stream(self, path: str, last: str) -> Iterator[SentEvent]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
        limits = httpx.Timeout(10.0, read=SILENCE_S)
        try:
            with self._client.stream("GET", path, headers=headers, timeout=limits) as answer:
                if answer.is_error:
                    answer.read()
                    self._refuse(answer)
                yield from _parsed(_lines(answer.iter_text()), last)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _sent(
        self,
        method: str,
        path: str,
        *,
        again: bool,
        **request: Any,  # noqa: ANN401 - httpx's own arguments
    ) -> httpx.Response:
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES or not again
            try:
                answer = self._client.request(method, path, **request)
            except httpx.TransportError as error:
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == TRIES or not (again or unsent):
                    raise self._unreachable(error) from error
            else:
                if last or answer.status_code not in RETRY_STATUS:
                    self._refuse(answer)
                    return answer
            self._sleep(PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError  # the last attempt has returned or raised

    def _refuse(self, answer: httpx.Response) -> None:
        if answer.is_error:
            raise refusal(answer)

    def _unreachable(self, error: httpx.TransportError) -> ServerUnreachable:
        return ServerUnreachable(
            "BYOC_URL",
            wanted=f"a control plane that answers at {self._url}",
            got=f"{type(error).__name__}: {error}",
            next_step="Start it (`byoc server`), or give its address in BYOC_URL.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _given(params: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _lines(chunks: Iterator[str]) -> Iterator[str]:
    """Split at line feeds alone: JSON may hold other separators as they are."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from whole


def _parsed(lines: Iterator[str], last: str) -> Iterator[SentEvent]:
    """By the WHATWG rules, as far as this API goes: comments, `event`, `id` and `data`."""
    kind, data = "message", list[str]()
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield SentEvent(kind, last, json.loads("\n".join(data)))
            kind, data = "message", []
        elif name == "event":
            kind = value
        elif name == "id":
            last = value
        elif name == "data":
            data.append(value)


def _trusted(url: str) -> ssl.SSLContext | bool:
    """The usual authorities, whose certificates take long to load; nobody where none is shown."""
    return httpx.URL(url).scheme != "http" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

"""The client's way to the control plane: errors, repeats, streams that break."""

import json
import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from byoc_infra.client import Client
from byoc_infra.client.http import Http, SentEvent, _trusted
from byoc_infra.errors import (
    ByocError,
    Conflict,
    NotFound,
    ReservedName,
    ServerFailed,
    ServerUnreachable,
    SpecError,
)

Answers = Callable[[httpx.Request], httpx.Response]
FIELDS = {"field": "f", "wanted": "w", "got": "g", "next_step": "n", "retryable": False}


def http(answers: Answers) -> Http:
    """A client of whoever answers so; it does not sleep."""
    return Http(
        "http://plane",
        "byoc_key",
        transport=httpx.MockTransport(answers),
        sleep=lambda _: None,
    )


def stream(*blocks: str) -> httpx.Response:
    """An answer of server-sent events, cut into odd chunks."""
    whole = "".join(block + "\n\n" for block in blocks).encode()

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(whole), 7):
            yield whole[start : start + 7]

    return httpx.Response(200, content=chunks())


def event(number: int, kind: str = "progress", text: str = "") -> str:
    """One event as it is sent."""
    data = json.dumps({"n": number, "text": text}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\nid: {number}"


@pytest.mark.parametrize(
    ("status", "body", "kind", "got"),
    [
        (404, {"detail": "x", "code": "NOT_FOUND", **FIELDS}, NotFound, "g"),
        (409, {"detail": "x", "code": "CONFLICT", **FIELDS}, Conflict, "g"),
        (500, {"detail": "x", "code": "OF_NEXT_YEAR", **FIELDS}, ServerFailed, "g"),
        (404, {"detail": "Not Found"}, ServerFailed, "Not Found"),
        (502, "<html>Bad gateway</html>", ServerFailed, "HTTP 502"),
        (500, ["odd"], ServerFailed, "HTTP 500"),
    ],
)
def test_a_refusal_is_the_control_planes_own_error(
    status: int, body: object, kind: type[ByocError], got: str
) -> None:
    """By its code; an answer without our fields is told as it came."""
    answer = (
        httpx.Response(status, text=body)
        if isinstance(body, str)
        else httpx.Response(status, json=body)
    )

    with pytest.raises(ByocError) as refused:
        http(lambda _: answer).send("POST", "/x", {})

    assert type(refused.value) is kind
    assert refused.value.got == got


def test_a_failure_of_the_server_names_the_request() -> None:
    """So that its operator finds it in the log."""
    answer = httpx.Response(500, json={"detail": "x"}, headers={"X-Request-Id": "req-7"})

    with pytest.raises(ServerFailed, match="request req-7"):
        http(lambda _: answer).send("POST", "/x", {})


@pytest.mark.parametrize(
    ("mistake", "kind", "field"),
    [
        (
            {"loc": ["body", "secrets", 0, "name"], "msg": "m", "type": "t"},
            SpecError,
            "secrets.0.name",
        ),
        ({"loc": ["path", "deployment_id"], "msg": "m", "type": "t"}, SpecError, "deployment_id"),
        (
            {
                "loc": ["body", "x"],
                "msg": "m",
                "type": "t",
                "ctx": {"code": "RESERVED_NAME", **FIELDS},
            },
            ReservedName,
            "f",
        ),
    ],
)
def test_a_field_that_is_not_taken_is_named(
    mistake: dict[str, object], kind: type[ByocError], field: str
) -> None:
    """FastAPI's own list and ours are one error to the caller."""
    with pytest.raises(ByocError) as refused:
        http(lambda _: httpx.Response(422, json={"detail": [mistake]})).send("POST", "/x", {})

    assert type(refused.value) is kind
    assert refused.value.field == field


def failing(
    times: int, calls: list[httpx.Request], error: type[Exception] = httpx.ReadError
) -> Answers:
    """Fails so often, then answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        if len(calls) <= times:
            raise error("reset")
        return httpx.Response(200, json={"done": True})

    return answer


def test_reads_and_requests_with_a_key_are_sent_again() -> None:
    """The key is the same each time, so that it is done once."""
    reads, writes = list[httpx.Request](), list[httpx.Request]()

    assert http(failing(2, reads)).get("/x") == {"done": True}
    http(failing(3, writes)).send("POST", "/x", {}, key="one")

    assert [len(reads), len(writes)] == [3, 4]
    assert {one.headers["Idempotency-Key"] for one in writes} == {"one"}


def test_what_could_not_be_sent_is_sent_again() -> None:
    """A server that is just starting refuses connections; nothing has reached it."""
    calls = list[httpx.Request]()

    http(failing(2, calls, httpx.ConnectError)).send("POST", "/x", {})

    assert len(calls) == 3


def test_a_change_without_a_key_is_sent_once() -> None:
    """Nobody knows whether it was done."""
    calls = list[httpx.Request]()

    with pytest.raises(ServerUnreachable, match="BYOC_URL"):
        http(failing(1, calls)).send("POST", "/x", {})

    assert len(calls) == 1


def test_events_are_read_whatever_stands_in_them() -> None:
    """Comments are passed over; only a line feed ends a line."""
    blocks = [": ping", event(1, text="line one\u2028still: one"), event(2, "end")]

    told = list(http(lambda _: stream(*blocks)).follow("/events"))

    assert told == [
        SentEvent("progress", "1", {"n": 1, "text": "line one\u2028still: one"}),
        SentEvent("end", "2", {"n": 2, "text": ""}),
    ]


def test_a_broken_stream_goes_on_behind_the_last_event() -> None:
    """Whether it ended early or the server was away for a while."""
    asked = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        match len(asked):
            case 1:
                return stream(event(1), event(2))
            case 2:
                raise httpx.ReadError("reset")
            case _:
                return stream(event(3), event(4, "end"))

    told = [one.id for one in http(answer).follow("/events")]

    assert told == ["1", "2", "3", "4"]
    assert asked == ["0", "2", "2"]


def test_a_stream_outlives_the_restart_of_the_servers_database() -> None:
    """The server says that it cannot look just now, and has not lost what it told of."""
    away = {"detail": "x", "code": "DATABASE_UNREACHABLE", **FIELDS}
    answers = iter((stream(event(1)), httpx.Response(503, json=away), stream(event(2, "end"))))

    told = [one.id for one in http(lambda _: next(answers)).follow("/events")]

    assert told == ["1", "2"]


def test_a_server_that_stays_away_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at once, and not never."""
    monkeypatch.setattr("byoc_infra.client.http.PATIENCE_S", 0.0)

    with pytest.raises(ServerUnreachable):
        list(http(failing(9, [])).follow("/events"))


def test_a_stream_that_is_refused_is_not_tried_again() -> None:
    """A key that has ended does not come back."""
    answer = httpx.Response(404, json={"detail": "x", "code": "NOT_FOUND", **FIELDS})

    with pytest.raises(NotFound):
        list(http(lambda _: answer).follow("/events"))


def test_all_pages_of_a_list_are_read() -> None:
    """Until one is empty, or the server ignores the offset."""

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params["offset"])
        found = [{"n": n} for n in range(250)][offset : offset + 100]
        return httpx.Response(200, json={"resources": found, "offset": offset + len(found)})

    stuck = httpx.Response(200, json={"resources": [{"n": 1}], "offset": 0})

    assert [one["n"] for one in http(answer).pages("/x")] == list(range(250))
    assert list(http(lambda _: stuck).pages("/x")) == [{"n": 1}]


def test_the_key_is_in_no_representation() -> None:
    """Nor is it in an error."""
    client = Client("http://127.0.0.1:9", "byoc_0123_secret", sleep=lambda _: None)

    with pytest.raises(ServerUnreachable) as refused:
        client.operation("op-1")

    assert "secret" not in f"{client!r} {refused.value!r} {refused.value.__cause__!r}"


@pytest.mark.parametrize("url", ["https://plane.example.com", "HTTPS://plane.example.com"])
def test_who_shows_a_certificate_is_judged_by_the_usual_authorities(url: str) -> None:
    """However the URL is written."""
    assert _trusted(url) is True


def test_nobody_is_trusted_where_no_certificate_is_shown() -> None:
    """Should plain HTTP lead to HTTPS after all, it is refused."""
    trusted = _trusted("http://127.0.0.1:8080")

    assert isinstance(trusted, ssl.SSLContext)
    assert trusted.get_ca_certs() == []
    assert trusted.verify_mode is ssl.CERT_REQUIRED

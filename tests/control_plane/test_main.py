"""The application as it is put together."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

from byoc_infra.control_plane import main, routes
from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.routes._http import BODY_LIMIT
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.workflows.queue import Queue
from byoc_infra.errors import AddressTaken, SpecError
from tests.support.application import Bound
from tests.support.databases import Databases


@pytest.fixture
def services(store: Store) -> Iterator[Services]:
    """On a database of the test's own, with the real queue."""
    queue = Queue(store.url)
    yield Services(settings=Settings.of({}), store=store, queue=queue, env={})
    queue.close()


@pytest.fixture
def client(services: Services) -> TestClient:
    """Of the whole application."""
    return TestClient(Bound(services), raise_server_exceptions=False)


def test_a_server_with_its_database_is_alive_and_ready(client: TestClient) -> None:
    """For whoever starts it and whoever balances requests to it."""
    for path in ("/healthz", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"
        assert answer.headers["X-Request-Id"].startswith("req-")


def test_every_module_of_routes_is_served(client: TestClient) -> None:
    """A new noun needs no line anywhere else."""
    modules = {one.stem for one in Path(routes.__path__[0]).glob("[!_]*.py")}
    served = {
        tag
        for operations in client.get("/openapi.json").json()["paths"].values()
        for operation in operations.values()
        for tag in operation.get("tags", ["none"])
    }

    assert "none" not in served
    assert len(main._routers()) == len(modules)


def test_a_method_that_a_path_has_not_is_answered_with_those_that_it_has(
    client: TestClient,
) -> None:
    """All of them, whichever route the framework met first."""
    answer = client.put("/v2/deployments")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "DELETE, GET, POST"


def test_a_body_that_is_no_text_is_a_mistake_of_the_body(client: TestClient) -> None:
    """In the form of every other mistake."""
    answer = client.post(
        "/v2/deployments", content=b"a\xff", headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body"]


def test_errors_of_a_stream_are_described_as_json(client: TestClient) -> None:
    """FastAPI gives them the stream's own type."""
    document = client.get("/openapi.json").json()
    answers = document["paths"]["/byoc/v1/operations/{operation_id}/events"]["get"]["responses"]

    assert {status: list(answer.get("content", {})) for status, answer in answers.items()}[
        "404"
    ] == ["application/json"]
    assert list(answers["200"]["content"]) == ["text/event-stream"]


def test_without_its_database_a_server_is_alive_not_ready_and_says_so(client: TestClient) -> None:
    """503 with a time to come again, and not a mistake of ours."""
    bound: Bound = client.app  # type: ignore[assignment]  # what it was made with
    away = Store("postgresql://nobody:nothing@127.0.0.1:1/none")
    bound.services = replace(bound.services, store=away)

    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    away.close()
    assert answer.status_code == 503
    assert answer.json()["code"] == "DATABASE_UNREACHABLE"
    assert answer.json()["retryable"] is True
    assert answer.headers["Retry-After"] == "5"


def test_a_database_of_another_release_is_not_ready(databases: Databases) -> None:
    """An old server behind the balancer of a new one."""
    with databases.fresh(migrated=False) as url:
        store, queue = Store(url), Queue(url)
        client = TestClient(
            Bound(Services(settings=Settings.of({}), store=store, queue=queue, env={}))
        )

        assert client.get("/readyz").status_code == 503

        store.close()
        queue.close()


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_long_is_refused(client: TestClient, *, declared: bool) -> None:
    """Whether its length is told or not; it is not kept."""
    body = b" " * (BODY_LIMIT + 1)
    content = body if declared else iter([body[: BODY_LIMIT // 2], body[BODY_LIMIT // 2 :]])

    answer = client.post("/healthz", content=content)

    assert answer.status_code == 413
    assert answer.json()["code"] == "BODY_TOO_LARGE"
    assert answer.headers["X-Request-Id"]


def test_a_body_of_the_longest_kind_is_read(client: TestClient) -> None:
    """It comes to the route, which has no such method."""
    assert client.post("/healthz", content=b" " * BODY_LIMIT).status_code == 405


def test_each_request_is_one_line_of_the_log_without_its_query(client: TestClient) -> None:
    """A query may hold what should not be kept."""
    with structlog.testing.capture_logs() as said:
        client.get("/healthz?token=hunter22", headers={"X-Request-Id": "my-own-id"})

    (line,) = said
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/healthz", 200)
    assert line["duration_ms"] >= 0
    assert "hunter22" not in str(said)


def test_nothing_of_the_api_comes_from_elsewhere(client: TestClient) -> None:
    """The framework's own pages load scripts of another host."""
    assert [client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_open_address_needs_tls(host: str) -> None:
    """API keys would go over the network in the clear."""
    with pytest.raises(SpecError, match="BYOC_TLS_CERTIFICATE"):
        main._listener(Settings.of({"BYOC_HOST": host, "BYOC_PORT": "0"}))


def test_an_address_that_is_taken_is_said_at_once() -> None:
    """Before a database is started."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]

        with pytest.raises(AddressTaken, match="BYOC_PORT"):
            main._listener(Settings.of({"BYOC_PORT": str(port)}))

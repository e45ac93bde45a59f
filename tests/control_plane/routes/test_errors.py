"""How errors become answers, and what every answer carries."""

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel

from byoc_infra import errors
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.context import Admin, Deploy, Read
from byoc_infra.control_plane.routes._errors import EVERYWHERE, documented, install
from byoc_infra.errors import ByocError, CloudUnreachable, Conflict, SpecError, Unauthorized

KINDS = [getattr(errors, name) for name in errors.__all__ if name != "ByocError"]
SECRET = "postgres://user:hunter22@host/db"


class Keys:
    """Knows one key of each scope, by the scope's name."""

    def caller(self, given: str | None, *, tenant: str | None, request_id: str) -> Caller:
        """Whoever gives a scope as a key has it."""
        if given not in ("read", "deploy", "admin"):
            raise Unauthorized("X-Api-Key", wanted="a key", got="none", next_step="Get one.")
        return Caller(
            tenant_id=uuid.UUID(int=1),
            key_id=uuid.UUID(int=2),
            key_name="k",
            scope=given,  # type: ignore[arg-type]  # one of the three
            request_id=request_id,
        )


class Body(BaseModel):
    """What the test's route takes."""

    size: int
    secrets: dict[str, int] = {}


def client(error: Exception | None = None) -> TestClient:
    """An application of one route for each scope; the one for reading may raise `error`."""
    app = FastAPI()
    app.state.services = SimpleNamespace(keys=Keys())
    install(app)

    @app.get("/read")
    def read(caller: Read) -> str:
        if error:
            raise error
        return caller.request_id

    @app.post("/deploy", responses=EVERYWHERE)
    def deploy(caller: Deploy, body: Body) -> int:
        return body.size

    @app.get("/admin")
    def admin(caller: Admin) -> str:
        return caller.key_name

    return TestClient(app, raise_server_exceptions=False)


def error(kind: type[ByocError], field: str = "secrets.0.name") -> ByocError:
    """One of the kind."""
    return kind(field, wanted="a", got=SECRET, next_step="Do it.")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_answered_in_its_form(kind: type[ByocError]) -> None:
    """The list form for 422, the error's fields for all others; no secret in either."""
    answer = client(error(kind)).get("/read", headers={"X-Api-Key": "read"})

    assert answer.status_code == kind.http_status
    assert "hunter22" not in answer.text
    body = answer.json()
    if answer.status_code == 422:
        (mistake,) = body["detail"]
        assert mistake["loc"] == ["body", "secrets", 0, "name"]
        assert mistake["ctx"]["code"] == kind.code
    else:
        assert body["code"] == kind.code
        assert body["detail"].startswith("secrets.0.name: want a")
        assert ("Retry-After" in answer.headers) == kind.retryable


def test_a_mistake_of_ours_is_a_500_that_tells_nothing_but_its_id() -> None:
    """The trace is in the log, under the id that the client has."""
    answer = client(ZeroDivisionError("inside")).get("/read", headers={"X-Api-Key": "read"})

    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert answer.json()["code"] == "INTERNAL"
    assert answer.headers["X-Request-Id"] in answer.json()["next_step"]


@pytest.mark.parametrize(
    ("given", "where"), [("X-Api-Key", ["header", "X-Api-Key"]), ("limit", ["query", "limit"])]
)
def test_the_part_of_the_request_is_named(given: str, where: list[str]) -> None:
    """A field that is a header or in the query is said to be there."""
    answer = client(error(SpecError, given)).get("/read?limit=1", headers={"X-Api-Key": "read"})

    assert answer.json()["detail"][0]["loc"] == where


def test_what_was_given_is_not_repeated() -> None:
    """FastAPI itself would answer with the value; it may be a secret."""
    body = {"size": "hunter22-size", "secrets": {"KEY": "hunter22-secret"}}
    answer = client().post("/deploy", json=body, headers={"X-Api-Key": "deploy"})

    assert answer.status_code == 422
    assert [one["loc"] for one in answer.json()["detail"]] == [
        ["body", "size"],
        ["body", "secrets", "KEY"],
    ]
    assert "hunter22" not in answer.text


def test_who_is_unknown_learns_nothing_of_the_body() -> None:
    """The key is looked at first, even where the body is no JSON."""
    answer = client().post("/deploy", content="{")

    assert answer.status_code == 401


@pytest.mark.parametrize("given", ["read", "deploy", "admin"])
def test_a_scope_may_do_what_the_ones_before_may(given: str) -> None:
    """And nothing of those after it."""
    api, headers = client(), {"X-Api-Key": given}
    answers = {
        "read": api.get("/read", headers=headers),
        "deploy": api.post("/deploy", json={"size": 1}, headers=headers),
        "admin": api.get("/admin", headers=headers),
    }

    reached = list(answers)[: list(answers).index(given) + 1]
    assert {scope: one.status_code for scope, one in answers.items()} == {
        scope: 200 if scope in reached else 403 for scope in answers
    }


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/nowhere", 404, "NOT_FOUND"), ("/admin", 405, "HTTP_405")]
)
def test_what_the_api_has_not_is_answered_in_the_same_form(
    path: str, status: int, code: str
) -> None:
    """Unknown paths and methods, too."""
    answer = client().put(path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Allow") == ("GET" if status == 405 else None)


def test_a_clients_own_request_id_is_kept_if_it_is_safe() -> None:
    """Any other gets one of ours, which is no way into a log line."""
    api = client()

    kept = api.get("/read", headers={"X-Api-Key": "read", "X-Request-Id": "trace-4711"})
    made = api.get("/read", headers={"X-Api-Key": "read", "X-Request-Id": 'x" level=fatal'})

    assert kept.headers["X-Request-Id"] == kept.json() == "trace-4711"
    assert made.headers["X-Request-Id"] == made.json()
    assert made.json().startswith("req-")
    assert api.get("/nowhere").headers["X-Request-Id"].startswith("req-")


def test_scopes_and_errors_are_in_the_openapi_document() -> None:
    """The scope as the role of the requirement; each status with its own form."""
    app: Any = client().app
    operation = app.openapi()["paths"]["/deploy"]["post"]

    assert operation["security"] == [{"ApiKey": ["deploy"]}]
    assert {"401", "403", "422", "500"} <= set(operation["responses"])
    shown = operation["responses"]["422"]["content"]["application/json"]["schema"]["$ref"]
    assert shown.endswith("InvalidAnswer")


def test_errors_of_one_status_are_documented_together() -> None:
    """By code, with their first line."""
    found = documented(Conflict, CloudUnreachable)

    assert set(found) == {409, 503}
    assert found[409]["description"].startswith("CONFLICT: What is there already")

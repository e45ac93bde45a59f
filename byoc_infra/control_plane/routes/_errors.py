"""The one place where an error becomes an answer.

422 has FastAPI's list form, whoever found the mistake; all others have the error's own fields.
No answer repeats a value that was given: it may be a secret.
"""

import re
import traceback
from collections import defaultdict
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from byoc_infra.control_plane.context import REQUEST_ID, RequestIds, request_id_of
from byoc_infra.errors import (
    ByocError,
    Forbidden,
    NotFound,
    ServerFailed,
    SpecError,
    Unauthorized,
)
from byoc_infra.redaction import scrub

__all__ = ["EVERYWHERE", "ErrorAnswer", "InvalidAnswer", "documented", "install", "render"]

BAD_REQUEST = 400
METHOD_NOT_ALLOWED = 405
UNPROCESSABLE = 422
RETRY_AFTER_S = 5
JSON = "application/json"
STREAM = "text/event-stream"
log = structlog.get_logger(__name__)


class ErrorAnswer(BaseModel):
    """What is wrong, for a person in `detail` and for a program in the other fields."""

    detail: str
    code: str
    """Stable, upper case."""
    field: str
    wanted: str
    got: str
    next_step: str
    retryable: bool
    """Whether the same request may succeed later without any change."""


class Mistake(BaseModel):
    """One field of a request that cannot work."""

    loc: list[str | int] = Field(examples=[["body", "secrets", 0, "name"]])
    msg: str
    type: str
    ctx: dict[str, Any] = {}
    """Of this project's own checks: code, wanted, got, next_step."""


class InvalidAnswer(BaseModel):
    """What is wrong, field by field; nothing was created."""

    detail: list[Mistake]


def documented(*kinds: type[ByocError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for the errors that a route may answer with."""
    by_status: defaultdict[int, list[type[ByocError]]] = defaultdict(list)
    for kind in kinds:
        by_status[kind.http_status].append(kind)
    return {
        status: {
            "model": InvalidAnswer if status == UNPROCESSABLE else ErrorAnswer,
            "description": " ".join(
                f"{kind.code}: {(kind.__doc__ or '').splitlines()[0]}" for kind in found
            ),
        }
        for status, found in sorted(by_status.items())
    }


EVERYWHERE = documented(Unauthorized, Forbidden, SpecError, ServerFailed)
"""What any route with a caller may answer with; for `include_router`."""


def install(app: FastAPI) -> None:
    """Let the application answer every error in one form, and every answer carry its id."""
    described = app.openapi
    app.openapi = lambda: _errors_are_json(described())  # type: ignore[method-assign]
    app.add_middleware(RequestIds)
    app.add_exception_handler(ByocError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _unexpected)


def _errors_are_json(document: dict[str, Any]) -> dict[str, Any]:
    """The document, in which FastAPI gives a stream's errors the stream's own type."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if status >= "400" and STREAM in content:
                    content[JSON] = content.pop(STREAM)
    return document


def render(error: ByocError, request: Request) -> JSONResponse:
    """The answer that an error is."""
    if error.http_status == UNPROCESSABLE:
        return JSONResponse({"detail": [_mistake(error, request)]}, UNPROCESSABLE)
    body = {"detail": str(error), **error.as_dict()}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if error.retryable else {}
    return JSONResponse(_scrubbed(body), error.http_status, headers)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ByocError)  # noqa: S101 - what it is installed for
    return render(error, request)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is installed for
    found = [
        {"loc": [*one["loc"]], "msg": one["msg"], "type": one["type"]} for one in error.errors()
    ]
    return JSONResponse({"detail": _scrubbed(found)}, UNPROCESSABLE)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses: an unknown path, a method that a path has not."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is installed for
    if error.status_code == BAD_REQUEST:  # a body whose bytes are no text
        mistake = {"loc": ["body"], "msg": "want JSON in UTF-8", "type": "json_invalid"}
        return JSONResponse({"detail": [mistake]}, UNPROCESSABLE)
    unknown = NotFound(
        "path",
        wanted="a path and a method of this API",
        got=f"{request.method} {request.url.path}",
        next_step="See /openapi.json.",
    )
    body = {"detail": str(error.detail), **unknown.as_dict()}
    if error.status_code != NotFound.http_status:
        body["code"] = f"HTTP_{error.status_code}"
    headers = dict(error.headers or {})
    if error.status_code == METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return JSONResponse(_scrubbed(body), error.status_code, headers)


def _methods(request: Request) -> set[str]:
    """What may be done at the path; the framework knows only of the first route that it met."""
    document = request.app.openapi()["paths"]
    return {
        method.upper()
        for path, operations in document.items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path)
        for method in operations
    }


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """A mistake of ours: nothing of it is told but where to look."""
    request_id = request_id_of(request)
    # The words alone: a renderer of exceptions may add local variables, and with them secrets.
    trace = scrub("".join(traceback.format_exception(error)))
    log.error("request failed", path=request.url.path, trace=trace)
    answer = render(
        ServerFailed(
            "request",
            wanted="an answer",
            got="a failure of the control plane itself",
            next_step=f"Ask its operator; the log has it under {request_id}.",
        ),
        request,
    )
    answer.headers[REQUEST_ID] = request_id  # outside of the middleware that does it for others
    return answer


def _mistake(error: ByocError, request: Request) -> dict[str, Any]:
    loc = [_where(error.field, request), *(_step(part) for part in error.field.split("."))]
    ctx = {key: value for key, value in error.as_dict().items() if key != "retryable"}
    msg = f"want {error.wanted}, got {error.got}. {error.next_step}"
    found: dict[str, Any] = _scrubbed(
        {"loc": loc, "msg": msg, "type": error.code.lower(), "ctx": ctx}
    )
    return found


def _where(field: str, request: Request) -> str:
    """The part of the request that the field is in."""
    if field.lower() in request.headers:
        return "header"
    first = field.partition(".")[0]
    if first in request.path_params:
        return "path"
    return "query" if first in request.query_params else "body"


def _step(part: str) -> str | int:
    return int(part) if part.isdecimal() else part


def _scrubbed(value: Any) -> Any:  # noqa: ANN401 - JSON
    """AWS's words and a client's own are in an error; what looks like a secret is not."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(one) for key, one in value.items()}
    return [_scrubbed(one) for one in value] if isinstance(value, list) else value

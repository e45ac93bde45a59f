"""What the API refuses, as the same error that the control plane had."""

from collections.abc import Mapping
from typing import Any

import httpx

from byoc_infra import errors
from byoc_infra.errors import ByocError, SpecError

__all__ = ["error_of", "refusal"]

KINDS: dict[str, type[ByocError]] = {
    kind.code: kind
    for kind in (getattr(errors, name) for name in errors.__all__)
    if kind is not ByocError
}


def refusal(answer: httpx.Response) -> ByocError:
    """The error that an answer is; one without our fields is told as it came."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    detail = fields.get("detail")
    if isinstance(detail, list) and detail:
        return _mistake(detail[0])
    return error_of(
        {
            "field": "request",
            "wanted": "an answer of the control plane",
            "got": detail or f"HTTP {answer.status_code}",
            "next_step": "Look at the control plane's log.",
            **fields,
        },
        request_id=answer.headers.get("X-Request-Id") if answer.is_server_error else None,
    )


def error_of(fields: Mapping[str, Any], *, request_id: str | None = None) -> ByocError:
    """An error's fields as the error; a code that is not known here is the server's own failure."""
    kind = KINDS.get(str(fields.get("code")), errors.ServerFailed)
    return kind(
        str(fields["field"]),
        wanted=str(fields["wanted"]),
        got=str(fields["got"]),
        next_step=str(fields["next_step"]) + (f" (request {request_id})" if request_id else ""),
    )


def _mistake(first: Mapping[str, Any]) -> ByocError:
    """The first field that the control plane does not take."""
    told = first.get("ctx") or {}
    kind = KINDS.get(str(told.get("code")), SpecError)
    place = [str(part) for part in first.get("loc", ())[1:]]
    return kind(
        str(told.get("field") or ".".join(place) or "request"),
        wanted=str(told.get("wanted") or first.get("msg")),
        got=str(told.get("got") or "another value"),
        next_step=str(told.get("next_step") or "Correct it."),
    )

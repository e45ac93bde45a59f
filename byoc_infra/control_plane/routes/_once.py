"""Requests that may come again: the header, and the answer that is kept."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.context import Context
from byoc_infra.control_plane.services.idempotency import Claim, Idempotency, Reply
from byoc_infra.errors import AlreadyRunning, KeyReused

__all__ = ["ONCE_ERRORS", "OPERATION", "Once"]

ONCE_ERRORS = (AlreadyRunning, KeyReused)
"""What any request with an idempotency key may be answered with."""
OPERATION: dict[str, Any] = {
    "headers": {
        "Operation-Location": {
            "description": "Where the operation that was started can be watched.",
            "schema": {"type": "string"},
        }
    }
}
"""For a route's `responses`: the header of an answer that started something."""


class OneRequest:
    """A request, with its key if it has one."""

    def __init__(self, idempotency: Idempotency, key: str | None, request: bytes) -> None:
        self._idempotency = idempotency
        self._key = key
        self._request = request

    def answered(self, caller: Caller, do: Callable[[Claim], Reply]) -> Response:
        """The answer of `do`, or the one that was given before."""
        reply = self._idempotency.once(caller, self._key, self._request, do)
        headers = dict(reply.headers)
        if reply.body is None:
            return Response(status_code=reply.status, headers=headers)
        return JSONResponse(reply.body, reply.status, headers)


async def one_request(
    request: Request,
    services: Context,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A repeat with the same key within a day is answered as the first was, "
            "and does nothing. Any printable text of 1 to 255 characters, such as a UUID."
        ),
    ] = None,
) -> OneRequest:
    """The request as it came, which the key is bound to."""
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return OneRequest(services.idempotency, idempotency_key, target.encode() + await request.body())


Once = Annotated[OneRequest, Depends(one_request)]
"""A handler's parameter for what must happen once."""

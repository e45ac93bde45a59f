"""Errors and results in the protocol that the client spoke."""

import json
import uuid
from typing import Any
from xml.sax.saxutils import escape

from moto.core.serialize import get_serializer_class

from byoc_infra.local.authorizer.models import (
    SIGNING_NAMES,
    operation_model,
    protocols,
    service_model,
)
from byoc_infra.local.wire import AwsError, Call

__all__ = ["Answer", "protocol_of", "render_error", "render_json", "render_output", "speak"]

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""

_JSON_WORDS = {
    "AccessDenied": ("AccessDeniedException", 400),
    "ExpiredToken": ("ExpiredTokenException", 400),
    "IncompleteSignature": ("IncompleteSignatureException", 400),
    "InvalidAction": ("UnknownOperationException", 400),
    "InvalidClientTokenId": ("UnrecognizedClientException", 400),
    "MissingAuthenticationToken": ("MissingAuthenticationTokenException", 400),
    "SignatureDoesNotMatch": ("InvalidSignatureException", 400),
}
_EC2_WORDS = {
    "AccessDenied": ("UnauthorizedOperation", 403),
    "ExpiredToken": ("RequestExpired", 400),
    "InvalidClientTokenId": ("AuthFailure", 401),
    "SignatureDoesNotMatch": ("AuthFailure", 401),
}
_WORDS = {"json": _JSON_WORDS, "ec2": _EC2_WORDS}


def protocol_of(service: str) -> str:
    """The protocol in which a service is usually spoken to: `json`, `ec2` or `query`."""
    known = protocols(service)
    return next(name for name in ("json", "ec2", "query", *sorted(known)) if name in known)


def speak(error: AwsError, service: str, protocol: str) -> AwsError:
    """The error under the code that this protocol has for it, marked with where it belongs."""
    code, status = _WORDS.get(protocol, {}).get(error.code, (error.code, error.status))
    spoken = AwsError(code, error.message, status)
    spoken.service, spoken.protocol = service, protocol
    return spoken


def render_error(service: str, error: AwsError, *, protocol: str | None = None) -> Answer:
    """An error as its client expects it.

    `service` is botocore's name or the one in a signature, or empty where nobody could tell.
    """
    service = SIGNING_NAMES.get(service, service)
    service = service if service in SIGNING_NAMES.values() else ""
    form = protocol or error.protocol or (protocol_of(service) if service else "query")
    request_id = str(uuid.uuid4())
    if form == "json":
        headers = _json_headers(service, request_id)
        headers["x-amzn-ErrorType"] = error.code
        if service and "awsQueryCompatible" in service_model(service).metadata:
            headers["x-amzn-query-error"] = f"{_query_code(error.code)};Sender"
        body = json.dumps({"__type": error.code, "message": error.message})
        return error.status, headers, body.encode()
    return error.status, _xml_headers(request_id), _xml_error(form, error, request_id).encode()


def render_output(call: Call, output: dict[str, Any]) -> Answer:
    """An operation's output shape, as a successful answer to `call`."""
    form = call.protocol or protocol_of(call.service)
    serializer = get_serializer_class(call.service, form)(
        operation_model(call.service, call.operation)
    )
    request_id = call.request_id or str(uuid.uuid4())
    serializer.context.request_id = request_id
    made = serializer.serialize(output)
    headers = (
        _json_headers(call.service, request_id) if form == "json" else _xml_headers(request_id)
    )
    body = made["body"]
    return int(made["status_code"]), headers, body.encode() if isinstance(body, str) else body


def render_json(service: str, output: dict[str, Any]) -> Answer:
    """A plain JSON answer, for an output that is already as the wire has it."""
    return 200, _json_headers(service, str(uuid.uuid4())), json.dumps(output).encode()


def _query_code(code: str) -> str:
    return next((plain for plain, (word, _) in _JSON_WORDS.items() if word == code), code)


def _json_headers(service: str, request_id: str) -> dict[str, str]:
    version = service_model(service).metadata.get("jsonVersion", "1.1") if service else "1.1"
    kind = f"application/x-amz-json-{version}"
    return {"Content-Type": kind, "x-amzn-RequestId": request_id}


def _xml_headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}


def _xml_error(form: str, error: AwsError, request_id: str) -> str:
    code, message = escape(error.code), escape(error.message)
    if form == "ec2":
        return (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            f"</Errors><RequestID>{request_id}</RequestID></Response>"
        )
    fault = "Receiver" if error.status >= 500 else "Sender"
    return (
        f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )

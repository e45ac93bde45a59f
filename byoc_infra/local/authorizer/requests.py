"""Which operation of which service a request is for, and its parameters as boto3 takes them.

What is judged must be what moto then does. moto looks for the operation in several places; a
request in which two of them could differ is refused rather than guessed at.
"""

import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from moto.core.parse import PROTOCOL_PARSERS

from byoc_infra.local.authorizer.models import (
    SIGNING_NAMES,
    operation_model,
    protocols,
    service_model,
)
from byoc_infra.local.wire import AwsError

__all__ = ["Parsed", "parse", "service_of"]


class Parsed(NamedTuple):
    """An API call, not yet judged."""

    service: str
    operation: str
    params: dict[str, Any]
    protocol: str


def service_of(signing_name: str) -> str:
    """The name that botocore has for the service for which a request was signed."""
    service = SIGNING_NAMES.get(signing_name)
    if service is None:
        raise AwsError(
            "AccessDenied",
            f"The service {signing_name!r} is not modelled by the local cloud, so it refuses the "
            "request.",
            status=403,
        )
    return service


def parse(
    method: str, url: str, headers: Mapping[str, str], body: bytes, signing_name: str
) -> Parsed:
    """Understand one request; header names are lower case."""
    service = service_of(signing_name)
    place = urlsplit(url)
    if ".amazonaws." in place.netloc:
        raise _malformed("The local cloud does not answer to AWS's host names")
    if method != "POST" or place.path not in {"", "/"} or place.query:
        raise _malformed("The local cloud takes API calls as POST / without a query string")
    body = _plain(headers, body)
    if "x-amz-target" in headers:
        return _json_call(service, headers["x-amz-target"], body)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return _form_call(service, body)
    raise _malformed("The request has neither X-Amz-Target nor a form with Action")


def _json_call(service: str, target: str, body: bytes) -> Parsed:
    prefix, _, operation = target.rpartition(".")
    known = prefix == service_model(service).metadata.get("targetPrefix")
    if not known or "json" not in protocols(service):
        raise _malformed(f"X-Amz-Target {target!r} is not of the service {service!r}")
    _known_operation(service, operation)
    _refuse_hidden_action(body)
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        raise AwsError("SerializationException", "The body is not JSON") from None
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "The body is not a JSON object")
    return Parsed(service, operation, _read("json", service, operation, body=body), "json")


def _form_call(service: str, body: bytes) -> Parsed:
    pairs = parse_qsl(body.decode(), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _malformed("A parameter is given twice")
    protocol = next((name for name in ("ec2", "query") if name in protocols(service)), None)
    if protocol is None:
        raise _malformed(f"The service {service!r} does not take forms")
    operation = form.get("Action", "")
    _known_operation(service, operation)
    if form.get("Version", "") != service_model(service).api_version:
        raise _malformed(f"Version must be {service_model(service).api_version}")
    return Parsed(service, operation, _read(protocol, service, operation, values=form), protocol)


def _read(
    protocol: str,
    service: str,
    operation: str,
    *,
    values: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> dict[str, Any]:
    parser = PROTOCOL_PARSERS[protocol](operation_model(service, operation))
    request: Any = {
        "method": "POST",
        "url_path": "/",
        "url_params": {},
        "headers": {},
        "values": values or {},
        "body": body,
    }
    try:
        params: dict[str, Any] = parser.parse(request)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise AwsError("SerializationException", f"A parameter cannot be read: {error}") from None
    return params


def _known_operation(service: str, operation: str) -> None:
    if operation not in service_model(service).operation_names:
        raise AwsError(
            "InvalidAction", f"Could not find operation {operation or '(none)'} of {service}"
        )


def _refuse_hidden_action(body: bytes) -> None:
    """Moto reads any body as a form first, so JSON text with `&Action=` in it would be obeyed."""
    text = body.decode(errors="replace")
    if any(key == "Action" for key, _ in parse_qsl(text, keep_blank_values=True)):
        raise AwsError("SerializationException", "The local cloud cannot carry '&Action=' in JSON")


def _plain(headers: Mapping[str, str], body: bytes) -> bytes:
    encoding = headers.get("content-encoding", "")
    if encoding not in {"", "gzip"}:
        raise _malformed(f"Content-Encoding {encoding!r} is not known")
    try:
        return gzip.decompress(body) if encoding == "gzip" else body
    except (OSError, EOFError, zlib.error):
        raise _malformed("The body is not gzip") from None


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedInput", message)

"""AWS Signature Version 4: whether a request was signed by whom it says, lately, and as a whole.

Only the `Authorization` header is taken. A presigned or unsigned request is refused, and so is a
header that would change what the request does (`x-amz-*`) and is not covered by the signature.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from byoc_infra.local.wire import AwsError

__all__ = ["MAX_AGE_S", "Claim", "Signed", "read_claim", "verify"]

MAX_AGE_S = 300
"""How far a request's time may be from ours (IAM User Guide, "Signature Version 4")."""

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/"
    r"(?P<service>[a-z0-9-]+)/aws4_request\s*,\s*SignedHeaders=(?P<headers>[^,\s]+)\s*,\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})\s*"
)


@dataclass(frozen=True, kw_only=True)
class Signed:
    """An HTTP request as it was received; header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a request's `Authorization` header says about it, before it is believed."""

    access_key_id: str
    day: str
    region: str
    signing_name: str
    signed_headers: tuple[str, ...]
    signature: str


def read_claim(headers: Mapping[str, str]) -> Claim:
    """The header's parts; `MissingAuthenticationToken` if there is no such header."""
    header = headers.get("authorization", "")
    if not header:
        raise AwsError(
            "MissingAuthenticationToken", "Request is missing Authentication Token", status=403
        )
    match = _HEADER.fullmatch(header)
    if match is None:
        raise AwsError(
            "IncompleteSignature",
            "Authorization header must be AWS4-HMAC-SHA256 with Credential, SignedHeaders and "
            "Signature",
        )
    return Claim(
        access_key_id=match["key"],
        day=match["day"],
        region=match["region"],
        signing_name=match["service"],
        signed_headers=tuple(match["headers"].split(";")),
        signature=match["signature"],
    )


def verify(request: Signed, claim: Claim, *, secret: str, now: float) -> None:
    """Refuse a request whose signature, time or covered headers are not right."""
    _check_covered(request, claim)
    timestamp = request.headers.get("x-amz-date", "")
    _check_time(timestamp, claim, now)
    declared = request.headers.get("x-amz-content-sha256")
    if declared is not None and declared != hashlib.sha256(request.body).hexdigest():
        raise _mismatch("The provided 'x-amz-content-sha256' header does not match what was sent.")
    if not hmac.compare_digest(_signature(request, claim, secret, timestamp), claim.signature):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        )


def _check_covered(request: Signed, claim: Claim) -> None:
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    missing = sorted(needed - set(claim.signed_headers))
    if missing:
        raise _mismatch(f"These headers must be signed: {', '.join(missing)}")


def _check_time(timestamp: str, claim: Claim, now: float) -> None:
    try:
        signed_at = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise AwsError(
            "IncompleteSignature", "Date must be in ISO-8601 'basic format' in x-amz-date"
        ) from None
    if not timestamp.startswith(claim.day):
        raise _mismatch("Date in Credential scope does not match the day of x-amz-date")
    age = now - signed_at.timestamp()
    if age > MAX_AGE_S:
        raise _mismatch(f"Signature expired: {timestamp} is more than {MAX_AGE_S} s ago")
    if age < -MAX_AGE_S:
        raise _mismatch(f"Signature not yet current: {timestamp} is more than {MAX_AGE_S} s ahead")


def _signature(request: Signed, claim: Claim, secret: str, timestamp: str) -> str:
    auth = SigV4Auth(Credentials(claim.access_key_id, secret), claim.signing_name, claim.region)
    covered = {name: request.headers.get(name, "") for name in claim.signed_headers}
    aws = AWSRequest(method=request.method, url=request.url, headers=covered, data=request.body)
    aws.context["timestamp"] = timestamp
    signature: str = auth.signature(auth.string_to_sign(aws, auth.canonical_request(aws)), aws)
    return signature


def _mismatch(message: str) -> AwsError:
    return AwsError("SignatureDoesNotMatch", message, status=403)

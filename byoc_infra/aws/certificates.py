"""The certificate of a deployment's balancer, looked at before anything is built."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, NotFound, SpecError

__all__ = ["check", "covers", "judge"]

ABSENT = frozenset({"ResourceNotFoundException"})
FIELD = "certificate_arn"


def check(session: Session, arn: str, *, domain: str | None = None) -> bool:
    """Refuse a certificate that cannot serve; False where the role may not look at it."""
    try:
        found = session.ask("acm", "describe_certificate", absent=ABSENT, CertificateArn=arn)
    except AccessRefused:
        return False
    if "Certificate" not in found:
        raise NotFound(
            FIELD,
            wanted="a certificate in ACM",
            got=f"{arn}, which is not there",
            next_step="Request or import one in ACM, in the deployment's account and region.",
        )
    judge(found["Certificate"], now=datetime.datetime.now(datetime.UTC), domain=domain)
    return True


def judge(
    certificate: Mapping[str, Any], *, now: datetime.datetime, domain: str | None = None
) -> None:
    """Refuse one that is not issued, has expired, or is for other names than `domain`."""
    arn, status = str(certificate["CertificateArn"]), str(certificate.get("Status"))
    ends: datetime.datetime | None = certificate.get("NotAfter")
    if status == "EXPIRED" or (ends is not None and ends <= now):
        raise SpecError(
            FIELD,
            wanted="a certificate that is valid now",
            got=f"{arn}, which expired on {ends:%Y-%m-%d}" if ends else f"{arn}, EXPIRED",
            next_step="Renew it, or import its successor under the same ARN.",
        )
    if status != "ISSUED":
        raise SpecError(
            FIELD,
            wanted="a certificate that is ISSUED",
            got=f"{arn}, which is {status}",
            next_step="Finish its validation in ACM, or take another.",
        )
    names = certificate.get("SubjectAlternativeNames") or [certificate.get("DomainName", "")]
    if domain is not None and not covers(names, domain):
        raise SpecError(
            FIELD,
            wanted=f"a certificate for {domain}",
            got=f"{arn}, which is for {', '.join(map(str, names))}",
            next_step="Take the domain's own certificate, or correct `domain`.",
        )


def covers(names: Iterable[str], domain: str) -> bool:
    """Whether one of a certificate's names is the domain; `*` stands for one label (RFC 6125)."""
    parent = domain.partition(".")[2]
    return any(name.lower() in {domain, f"*.{parent}"} for name in names)

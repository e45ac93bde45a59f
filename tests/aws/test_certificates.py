"""Which certificates may serve."""

import datetime
from typing import Any

import pytest

from byoc_infra.aws.certificates import covers, judge
from byoc_infra.errors import SpecError

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
ARN = "arn:aws:acm:eu-west-1:222222222222:certificate/0a1b"
GOOD: dict[str, Any] = {
    "CertificateArn": ARN,
    "Status": "ISSUED",
    "NotAfter": NOW + datetime.timedelta(days=1),
    "SubjectAlternativeNames": ["agents.example.com"],
}


def test_an_issued_certificate_of_the_domain_is_good() -> None:
    """Nothing is said about it."""
    judge(GOOD, now=NOW, domain="agents.example.com")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Status": "EXPIRED"}, f"{ARN}, which expired on 2026-11-26"),
        ({"NotAfter": NOW}, "which expired on 2026-11-25"),
        ({"Status": "EXPIRED", "NotAfter": None}, "EXPIRED"),
        ({"Status": "PENDING_VALIDATION", "NotAfter": None}, "which is PENDING_VALIDATION"),
        ({"Status": "REVOKED"}, "which is REVOKED"),
        ({"SubjectAlternativeNames": ["other.example.com"]}, "which is for other.example.com"),
        ({"SubjectAlternativeNames": [], "DomainName": "x.org"}, "which is for x.org"),
    ],
)
def test_a_certificate_that_cannot_serve_is_refused(changes: dict[str, Any], message: str) -> None:
    """The error says which one, and what is wrong with it."""
    with pytest.raises(SpecError, match="certificate_arn: want a certificate") as refused:
        judge({**GOOD, **changes}, now=NOW, domain="agents.example.com")

    assert message in refused.value.got


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("agents.example.com", True),
        ("AGENTS.example.com", True),
        ("*.example.com", True),
        ("*.com", False),
        ("example.com", False),
        ("*.agents.example.com", False),
    ],
)
def test_a_star_stands_for_one_label(name: str, covered: bool) -> None:  # noqa: FBT001 - a table
    """As TLS clients read it."""
    assert covers([name], "agents.example.com") is covered

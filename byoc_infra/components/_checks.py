"""Refusals that several components share; pure. A value that is not known yet is not judged."""

import ipaddress
import re
from collections.abc import Iterable

from byoc_infra.errors import DuplicateName, SpecError
from byoc_infra.naming import Place

__all__ = [
    "LOG_RETENTION_DAYS",
    "check_certificate",
    "check_digest",
    "check_domain",
    "check_ecr_image",
    "check_mount_prefix",
    "check_network_range",
    "check_one_of",
    "check_own_image",
    "check_pattern",
    "check_ports",
    "check_unique",
]

DIGEST = r"@sha256:[0-9a-f]{64}"
ECR_IMAGE = re.compile(
    rf"\d{{12}}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+{DIGEST}"
)
ANY_IMAGE = re.compile(rf"[A-Za-z0-9.:_-]+(/[A-Za-z0-9._/-]+)*{DIGEST}")
CERTIFICATE = re.compile(
    r"arn:aws[a-z-]*:acm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):certificate/[0-9a-f-]+"
)
DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
"""A full host name in lower case, without a wildcard (RFC 1035)."""
MOUNT_PREFIX = re.compile(r"(/[A-Za-z0-9_-]+)*")
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""What CloudWatch Logs takes (API reference, PutRetentionPolicy)."""


def check_pattern(
    field: str, value: object, pattern: re.Pattern[str] | str, *, wanted: str, next_step: str
) -> None:
    """A text must match as a whole."""
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        raise SpecError(field, wanted=wanted, got=repr(value), next_step=next_step)


def check_ecr_image(field: str, image: object) -> None:
    """The image of a deployment comes from the customer's ECR, by digest."""
    check_pattern(
        field,
        image,
        ECR_IMAGE,
        wanted="<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>",
        next_step="Push the image to ECR and give it by digest; `byoc` resolves a tag itself.",
    )


def check_digest(field: str, image: object) -> None:
    """An image of any registry, pinned."""
    check_pattern(
        field,
        image,
        ANY_IMAGE,
        wanted="an image by digest (<repository>@sha256:<64 hex digits>)",
        next_step="Look the digest up in the registry; a tag can change under a running service.",
    )


def check_own_image(field: str, image: object, place: Place) -> None:
    """Without a way to the internet, tasks reach the ECR of their own account and region only."""
    registry = f"{place.aws_account_id}.dkr.ecr.{place.region}.{place.dns_suffix}"
    if isinstance(image, str) and not image.startswith(f"{registry}/"):
        raise SpecError(
            field,
            wanted=f"an image in {registry}, since private subnets have no way to the internet",
            got=image,
            next_step="Push the image there, or give the private subnets a NAT gateway.",
        )


def check_certificate(
    field: str, arn: str | None, *, region: str | None = None, aws_account_id: str | None = None
) -> None:
    """A balancer takes certificates of its own region and account only."""
    if arn is None:
        return
    next_step = "Make one in ACM, in the deployment's account and region."
    wanted = "the ARN of an ACM certificate"
    check_pattern(field, arn, CERTIFICATE, wanted=wanted, next_step=next_step)
    parts = CERTIFICATE.fullmatch(arn)
    for name, of, asked in (
        ("region", f"of region {region}", region),
        ("account", f"of account {aws_account_id}", aws_account_id),
    ):
        if parts is not None and asked is not None and parts[name] != asked:
            raise SpecError(field, wanted=f"a certificate {of}", got=arn, next_step=next_step)


def check_domain(field: str, domain: str | None, *, certificate_arn: str | None) -> None:
    """A host name, which only a certificate can be for."""
    wanted = "a host name such as agents.example.com"
    check_pattern(field, domain, DOMAIN, wanted=wanted, next_step="Give it in lower case.")
    if domain is not None and certificate_arn is None:
        raise SpecError(
            "certificate_arn",
            wanted=f"the certificate for {domain}",
            got="none",
            next_step="Give certificate_arn, or leave domain out.",
        )


def check_mount_prefix(field: str, prefix: str) -> None:
    """Empty, or a path without a slash at its end."""
    check_pattern(
        field,
        prefix,
        MOUNT_PREFIX,
        wanted="nothing, or a path such as /agents",
        next_step="Begin with a slash, end without one; letters, digits, `_` and `-`.",
    )


def check_unique(field: str, names: Iterable[str]) -> None:
    """No name twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DuplicateName(
                field, wanted="each name once", got=f"{name!r} twice", next_step="Remove one."
            )
        seen.add(name)


def check_one_of(field: str, value: object, allowed: Iterable[object], *, next_step: str) -> None:
    """One of a few values that AWS takes."""
    choices = tuple(allowed)
    if value not in choices:
        wanted = "one of " + ", ".join(str(choice) for choice in choices)
        raise SpecError(field, wanted=wanted, got=repr(value), next_step=next_step)


def check_ports(field: str, ports: Iterable[int]) -> None:
    """TCP ports, none twice."""
    listed = list(ports)
    check_unique(field, (str(port) for port in listed))
    for port in listed:
        if not 1 <= port <= 65535:
            raise SpecError(
                field,
                wanted="ports from 1 to 65535",
                got=str(port),
                next_step="Name each port that is needed.",
            )


def check_network_range(field: str, cidr: str) -> None:
    """An IPv4 range of somebody: not the whole internet."""
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        raise SpecError(
            field, wanted="IPv4 ranges such as 10.0.0.0/8", got=repr(cidr), next_step=f"{error}."
        ) from error
    if network.prefixlen == 0:
        raise SpecError(
            field,
            wanted="ranges of people you know",
            got=cidr,
            next_step="Name the ranges; for an internet-facing balancer set public_ingress.",
        )

"""Certificates of the local cloud: made, kept over a restart, and shown by balancers."""

import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from byoc_infra.errors import SpecError
from byoc_infra.local.balancer import Balancer
from byoc_infra.local.certificates import Certificates
from byoc_infra.local.world import CUSTOMER_ACCOUNT
from tests.local.in_process import REGION, Stack, code_of, running
from tests.support.waiting import until

DOMAIN = "agents.example.com"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Stack]:
    """The chain, in process."""
    with running(tmp_path) as stack:
        yield stack


@pytest.fixture
def certificates(cloud: Stack) -> Certificates:
    """Its ACM."""
    made = Certificates(cloud.world, cloud.persistence)
    made.register(cloud.hooks)
    return made


def described(cloud: Stack, arn: str) -> dict[str, Any]:
    """What DescribeCertificate says."""
    found: dict[str, Any] = cloud.client("acm").describe_certificate(CertificateArn=arn)
    certificate: dict[str, Any] = found["Certificate"]
    return certificate


def listener(cloud: Stack, arn: str) -> dict[str, Any]:
    """A balancer with an HTTPS listener that shows this certificate."""
    ec2, elb = cloud.client("ec2"), cloud.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    made = elb.create_load_balancer(Name="lb", Subnets=subnets)["LoadBalancers"][0]
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[
            {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}},
        ],
    )
    found: dict[str, Any] = made
    return found


def test_a_made_certificate_is_issued_for_its_domain(
    cloud: Stack, certificates: Certificates
) -> None:
    """As an import leaves one."""
    found = described(cloud, certificates.make(domain=DOMAIN)["certificate"])

    assert (found["Status"], found["SubjectAlternativeNames"]) == ("ISSUED", [DOMAIN])


def test_one_that_has_ended_says_so(cloud: Stack, certificates: Certificates) -> None:
    """Only time makes such ones in AWS: an import refuses them."""
    found = described(cloud, certificates.make(domain=DOMAIN, days=-1)["certificate"])

    assert found["Status"] == "EXPIRED"
    assert found["NotAfter"] < datetime.datetime.now(datetime.UTC)
    with pytest.raises(SpecError, match="days: want"):
        certificates.make(domain=DOMAIN, days=0)


def test_certificates_are_kept_over_a_restart(cloud: Stack, certificates: Certificates) -> None:
    """Key and all: a balancer shows them again."""
    arn = certificates.make(domain=DOMAIN)["certificate"]
    certificates._persistence.save(("acm",), CUSTOMER_ACCOUNT, REGION)
    cloud.client("acm").delete_certificate(CertificateArn=arn)
    gone = certificates.context(arn)
    certificates.make(domain=DOMAIN)

    assert gone is None
    cloud.persistence.load()
    (kept,) = cloud.client("acm").list_certificates()["CertificateSummaryList"]
    assert certificates.context(kept["CertificateArn"]) is not None


def test_a_listener_needs_a_certificate_that_is_there(
    cloud: Stack, certificates: Certificates
) -> None:
    """And one that is issued."""
    unknown = f"arn:aws:acm:{REGION}:{CUSTOMER_ACCOUNT}:certificate/none"
    pending = cloud.client("acm").request_certificate(DomainName=DOMAIN)["CertificateArn"]
    codes = []
    for arn in (unknown, pending):
        with pytest.raises(ClientError) as refused:
            listener(cloud, arn)
        codes.append(code_of(refused.value))
        cloud.client("elbv2").delete_load_balancer(
            LoadBalancerArn=cloud.client("elbv2").describe_load_balancers()["LoadBalancers"][0][
                "LoadBalancerArn"
            ]
        )

    assert codes == ["CertificateNotFound", "UnsupportedCertificate"]


def test_a_balancer_ends_tls_with_its_listeners_certificate(
    cloud: Stack, certificates: Certificates
) -> None:
    """Whoever trusts the local CA sees the domain, and nobody else's name."""
    made = listener(cloud, certificates.make(domain=DOMAIN)["certificate"])
    balancer = Balancer(cloud.world, certificates.context)
    balancer.start()
    try:
        until(lambda: bool(balancer.urls()))
        (url,) = balancer.urls().values()
        port = int(url.rpartition(":")[2]) if url.count(":") == 2 else 443
        address = str(cloud.world.hosts.get(made["DNSName"]))
        trust = ssl.create_default_context(cafile=str(cloud.world.directory / "ca.pem"))
        with (
            socket.create_connection((address, port), timeout=5) as plain,
            trust.wrap_socket(plain, server_hostname=DOMAIN) as spoken,
        ):
            spoken.sendall(f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode())
            answer = spoken.recv(100)
        with (
            socket.create_connection((address, port), timeout=5) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            trust.wrap_socket(plain, server_hostname="other.example.com")
    finally:
        balancer.stop()

    assert url.startswith("https://")
    assert answer.startswith(b"HTTP/1.1 204")

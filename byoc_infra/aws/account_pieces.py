"""What the account stack has made, looked at before a connection is taken into use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from byoc_infra.aws.session import Session
from byoc_infra.errors import AccountNotReady
from byoc_infra.naming import (
    ENABLED_TAG,
    INSTALLATION_TAG,
    PLATFORM_SECRETS_TAG,
    PRIVATE_TAG,
    REDIS_IMAGE_TAG,
    TRACING_TAG,
    AccountNames,
)

__all__ = ["AccountFound", "find"]

RUN_IT = "The account's owner runs the account stack (`byoc account up`)."
GROUPS = ("lb-internal", "app", "cache", "database")
"""Security groups without which nothing can be deployed."""
ZONES = 2
"""Load balancers and subnet groups want two (Elastic Load Balancing and RDS user guides)."""
FREE_ADDRESSES = 16
"""In each private subnet: a roll-out of the smallest deployment, and a load balancer's eight."""


@dataclass(frozen=True, kw_only=True)
class AccountFound:
    """The network and the cluster that deployments of an installation go to."""

    vpc_id: str
    cidr: str
    private_subnet_ids: tuple[str, ...]
    public_subnet_ids: tuple[str, ...]
    zones: tuple[str, ...]
    cluster_arn: str
    platform_secrets: tuple[str, ...]
    """What the account's owner gives to every deployment, by name."""
    tracing_endpoint: str | None


def find(session: Session, names: AccountNames) -> AccountFound:
    """Exactly one network, which fits, and the cluster in it; else `AccountNotReady`."""
    vpc = _vpc(session, names)
    private = _subnets(session, vpc["VpcId"], "1")
    zones = _zones(private, vpc["VpcId"])
    _groups(session, names, vpc["VpcId"])
    _namespace(session, names)
    cluster = _cluster(session, names)
    tags = {tag["key"]: tag["value"] for tag in cluster.get("tags") or ()}
    if REDIS_IMAGE_TAG not in tags:
        raise _not_ready("cluster", f"the tag {REDIS_IMAGE_TAG} on {names.cluster}", sorted(tags))
    return AccountFound(
        vpc_id=vpc["VpcId"],
        cidr=vpc["CidrBlock"],
        private_subnet_ids=_ids(private),
        public_subnet_ids=_ids(_subnets(session, vpc["VpcId"], "0")),
        zones=zones,
        cluster_arn=cluster["clusterArn"],
        platform_secrets=tuple(tags.get(PLATFORM_SECRETS_TAG, "").split()),
        tracing_endpoint=tags.get(TRACING_TAG),
    )


def _vpc(session: Session, names: AccountNames) -> dict[str, Any]:
    tags = {ENABLED_TAG: "1", INSTALLATION_TAG: names.installation}
    found = list(session.each("ec2", "describe_vpcs", "Vpcs", Filters=_tagged(tags)))
    if len(found) != 1:
        raise _not_ready(
            "network",
            "exactly one VPC with the tags " + _words(tags),
            [one["VpcId"] for one in found],
            "Take the tags off all but one." if found else RUN_IT,
        )
    vpc: dict[str, Any] = found[0]
    if vpc.get("State") != "available":
        raise _not_ready("network", f"{vpc['VpcId']} in state available", [str(vpc.get("State"))])
    return vpc


def _subnets(session: Session, vpc_id: str, private: str) -> list[dict[str, Any]]:
    tags = {ENABLED_TAG: "1", PRIVATE_TAG: private}
    in_vpc = {"Name": "vpc-id", "Values": [vpc_id]}
    asked = [in_vpc, *_tagged(tags)]
    return list(session.each("ec2", "describe_subnets", "Subnets", Filters=asked))


def _zones(private: Sequence[Mapping[str, Any]], vpc_id: str) -> tuple[str, ...]:
    zones = sorted({one["AvailabilityZone"] for one in private})
    if len(zones) < ZONES:
        raise _not_ready(
            "network",
            f"private subnets of {vpc_id} in {ZONES} zones, with the tags "
            + _words({ENABLED_TAG: "1", PRIVATE_TAG: "1"}),
            [f"{one['SubnetId']} in {one['AvailabilityZone']}" for one in private],
            "Tag the subnets, or run the account stack (`byoc account up`).",
        )
    full = [one["SubnetId"] for one in private if one["AvailableIpAddressCount"] < FREE_ADDRESSES]
    if full:
        raise _not_ready(
            "network",
            f"{FREE_ADDRESSES} free addresses in each private subnet",
            [f"fewer in {subnet}" for subnet in full],
            "Free some, or set the account up with larger subnets.",
        )
    return tuple(zones)


def _groups(session: Session, names: AccountNames, vpc_id: str) -> None:
    wanted = {names.security_group(role) for role in GROUPS}
    found = session.each(
        "ec2",
        "describe_security_groups",
        "SecurityGroups",
        Filters=[
            {"Name": "vpc-id", "Values": [vpc_id]},
            {"Name": "group-name", "Values": sorted(wanted)},
        ],
    )
    missing = wanted - {one["GroupName"] for one in found}
    if missing:
        listed = ", ".join(sorted(missing))
        raise _not_ready("network", f"the security groups {listed}", [])


def _namespace(session: Session, names: AccountNames) -> None:
    found = session.each("servicediscovery", "list_namespaces", "Namespaces")
    if names.namespace not in {one["Name"] for one in found}:
        raise _not_ready("namespace", names.namespace, [])


def _cluster(session: Session, names: AccountNames) -> dict[str, Any]:
    answer = session.ask("ecs", "describe_clusters", clusters=[names.cluster], include=["TAGS"])
    active = [one for one in answer.get("clusters", ()) if one.get("status") == "ACTIVE"]
    if not active:
        raise _not_ready("cluster", names.cluster, [])
    found: dict[str, Any] = active[0]
    return found


def _tagged(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]


def _ids(subnets: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(one["SubnetId"] for one in subnets))


def _words(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags.items())


def _not_ready(
    what: str, wanted: str, found: Sequence[str], next_step: str = RUN_IT
) -> AccountNotReady:
    return AccountNotReady(
        what, wanted=wanted, got=", ".join(sorted(found)) or "none", next_step=next_step
    )

"""What the programs' look-ups find in an account that was set up."""

from collections.abc import Callable
from typing import Any

from tests.support.examples import REDIS_IMAGE
from tests.support.recorder import ACCOUNT, PLACE, REGION

__all__ = ["answers"]

CALLER = "aws:index/getCallerIdentity:getCallerIdentity"
WHERE = "aws:index/getRegion:getRegion"
ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"
VPCS = "aws:ec2/getVpcs:getVpcs"
SUBNETS = "aws:ec2/getSubnets:getSubnets"
GROUP = "aws:ec2/getSecurityGroup:getSecurityGroup"
CLUSTER = "aws:ecs/getCluster:getCluster"
SECRET = "aws:secretsmanager/getSecret:getSecret"
NAMESPACE = "aws:servicediscovery/getDnsNamespace:getDnsNamespace"


def answers(
    *,
    account: str = ACCOUNT,
    region: str = REGION,
    vpcs: tuple[str, ...] = ("vpc-1",),
    private: tuple[str, ...] = ("subnet-1", "subnet-2"),
    public: tuple[str, ...] = ("subnet-8", "subnet-9"),
    groups: tuple[str, ...] = ("lb-internal", "app", "cache", "database"),
    cluster_tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Look-ups by token, with the account's pieces as they should be unless told otherwise."""
    tags = {"byoc:redis-image": REDIS_IMAGE} if cluster_tags is None else cluster_tags
    return {
        CALLER: {"accountId": account, "arn": f"arn:aws:iam::{account}:user/a", "userId": "A"},
        WHERE: {"region": region, "id": region, "name": region},
        ZONES: {"names": ["eu-west-1c", "eu-west-1a", "eu-west-1b"]},
        VPCS: {"ids": list(vpcs)},
        SUBNETS: lambda asked: {
            "ids": list(private if asked["tags"]["langgraph-cloud-private"] == "1" else public)
        },
        GROUP: _group(groups),
        CLUSTER: lambda asked: {
            "arn": PLACE.arn("ecs", f"cluster/{asked['clusterName']}"),
            "clusterName": asked["clusterName"],
            "tags": tags,
        },
        NAMESPACE: lambda asked: {"id": f"ns-{asked['name']}", "name": asked["name"]},
        SECRET: lambda asked: {
            "arn": PLACE.arn("secretsmanager", f"secret:{asked['name']}-AbCdEf"),
            "name": asked["name"],
        },
    }


def _group(known: tuple[str, ...]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def find(asked: dict[str, Any]) -> dict[str, Any]:
        role = asked["name"].removeprefix("langgraph-cloud-").removesuffix("-blue")
        if role not in known:
            raise LookupError(f"no matching EC2 Security Group found: {asked['name']}")
        return {"id": f"sg-{role}", "name": asked["name"]}

    return find

"""What the programs ask AWS before they make anything."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from byoc_infra.errors import AccountNotReady, WrongAccount
from byoc_infra.naming import (
    ENABLED_TAG,
    INSTALLATION_TAG,
    PLATFORM_SECRETS_TAG,
    PRIVATE_TAG,
    REDIS_IMAGE_TAG,
    ROLE_SUFFIX_TAG,
    TASK_ROLE_PATH,
    TASK_ROLES_TAG,
    TRACING_TAG,
    AccountNames,
    Place,
)

__all__ = ["AccountPieces", "check_place", "find_account", "two_zones"]

Found = TypeVar("Found")
RUN_THE_ACCOUNT_STACK = "Run the account stack in this account and region (`byoc account up`)."


@dataclass(frozen=True, kw_only=True)
class AccountPieces:
    """What the account stack has made, as far as a deployment stands on it."""

    vpc_id: str
    private_subnet_ids: list[str]
    balancer_subnet_ids: list[str]
    balancer_security_group_id: str
    app_security_group_id: str
    cache_security_group_id: str
    database_security_group_id: str
    cluster_arn: str
    redis_image: str
    namespace_id: str
    role_suffix: str = ""
    """What the names of the account's roles end with."""
    task_roles: Mapping[str, str] | None = None
    """By name: the paths of the task roles; None where the account stack is too old to tell."""
    platform_secrets: Mapping[str, str] = field(default_factory=dict)
    """By environment name: the ARNs of what all deployments get."""
    tracing_endpoint: str | None = None


def check_place(place: Place) -> None:
    """The credentials lead to the account and the region that are meant."""
    account = aws.get_caller_identity().account_id
    if account != place.aws_account_id:
        raise WrongAccount(
            "aws_account_id",
            wanted=place.aws_account_id,
            got=account,
            next_step="Use credentials of the recorded account, or correct the config.",
        )
    region = aws.get_region().region
    if region != place.region:
        raise WrongAccount(
            "region",
            wanted=place.region,
            got=region,
            next_step="Set aws:region to the recorded region.",
        )


def two_zones() -> list[str]:
    """The first two availability zones of the region, by name."""
    zones = aws.get_availability_zones(
        state="available", filters=[{"name": "zone-type", "values": ["availability-zone"]}]
    )
    return sorted(zones.names)[:2]


def find_account(names: AccountNames, *, public: bool) -> AccountPieces:
    """The account's pieces, by tags and names."""
    vpc_id = _vpc(names)
    private = _subnets(vpc_id, "1")
    cluster = _ask("cluster", names.cluster, lambda: aws.ecs.get_cluster(names.cluster))
    namespace = _ask(
        "namespace",
        names.namespace,
        lambda: aws.servicediscovery.get_dns_namespace(name=names.namespace, type="DNS_PRIVATE"),
    )
    return AccountPieces(
        vpc_id=vpc_id,
        private_subnet_ids=private,
        balancer_subnet_ids=_subnets(vpc_id, "0") if public else private,
        balancer_security_group_id=_balancer_group(names, vpc_id, public=public),
        app_security_group_id=_security_group(names, vpc_id, "app"),
        cache_security_group_id=_security_group(names, vpc_id, "cache"),
        database_security_group_id=_security_group(names, vpc_id, "database"),
        cluster_arn=cluster.arn,
        redis_image=_redis_image(cluster.tags, names.cluster),
        namespace_id=namespace.id,
        role_suffix=cluster.tags.get(ROLE_SUFFIX_TAG, ""),
        task_roles=_task_roles(cluster.tags.get(TASK_ROLES_TAG)),
        platform_secrets=_platform_secrets(names, cluster.tags.get(PLATFORM_SECRETS_TAG, "")),
        tracing_endpoint=cluster.tags.get(TRACING_TAG),
    )


def _vpc(names: AccountNames) -> str:
    tags = {ENABLED_TAG: "1", INSTALLATION_TAG: names.installation}
    found: list[str] = _ec2("getVpcs", tags=tags)["ids"]
    if len(found) != 1:
        raise AccountNotReady(
            "vpc",
            wanted="exactly one VPC with the tags "
            + ", ".join(f"{key}={value}" for key, value in tags.items()),
            got=_listed(found),
            next_step="Take the tags off all but one." if found else RUN_THE_ACCOUNT_STACK,
        )
    return found[0]


def _subnets(vpc_id: str, private: str) -> list[str]:
    tags = {ENABLED_TAG: "1", PRIVATE_TAG: private}
    filters = [{"name": "vpc-id", "values": [vpc_id]}]
    found: list[str] = _ec2("getSubnets", filters=filters, tags=tags)["ids"]
    if len(found) < 2:
        raise AccountNotReady(
            "subnets",
            wanted=f"two or more subnets of {vpc_id} with the tags "
            + ", ".join(f"{key}={value}" for key, value in tags.items()),
            got=_listed(found),
            next_step="Tag the subnets, or run the account stack (`byoc account up`).",
        )
    return sorted(found)


def _balancer_group(names: AccountNames, vpc_id: str, *, public: bool) -> str:
    if not public:
        return _security_group(names, vpc_id, "lb-internal")
    return _security_group(
        names, vpc_id, "lb-public", "The account's owner must set public_ingress: true."
    )


def _security_group(
    names: AccountNames, vpc_id: str, role: str, next_step: str = RUN_THE_ACCOUNT_STACK
) -> str:
    name = names.security_group(role)
    group = _ask(
        "security group",
        name,
        lambda: _ec2("getSecurityGroup", name=name, vpcId=vpc_id),
        next_step,
    )
    return str(group["id"])


def _ec2(name: str, /, **asked: object) -> Mapping[str, Any]:
    """One of EC2's look-ups in the provider's own words, without the module `pulumi_aws.ec2`: a
    deployment needs no more of it, and it takes half a second to load.
    """
    options = pulumi.InvokeOptions(version=version("pulumi-aws"))  # else another provider is asked
    answer: Mapping[str, Any] = pulumi.runtime.invoke(
        f"aws:ec2/{name}:{name}", asked, options
    ).value
    return answer


def _redis_image(tags: Mapping[str, str], cluster: str) -> str:
    if REDIS_IMAGE_TAG not in tags:
        raise AccountNotReady(
            "redis_image",
            wanted=f"the tag {REDIS_IMAGE_TAG} on {cluster}",
            got=_listed(list(tags)),
            next_step=RUN_THE_ACCOUNT_STACK,
        )
    return tags[REDIS_IMAGE_TAG]


def _task_roles(told: str | None) -> dict[str, str] | None:
    if told is None:
        return None
    return {
        word.removeprefix("/"): "/" if word.startswith("/") else TASK_ROLE_PATH
        for word in told.split()
    }


def _platform_secrets(names: AccountNames, told: str) -> dict[str, str]:
    return {
        entry: _ask(
            "platform_secrets",
            names.platform_secret(entry),
            partial(aws.secretsmanager.get_secret, name=names.platform_secret(entry)),
        ).arn
        for entry in told.split()
    }


def _ask(
    what: str, name: str, call: Callable[[], Found], next_step: str = RUN_THE_ACCOUNT_STACK
) -> Found:
    """A look-up of one thing by name; the provider fails where there is none."""
    try:
        return call()
    except Exception as error:  # Pulumi raises the bare class for a failed invoke
        raise AccountNotReady(
            what, wanted=name, got=str(error).strip().splitlines()[0][:300], next_step=next_step
        ) from error


def _listed(found: Sequence[str]) -> str:
    return ", ".join(sorted(found)) or "none"

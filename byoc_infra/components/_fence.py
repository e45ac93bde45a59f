"""What the access role is fenced with: ARNs, tags, and what a request says; pure.

An Allow with a plain operator does not match where its key is absent, so it is closed. `IfExists`
and `ForAllValues` are for keys that AWS shows only when a request says something about them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from byoc_infra.components._task_roles import role_arns
from byoc_infra.naming import DEPLOYMENT_PREFIX, INSTALLATION_TAG, AccountNames, Place
from byoc_infra.spec import TaskRoleSpec

__all__ = ["Condition", "Fence", "among", "both"]

Condition = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Fence:
    """What the policies of one installation may reach."""

    place: Place
    names: AccountNames
    repositories: Sequence[str]
    task_roles: Mapping[str, TaskRoleSpec]
    namespace_arn: pulumi.Input[str]
    task_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """Where services may run; anywhere if none is named."""
    balancer_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """Where load balancers may be; anywhere if none is named."""
    balancer_group_ids: Sequence[pulumi.Input[str]] = ()
    """The security groups that load balancers may have; any if none is named."""
    public_ingress: bool = False
    """Load balancers may face the internet."""

    def arns(self, service: str, *resources: str) -> list[str]:
        """ARNs of this account and region."""
        return [self.place.arn(service, resource) for resource in resources]

    def ours(self, service: str, *kinds: str) -> list[str]:
        """ARNs of the deployments' things: `{}` stands for any of their names."""
        return self.arns(service, *(kind.replace("{}", f"{DEPLOYMENT_PREFIX}*") for kind in kinds))

    @property
    def role_arns(self) -> list[str]:
        """The roles that tasks may be given: the execution role and the named task roles."""
        execution = self.place.role_arn(self.names.execution_role)
        return [execution, *role_arns(self.task_roles, self.names, self.place).values()]

    @property
    def born_with_tag(self) -> Condition:
        """The request itself puts the installation's tag on."""
        return {"StringEquals": {f"aws:RequestTag/{INSTALLATION_TAG}": self.names.installation}}

    @property
    def carries_tag(self) -> Condition:
        """What is changed carries the installation's tag."""
        return {"StringEquals": {f"aws:ResourceTag/{INSTALLATION_TAG}": self.names.installation}}

    @property
    def not_anothers(self) -> Condition:
        """What is tagged has no tag of another installation."""
        return {
            "StringEqualsIfExists": {f"aws:ResourceTag/{INSTALLATION_TAG}": self.names.installation}
        }

    @property
    def in_region(self) -> Condition:
        """The request goes to the installation's region: all that can be said of most lists."""
        return {"StringEquals": {"aws:RequestedRegion": self.place.region}}


def among(wanted: Mapping[str, Sequence[pulumi.Input[str]]], *, closed: bool) -> Condition:
    """Each key names only what is wanted of it, if anything is; `closed`: and it is there."""
    keys = {name: list(values) for name, values in wanted.items() if values}
    if not keys:
        return {}
    present = {"Null": dict.fromkeys(keys, "false")} if closed else {}
    return {"ForAllValues:StringEquals": keys, **present}


def both(*conditions: Condition) -> Condition:
    """All of the conditions at once."""
    merged: dict[str, dict[str, Any]] = {}
    for condition in conditions:
        for operator, keys in condition.items():
            merged.setdefault(operator, {}).update(keys)
    return merged

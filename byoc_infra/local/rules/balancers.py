"""Elastic Load Balancing v2: names, zones, protection, ports."""

import re
from collections.abc import Iterable
from typing import Any

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]

NAME_LIMIT = 32
"""ELBv2 API reference, CreateLoadBalancer and CreateTargetGroup."""


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto."""
    hooks.before("elbv2", "CreateLoadBalancer", check_balancer_name)
    hooks.before("elbv2", "CreateLoadBalancer", want_two_zones)
    hooks.before("elbv2", "SetSubnets", want_two_zones)
    hooks.before("elbv2", "DeleteLoadBalancer", keep_protected)
    hooks.before("elbv2", "CreateTargetGroup", check_target_group_name)
    hooks.before("elbv2", "CreateListener", refuse_taken_port)
    hooks.before("elbv2", "ModifyListener", refuse_taken_port)


def check_balancer_name(call: Call) -> None:
    """At most 32 letters, digits and hyphens; once in a region."""
    name = call.params["Name"]
    _check_name("load balancer", "Load balancer", name)
    if name.startswith("internal-"):
        raise _invalid(f"Load balancer name '{name}' cannot begin with 'internal-'")
    asked = _settings(
        call.params.get("Scheme", "internet-facing"),
        _subnet_ids(call),
        call.params.get("SecurityGroups") or (),
    )
    for one in _elb(call).load_balancers.values():
        has = _settings(one.scheme, (s.id for s in one.subnets), one.security_groups or ())
        if one.name == name and asked != has:
            raise AwsError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )


def check_target_group_name(call: Call) -> None:
    """At most 32 letters, digits and hyphens."""
    _check_name("target group", "Target group", call.params["Name"])


def want_two_zones(call: Call) -> None:
    """An application load balancer stands in two zones or more, once in each."""
    if call.params.get("Type", "application") != "application":
        return
    known = {
        key: one
        for zone in backend_of("ec2", call.account_id, call.region).subnets.values()
        for key, one in zone.items()
    }
    zones = [known[one].availability_zone for one in _subnet_ids(call) if one in known]
    if len(set(zones)) < len(zones):
        raise AwsError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if len(zones) < 2:
        raise _invalid("At least two subnets in two different Availability Zones must be specified")


def keep_protected(call: Call) -> None:
    """A protected load balancer stays until the protection is lifted."""
    arn = call.params["LoadBalancerArn"]
    found = _elb(call).load_balancers.get(arn)
    if found is not None and found.attrs.get("deletion_protection.enabled") == "true":
        raise AwsError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


def refuse_taken_port(call: Call) -> None:
    """One listener a port."""
    port, own = call.params.get("Port"), call.params.get("ListenerArn")
    if port is None:
        return
    for balancer in _elb(call).load_balancers.values():
        if balancer.arn != call.params.get("LoadBalancerArn") and own not in balancer.listeners:
            continue
        for arn, listener in balancer.listeners.items():
            if arn != own and int(listener.port) == int(port):
                raise AwsError(
                    "DuplicateListener",
                    "A listener already exists on this port for this load balancer "
                    f"'{balancer.arn}'",
                )


def _check_name(what: str, start: str, name: str) -> None:
    if len(name) > NAME_LIMIT:
        raise _invalid(f"The {what} name '{name}' cannot be longer than '{NAME_LIMIT}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise _invalid(
            f"The {what} name '{name}' can only contain characters that are alphanumeric "
            "characters and hyphens(-)"
        )
    if name[0] == "-" or name[-1] == "-":
        raise _invalid(f"{start} name '{name}' cannot begin or end with a hyphen(-)")


def _settings(
    scheme: str, subnets: Iterable[str], groups: Iterable[str]
) -> tuple[str, frozenset[str], frozenset[str]]:
    return scheme, frozenset(subnets), frozenset(groups)


def _subnet_ids(call: Call) -> list[str]:
    mapped = [one["SubnetId"] for one in call.params.get("SubnetMappings") or ()]
    return [*(call.params.get("Subnets") or ()), *mapped]


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _elb(call: Call) -> Any:  # noqa: ANN401 - moto's own
    return backend_of("elbv2", call.account_id, call.region)

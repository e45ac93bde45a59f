"""Cloud Map: what each operation asks.

A private DNS namespace is also a Route 53 hosted zone, and making or deleting one asks for the
rights to that (Cloud Map Developer Guide, "API permissions reference").
"""

from byoc_infra.local.authorizer.actions._keys import Keys, said
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    asked_tags,
    at,
    needs,
    reads,
    removed_tags,
)
from byoc_infra.local.authorizer.state import operation_targets
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_NAMESPACE = at("servicediscovery", "namespace/{Id}")
_SERVICE = at("servicediscovery", "service/{Id}")
_INSTANCES = at("servicediscovery", "service/{ServiceId}")


def _namespace_of_new(call: Call) -> tuple[str, ...]:
    dns = call.params.get("DnsConfig") or {}
    name = str(call.params.get("NamespaceId") or dns.get("NamespaceId") or "*").rpartition("/")[2]
    return (f"arn:aws:servicediscovery:{call.region}:{call.account_id}:namespace/{name}",)


def _operation(call: Call) -> tuple[str, ...]:
    """The namespace or service that an operation was about."""
    wanted = str(call.params.get("OperationId", ""))
    targets = operation_targets(call.account_id, call.region, wanted)
    base = f"arn:aws:servicediscovery:{call.region}:{call.account_id}"
    found = tuple(f"{base}:{kind.lower()}/{name}" for kind, name in targets.items())
    return found or (f"{base}:namespace/*",)


def _zone(_call: Call) -> tuple[str, ...]:
    return ("arn:aws:route53:::hostedzone/*",)


_SD = "servicediscovery"
_IN_NAMESPACE: Keys = {f"{_SD}:NamespaceArn": lambda call: _namespace_of_new(call)[0]}
_OWNER: Keys = {f"{_SD}:ServiceCreatedByAccount": lambda call: call.account_id}
_INSTANCE: Keys = {f"{_SD}:ServiceArn": lambda call: next(iter(_INSTANCES(call)))}
_NAMES: Keys = {
    f"{_SD}:NamespaceName": said("NamespaceName"),
    f"{_SD}:ServiceName": said("ServiceName"),
}


def _each(resources: Resources, operations: str, keys: Keys | None = None) -> dict[str, Row]:
    return {
        name: (needs(f"servicediscovery:{name}", resources, keys=keys),)
        for name in operations.split()
    }


_TAGS = needs("servicediscovery:TagResource", tagged=True, when=lambda call: bool(asked_tags(call)))

ROWS: dict[str, Row] = {
    "CreatePrivateDnsNamespace": (
        needs("servicediscovery:CreatePrivateDnsNamespace", tagged=True),
        needs("route53:CreateHostedZone", forwarded=True),
        needs("route53:GetHostedZone", _zone, forwarded=True),
        needs("route53:ListHostedZonesByName", forwarded=True),
        needs("ec2:DescribeVpcs", forwarded=True),
        needs("ec2:DescribeRegions", forwarded=True),
        _TAGS,
    ),
    "DeleteNamespace": (
        needs("servicediscovery:DeleteNamespace", _NAMESPACE),
        needs("route53:DeleteHostedZone", _zone, forwarded=True),
    ),
    **_each(_NAMESPACE, "GetNamespace UpdatePrivateDnsNamespace"),
    "CreateService": (
        *(
            needs("servicediscovery:CreateService", made, tagged=True, keys=_IN_NAMESPACE)
            for made in (_namespace_of_new, at("servicediscovery", "service/*"))
        ),
        _TAGS,
    ),
    **_each(_SERVICE, "GetService"),
    **_each(_SERVICE, "UpdateService DeleteService", _OWNER),
    **_each(
        _INSTANCES,
        "RegisterInstance DeregisterInstance ListInstances GetInstance GetInstancesHealthStatus",
        _INSTANCE,
    ),
    "GetOperation": (needs("servicediscovery:GetOperation", _operation),),
    "TagResource": (needs("servicediscovery:TagResource", tagged=True),),
    "DiscoverInstances": (
        *(
            needs("servicediscovery:DiscoverInstances", at("servicediscovery", kind), keys=_NAMES)
            for kind in ("namespace/*", "service/*")
        ),
    ),
    "UntagResource": (needs(f"{_SD}:UntagResource", keys={"aws:TagKeys": removed_tags}),),
    **reads("servicediscovery", "ListNamespaces ListOperations ListServices ListTagsForResource"),
}

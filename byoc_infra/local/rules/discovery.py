"""Cloud Map: names once, and nothing deleted from under what it holds."""

from typing import Any

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto."""
    hooks.before("servicediscovery", "CreateService", refuse_taken_name)
    hooks.before("servicediscovery", "DeleteService", keep_service_with_instances)
    hooks.before("servicediscovery", "DeleteNamespace", keep_namespace_with_services)


def refuse_taken_name(call: Call) -> None:
    """A name once in a namespace."""
    name, namespace = call.params["Name"], _namespace(call)
    for one in _map(call).services.values():
        if one.name.lower() == name.lower() and one.namespace_id == namespace:
            raise AwsError("ServiceAlreadyExists", "Service already exists.")


def keep_service_with_instances(call: Call) -> None:
    """A service with registered instances stays."""
    found = _map(call).services.get(call.params["Id"])
    if found is not None and getattr(found, "instances", None):
        raise AwsError(
            "ResourceInUse", "Service contains registered instances; delete the instances first."
        )


def keep_namespace_with_services(call: Call) -> None:
    """A namespace with services stays."""
    wanted = call.params["Id"]
    if any(one.namespace_id == wanted for one in _map(call).services.values()):
        raise AwsError("ResourceInUse", "Namespace contains services; delete the services first.")


def _namespace(call: Call) -> str | None:
    dns = call.params.get("DnsConfig") or {}
    found: str | None = call.params.get("NamespaceId") or dns.get("NamespaceId")
    return found


def _map(call: Call) -> Any:  # noqa: ANN401 - moto's own
    return backend_of("servicediscovery", call.account_id, call.region)

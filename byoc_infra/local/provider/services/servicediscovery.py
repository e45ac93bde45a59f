"""Cloud Map namespaces and services."""

from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.local.provider.aws import Client, ProviderError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map, unique

__all__ = ["PrivateDnsNamespace", "Service"]


class _CloudMap(Resource):
    @property
    def map(self) -> Client:
        """The Cloud Map client."""
        return self.aws.client("servicediscovery")

    def finish(self, operation_id: str) -> Json:
        """Wait for an operation; FAIL gives AWS's code and message."""
        what = f"{self.title} operation ({operation_id})"
        return self.aws.wait(what, lambda: self._done(operation_id), timeout_s=300)

    def _done(self, operation_id: str) -> Json:
        operation = self.map.get_operation(OperationId=operation_id)["Operation"]
        if operation["Status"] == "FAIL":
            text = f"{operation.get('ErrorCode')}: {operation.get('ErrorMessage')}"
            raise ProviderError(text)
        return operation if operation["Status"] == "SUCCESS" else None

    def tags_of(self, arn: str) -> Props:
        """ListTagsForResource."""
        return tag_map(self.map.list_tags_for_resource(ResourceARN=arn).get("Tags"))

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.map.tag_resource(ResourceARN=state["arn"], Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.map.untag_resource(ResourceARN=state["arn"], TagKeys=list(keys))


class PrivateDnsNamespace(_CloudMap):
    """`aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace`."""

    type_name = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
    title = "Service Discovery Private DNS Namespace"
    gone = ("NamespaceNotFound",)

    def make(self, new: Props) -> str:
        """CreatePrivateDnsNamespace; only its operation tells the id."""
        answer = self.map.create_private_dns_namespace(
            Name=new["name"],
            Vpc=new["vpc"],
            CreatorRequestId=unique("terraform-"),
            **params(new, "description"),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        namespace_id: str = self.finish(answer["OperationId"])["Targets"]["NAMESPACE"]
        return namespace_id

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetNamespace, ListTagsForResource."""
        namespace = self.map.get_namespace(Id=resource_id)["Namespace"]
        dns = (namespace.get("Properties") or {}).get("DnsProperties") or {}
        return {
            "arn": namespace["Arn"],
            "name": namespace["Name"],
            "description": namespace.get("Description"),
            "hostedZone": dns.get("HostedZoneId"),
            "vpc": state.get("vpc"),
            "tags": self.tags_of(namespace["Arn"]),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdatePrivateDnsNamespace."""
        answer = self.map.update_private_dns_namespace(
            Id=resource_id,
            UpdaterRequestId=unique("terraform-"),
            Namespace={"Description": new.get("description", "")},
        )
        self.finish(answer["OperationId"])
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteNamespace; with services in it AWS refuses at once."""
        self.finish(self.map.delete_namespace(Id=resource_id)["OperationId"])

    def found(self, import_id: str) -> tuple[str, Props]:
        """`namespaceId:vpcId`."""
        namespace_id, _, vpc = import_id.partition(":")
        return namespace_id, {"vpc": vpc} if vpc else {}


class Service(_CloudMap):
    """`aws:servicediscovery/service:Service`; servicediscovery: resourceServiceCreate, …Delete."""

    type_name = "aws:servicediscovery/service:Service"
    title = "Service Discovery Service"
    gone = ("ServiceNotFound",)

    def make(self, new: Props) -> str:
        """CreateService, with tags."""
        answer = self.map.create_service(
            Name=new["name"],
            CreatorRequestId=unique("terraform-"),
            **params(new, "description", "namespaceId", "type"),
            **_dns(new),
            **_checks(new),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        service_id: str = answer["Service"]["Id"]
        return service_id

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetService, ListTagsForResource."""
        service = self.map.get_service(Id=resource_id)["Service"]
        custom = service.get("HealthCheckCustomConfig")
        check = service.get("HealthCheckConfig")
        return {
            "arn": service["Arn"],
            "name": service["Name"],
            "description": service.get("Description") or None,
            "namespaceId": service.get("NamespaceId"),
            "type": service.get("Type"),
            "dnsConfig": _from_dns(service.get("DnsConfig")),
            "healthCheckConfig": _from_check(check),
            "healthCheckCustomConfig": (
                {"failureThreshold": custom.get("FailureThreshold", 1)}
                if custom is not None
                else None
            ),
            "tags": self.tags_of(service["Arn"]),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdateService, an operation; `forceDestroy` alone asks nothing."""
        if not changed - {"forceDestroy"}:
            return None
        wanted: dict[str, Any] = {"Description": new.get("description", "")}
        if new.get("dnsConfig"):
            wanted["DnsConfig"] = {"DnsRecords": _dns(new)["DnsConfig"]["DnsRecords"]}
        if new.get("healthCheckConfig"):
            wanted["HealthCheckConfig"] = _checks(new)["HealthCheckConfig"]
        answer = self.map.update_service(Id=resource_id, Service=wanted)
        self.finish(answer["OperationId"])
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteService; `forceDestroy` deregisters its instances first."""
        if state.get("forceDestroy"):
            for instance in self.map.list_instances(ServiceId=resource_id)["Instances"]:
                answer = self.map.deregister_instance(
                    ServiceId=resource_id, InstanceId=instance["Id"]
                )
                self.finish(answer["OperationId"])
        self.map.delete_service(Id=resource_id)


def _dns(new: Props) -> dict[str, Any]:
    config = new.get("dnsConfig")
    if not config:
        return {}
    records = [{"Type": r["type"], "TTL": int(r["ttl"])} for r in config["dnsRecords"]]
    return {"DnsConfig": {"DnsRecords": records, **params(config, "namespaceId", "routingPolicy")}}


def _from_dns(config: Json) -> Props | None:
    if not config:
        return None
    found = {
        "namespaceId": config.get("NamespaceId"),
        "routingPolicy": config.get("RoutingPolicy", "MULTIVALUE"),
        "dnsRecords": [{"type": r["Type"], "ttl": r["TTL"]} for r in config["DnsRecords"]],
    }
    return {name: value for name, value in found.items() if value is not None}


def _checks(new: Props) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    if new.get("healthCheckConfig"):
        given = params(new["healthCheckConfig"], "type", "resourcePath", "failureThreshold")
        whole["HealthCheckConfig"] = given
    if new.get("healthCheckCustomConfig") is not None:
        whole["HealthCheckCustomConfig"] = {"FailureThreshold": 1}
    return whole


def _from_check(check: Json) -> Props | None:
    if not check:
        return None
    return {
        "type": check.get("Type"),
        "resourcePath": check.get("ResourcePath") or "",
        "failureThreshold": check.get("FailureThreshold") or 0,
    }

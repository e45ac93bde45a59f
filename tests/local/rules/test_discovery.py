"""What Cloud Map refuses."""

from typing import Any

import pytest

from tests.local.in_process import Stack
from tests.local.rules.conftest import Network, Refused


@pytest.fixture
def discovery(cloud: Stack) -> Any:
    """Cloud Map, as the customer."""
    return cloud.client("servicediscovery")


def namespace(discovery: Any, network: Network, name: str) -> str:
    """A private namespace in the VPC."""
    operation = discovery.create_private_dns_namespace(Name=name, Vpc=network.vpc)
    found = discovery.get_operation(OperationId=operation["OperationId"])
    return str(found["Operation"]["Targets"]["NAMESPACE"])


def service(discovery: Any, name: str, where: str) -> str:
    """A service in it."""
    config = {"DnsRecords": [{"Type": "A", "TTL": 10}]}
    made = discovery.create_service(Name=name, NamespaceId=where, DnsConfig=config)
    return str(made["Service"]["Id"])


def test_a_services_name_is_taken_once_in_a_namespace(
    discovery: Any, network: Network, refused: Refused
) -> None:
    """Moto would make a second one."""
    where = namespace(discovery, network, "once")
    service(discovery, "cache", where)

    assert refused(lambda: service(discovery, "cache", where)) == "ServiceAlreadyExists"
    service(discovery, "cache", namespace(discovery, network, "elsewhere"))


def test_nothing_is_deleted_from_under_what_it_holds(
    discovery: Any, network: Network, refused: Refused
) -> None:
    """First the instances, then the service, then the namespace."""
    where = namespace(discovery, network, "held")
    held = service(discovery, "cache", where)
    discovery.register_instance(
        ServiceId=held, InstanceId="one", Attributes={"AWS_INSTANCE_IPV4": "10.9.1.4"}
    )

    assert refused(discovery.delete_namespace, Id=where) == "ResourceInUse"
    assert refused(discovery.delete_service, Id=held) == "ResourceInUse"
    discovery.deregister_instance(ServiceId=held, InstanceId="one")
    discovery.delete_service(Id=held)
    discovery.delete_namespace(Id=where)


def test_a_vpc_has_namespaces_of_different_names(
    discovery: Any, network: Network, refused: Refused
) -> None:
    """Two installations may share a VPC."""
    namespace(discovery, network, "left")
    namespace(discovery, network, "right")

    assert refused(lambda: namespace(discovery, network, "left")) == "ConflictingDomainExists"

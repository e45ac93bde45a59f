"""Public addresses and NAT gateways."""

from byoc_infra.local.provider.aws import ProviderError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_map
from byoc_infra.local.provider.services.ec2_vpc import Ec2, first, tags_for

__all__ = ["Eip", "NatGateway"]


class Eip(Ec2):
    """`aws:ec2/eip:Eip`; ec2: resourceEIPCreate, …Update, …Delete."""

    type_name = "aws:ec2/eip:Eip"
    title = "EC2 EIP"
    gone = ("InvalidAllocationID.NotFound", "InvalidAddress.NotFound")

    def make(self, new: Props) -> str:
        """AllocateAddress."""
        answer = self.ec2.allocate_address(
            Domain=new.get("domain") or "vpc",
            **params(
                new,
                *("address", "networkBorderGroup", "publicIpv4Pool", "customerOwnedIpv4Pool"),
                *("ipamPoolId",),
            ),
            **tags_for("elastic-ip", new),
        )
        allocation_id: str = answer["AllocationId"]
        return allocation_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Associate it, when the program says with what."""
        if new.get("instance") or new.get("networkInterface"):
            self.ec2.associate_address(
                AllocationId=resource_id,
                **params(
                    new,
                    instance="InstanceId",
                    networkInterface="NetworkInterfaceId",
                    associateWithPrivateIp="PrivateIpAddress",
                ),
            )

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeAddresses, and its PTR record."""
        address = first(self.ec2.describe_addresses(AllocationIds=[resource_id])["Addresses"])
        if address is None:
            return None
        attributes = self.ec2.describe_addresses_attribute(
            AllocationIds=[resource_id], Attribute="domain-name"
        )["Addresses"]
        region = self.aws.region
        dashed = address["PublicIp"].replace(".", "-")
        return {
            "arn": self.aws.arn("ec2", f"elastic-ip/{resource_id}"),
            "allocationId": resource_id,
            "associationId": address.get("AssociationId"),
            "publicIp": address["PublicIp"],
            "publicDns": f"ec2-{dashed}.{region}.compute.amazonaws.com",
            "privateIp": address.get("PrivateIpAddress"),
            "ptrRecord": first([each.get("PtrRecord") for each in attributes]),
            "domain": address.get("Domain"),
            "instance": address.get("InstanceId"),
            "networkInterface": address.get("NetworkInterfaceId"),
            "networkBorderGroup": address.get("NetworkBorderGroup") or region,
            "publicIpv4Pool": address.get("PublicIpv4Pool"),
            "tags": tag_map(address.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Disassociate, associate."""
        if changed & {"instance", "networkInterface", "associateWithPrivateIp"}:
            self._disassociate(old)
            self.settle(resource_id, new)
        return None

    def _disassociate(self, state: Props) -> None:
        if state.get("associationId"):
            self.ec2.disassociate_address(AssociationId=state["associationId"])

    def remove(self, resource_id: str, state: Props) -> None:
        """Disassociate, release."""
        self._disassociate(state)
        self.ec2.release_address(AllocationId=resource_id)


class NatGateway(Ec2):
    """`aws:ec2/natGateway:NatGateway`; ec2: resourceNATGatewayCreate, waitNATGatewayCreated."""

    type_name = "aws:ec2/natGateway:NatGateway"
    title = "EC2 NAT Gateway"
    gone = ("NatGatewayNotFound",)
    unmodelled = ("availabilityMode", "availabilityZoneAddresses", "secondary*", "vpcId")

    def make(self, new: Props) -> str:
        """CreateNatGateway."""
        answer = self.ec2.create_nat_gateway(
            **params(
                new, "subnetId", "allocationId", "connectivityType", privateIp="PrivateIpAddress"
            ),
            **tags_for("natgateway", new),
        )
        gateway_id: str = answer["NatGateway"]["NatGatewayId"]
        return gateway_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `available`; `failed` is AWS's own words."""
        what = f"EC2 NAT Gateway ({resource_id}) create"
        self.aws.wait(what, lambda: self._available(resource_id))

    def _find(self, resource_id: str) -> Json:
        answer = self.ec2.describe_nat_gateways(NatGatewayIds=[resource_id])
        return first(answer["NatGateways"])

    def _available(self, resource_id: str) -> Json:
        gateway = self._find(resource_id)
        if gateway and gateway["State"] == "failed":
            text = f"{gateway.get('FailureCode')}: {gateway.get('FailureMessage')}"
            raise ProviderError(text)
        return gateway if gateway and gateway["State"] == "available" else None

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeNatGateways; a deleted one is gone."""
        gateway = self._find(resource_id)
        if gateway is None or gateway["State"] == "deleted":
            return None
        address = first(gateway.get("NatGatewayAddresses", [])) or {}
        return {
            "subnetId": gateway["SubnetId"],
            "connectivityType": gateway.get("ConnectivityType", "public"),
            "allocationId": address.get("AllocationId"),
            "associationId": address.get("AssociationId"),
            "networkInterfaceId": address.get("NetworkInterfaceId"),
            "privateIp": address.get("PrivateIp"),
            "publicIp": address.get("PublicIp"),
            "vpcId": gateway.get("VpcId"),
            "tags": tag_map(gateway.get("Tags")),
        }

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteNatGateway, then wait for `deleted`."""
        self.ec2.delete_nat_gateway(NatGatewayId=resource_id)
        self.wait_gone(resource_id)

"""VPCs, subnets and internet gateways."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from byoc_infra.local.provider.aws import Client
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map

__all__ = ["Ec2", "InternetGateway", "Subnet", "Vpc", "first", "tags_for"]


def tags_for(kind: str, new: Props) -> dict[str, Any]:
    """`TagSpecifications` for a create call, or nothing."""
    tags = new.get("tagsAll") or new.get("tags")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tag_list(tags)}]} if tags else {}


def first(found: Sequence[Json]) -> Json:
    """The only element, or None."""
    return found[0] if found else None


class Ec2(Resource):
    """Tags of every EC2 object are set alike."""

    @property
    def ec2(self) -> Client:
        """The EC2 client."""
        return self.aws.client("ec2")

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """CreateTags."""
        self.ec2.create_tags(Resources=[resource_id], Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """DeleteTags."""
        self.ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in keys])

    def wait_gone(self, resource_id: str) -> None:
        """Read until the object is gone."""
        what = f"{self.title} ({resource_id}) delete"
        self.aws.wait(what, lambda: None if self.state_of(resource_id, {}) else True)


class Vpc(Ec2):
    """`aws:ec2/vpc:Vpc`; ec2: resourceVPCCreate, resourceVPCFlatten, resourceVPCUpdate."""

    type_name = "aws:ec2/vpc:Vpc"
    title = "EC2 VPC"
    gone = ("InvalidVpcID.NotFound",)
    unmodelled = ("assignGeneratedIpv6CidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6*")
    attributes: ClassVar[dict[str, str]] = {
        "enableDnsHostnames": "EnableDnsHostnames",
        "enableDnsSupport": "EnableDnsSupport",
        "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
    }

    def make(self, new: Props) -> str:
        """CreateVpc."""
        answer = self.ec2.create_vpc(
            AmazonProvidedIpv6CidrBlock=False,
            **params(new, "cidrBlock", "instanceTenancy"),
            **tags_for("vpc", new),
        )
        vpc_id: str = answer["Vpc"]["VpcId"]
        return vpc_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `available`, then one call for each attribute that is not AWS's default."""
        self.aws.wait(f"EC2 VPC ({resource_id}) create", lambda: self._available(resource_id))
        usual = {"enableDnsSupport": True}
        for name in self.attributes:
            wanted = new.get(name)
            if wanted is not None and wanted != usual.get(name, False):
                self._set(resource_id, name, wanted)

    def _available(self, resource_id: str) -> Json:
        vpc = first(self.ec2.describe_vpcs(VpcIds=[resource_id])["Vpcs"])
        return vpc if vpc and vpc["State"] == "available" else None

    def _set(self, resource_id: str, name: str, wanted: Json) -> None:
        attribute = {self.attributes[name]: {"Value": bool(wanted)}}
        self.ec2.modify_vpc_attribute(VpcId=resource_id, **attribute)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeVpcs, its three attributes, its main ACL, route table and security group."""
        vpc = first(self.ec2.describe_vpcs(VpcIds=[resource_id])["Vpcs"])
        if vpc is None:
            return None
        flags = {
            name: self.ec2.describe_vpc_attribute(
                VpcId=resource_id, Attribute=name[0].lower() + name[1:]
            )[parameter]["Value"]
            for name, parameter in self.attributes.items()
        }
        mine = {"Name": "vpc-id", "Values": [resource_id]}
        acls = self.ec2.describe_network_acls(
            Filters=[mine, {"Name": "default", "Values": ["true"]}]
        )["NetworkAcls"]
        tables = self.ec2.describe_route_tables(
            Filters=[mine, {"Name": "association.main", "Values": ["true"]}]
        )["RouteTables"]
        groups = self.ec2.describe_security_groups(
            Filters=[mine, {"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        return {
            **flags,
            "arn": self.aws.arn("ec2", f"vpc/{resource_id}"),
            "cidrBlock": vpc["CidrBlock"],
            "dhcpOptionsId": vpc.get("DhcpOptionsId"),
            "instanceTenancy": vpc.get("InstanceTenancy"),
            "ownerId": vpc.get("OwnerId"),
            "assignGeneratedIpv6CidrBlock": bool(vpc.get("Ipv6CidrBlockAssociationSet")),
            "defaultNetworkAclId": first([acl["NetworkAclId"] for acl in acls]),
            "mainRouteTableId": first([table["RouteTableId"] for table in tables]),
            "defaultRouteTableId": first([table["RouteTableId"] for table in tables]),
            "defaultSecurityGroupId": first([group["GroupId"] for group in groups]),
            "tags": tag_map(vpc.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ModifyVpcAttribute, ModifyVpcTenancy."""
        for name in self.attributes:
            if name in changed:
                self._set(resource_id, name, new.get(name))
        if "instanceTenancy" in changed:
            self.ec2.modify_vpc_tenancy(VpcId=resource_id, InstanceTenancy=new["instanceTenancy"])
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteVpc, retried while something is still in it."""
        self.aws.retry(
            f"deleting EC2 VPC ({resource_id})",
            lambda: self.ec2.delete_vpc(VpcId=resource_id),
            "DependencyViolation",
            timeout_s=20,
        )
        self.wait_gone(resource_id)


class Subnet(Ec2):
    """`aws:ec2/subnet:Subnet`; ec2: resourceSubnetCreate, modifySubnetAttributesOnCreate."""

    type_name = "aws:ec2/subnet:Subnet"
    title = "EC2 Subnet"
    gone = ("InvalidSubnetID.NotFound", "InvalidSubnetId.NotFound")
    unmodelled = (
        "customerOwnedIpv4Pool",
        "enableLniAtDeviceIndex",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
        "ipv6*",
        "mapCustomerOwnedIpOnLaunch",
        "outpostArn",
    )
    attributes: ClassVar[dict[str, str]] = {
        "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
        "enableDns64": "EnableDns64",
        "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
        "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
        "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
        "privateDnsHostnameTypeOnLaunch": "PrivateDnsHostnameTypeOnLaunch",
    }

    def make(self, new: Props) -> str:
        """CreateSubnet."""
        answer = self.ec2.create_subnet(
            **params(new, "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"),
            **tags_for("subnet", new),
        )
        subnet_id: str = answer["Subnet"]["SubnetId"]
        return subnet_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `available`, then one call for each attribute that is on."""
        what = f"EC2 Subnet ({resource_id}) create"
        self.aws.wait(what, lambda: self._available(resource_id))
        for name in self.attributes:
            if new.get(name):
                self._set(resource_id, name, new[name])

    def _available(self, resource_id: str) -> Json:
        subnet = first(self.ec2.describe_subnets(SubnetIds=[resource_id])["Subnets"])
        return subnet if subnet and subnet["State"] == "available" else None

    def _set(self, resource_id: str, name: str, wanted: Json) -> None:
        value = wanted if name == "privateDnsHostnameTypeOnLaunch" else {"Value": bool(wanted)}
        self.ec2.modify_subnet_attribute(SubnetId=resource_id, **{self.attributes[name]: value})

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeSubnets."""
        subnet = first(self.ec2.describe_subnets(SubnetIds=[resource_id])["Subnets"])
        if subnet is None:
            return None
        naming = subnet.get("PrivateDnsNameOptionsOnLaunch") or {}
        return {
            "arn": subnet.get("SubnetArn") or self.aws.arn("ec2", f"subnet/{resource_id}"),
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet["CidrBlock"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet.get("AvailabilityZoneId"),
            "ownerId": subnet.get("OwnerId"),
            "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
            "assignIpv6AddressOnCreation": subnet.get("AssignIpv6AddressOnCreation", False),
            "enableDns64": subnet.get("EnableDns64", False),
            "ipv6Native": subnet.get("Ipv6Native", False),
            "enableResourceNameDnsARecordOnLaunch": naming.get(
                "EnableResourceNameDnsARecord", False
            ),
            "enableResourceNameDnsAaaaRecordOnLaunch": naming.get(
                "EnableResourceNameDnsAAAARecord", False
            ),
            "privateDnsHostnameTypeOnLaunch": naming.get("HostnameType"),
            "tags": tag_map(subnet.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ModifySubnetAttribute."""
        for name in self.attributes:
            if name in changed:
                self._set(resource_id, name, new.get(name))
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """Look for interfaces that services left, then DeleteSubnet (deleteLingeringENIs)."""
        self.ec2.describe_network_interfaces(
            Filters=[{"Name": "subnet-id", "Values": [resource_id]}]
        )
        self.aws.retry(
            f"deleting EC2 Subnet ({resource_id})",
            lambda: self.ec2.delete_subnet(SubnetId=resource_id),
            "DependencyViolation",
            timeout_s=20,
        )
        self.wait_gone(resource_id)


class InternetGateway(Ec2):
    """`aws:ec2/internetGateway:InternetGateway`; ec2: resourceInternetGatewayCreate, …Delete."""

    type_name = "aws:ec2/internetGateway:InternetGateway"
    title = "EC2 Internet Gateway"
    gone = ("InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.NotFound")

    def make(self, new: Props) -> str:
        """CreateInternetGateway."""
        answer = self.ec2.create_internet_gateway(**tags_for("internet-gateway", new))
        gateway_id: str = answer["InternetGateway"]["InternetGatewayId"]
        return gateway_id

    def settle(self, resource_id: str, new: Props) -> None:
        """AttachInternetGateway."""
        if new.get("vpcId"):
            self.ec2.attach_internet_gateway(InternetGatewayId=resource_id, VpcId=new["vpcId"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeInternetGateways."""
        answer = self.ec2.describe_internet_gateways(InternetGatewayIds=[resource_id])
        gateway = first(answer["InternetGateways"])
        if gateway is None:
            return None
        return {
            "arn": self.aws.arn("ec2", f"internet-gateway/{resource_id}"),
            "ownerId": gateway.get("OwnerId"),
            "vpcId": first([each["VpcId"] for each in gateway.get("Attachments", [])]),
            "tags": tag_map(gateway.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Detach from the old VPC, attach to the new."""
        if old.get("vpcId"):
            self.ec2.detach_internet_gateway(InternetGatewayId=resource_id, VpcId=old["vpcId"])
        self.settle(resource_id, new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """Detach, delete; retried while public addresses are mapped in the VPC."""
        if state.get("vpcId"):
            self.aws.retry(
                f"detaching EC2 Internet Gateway ({resource_id})",
                lambda: self.ec2.detach_internet_gateway(
                    InternetGatewayId=resource_id, VpcId=state["vpcId"]
                ),
                "DependencyViolation",
            )
        self.ec2.delete_internet_gateway(InternetGatewayId=resource_id)
        self.wait_gone(resource_id)

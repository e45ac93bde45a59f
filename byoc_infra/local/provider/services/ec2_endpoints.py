"""VPC endpoints, flow logs, and single tags of what others have made."""

from collections.abc import Mapping
from typing import ClassVar

from byoc_infra.local.provider.aws import ProviderError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_list, tag_map
from byoc_infra.local.provider.services.ec2_vpc import Ec2, first, tags_for

__all__ = ["FlowLog", "Tag", "VpcEndpoint"]


def _succeeded(answer: Json) -> Json:
    """The answer, unless it says by itself that something failed."""
    failed = first(answer.get("Unsuccessful") or [])
    if failed is not None:
        error = failed.get("Error") or {}
        text = f"{failed.get('ResourceId')}: {error.get('Code')}: {error.get('Message')}"
        raise ProviderError(text)
    return answer


class VpcEndpoint(Ec2):
    """`aws:ec2/vpcEndpoint:VpcEndpoint`; ec2: resourceVPCEndpoint, …Create, …Read, …Update."""

    type_name = "aws:ec2/vpcEndpoint:VpcEndpoint"
    title = "EC2 VPC Endpoint"
    gone = ("InvalidVpcEndpoint.NotFound", "InvalidVpcEndpointId.NotFound")
    unmodelled = (
        "autoAccept",
        "dnsOptions",
        "ipAddressType",
        "resourceConfigurationArn",
        "serviceNetworkArn",
        "serviceRegion",
        "subnetConfigurations",
    )
    lists: ClassVar[dict[str, str]] = {
        "routeTableIds": "RouteTableIds",
        "securityGroupIds": "SecurityGroupIds",
        "subnetIds": "SubnetIds",
    }

    def label(self, inputs: Props) -> str:
        """By its service."""
        return f" ({inputs.get('serviceName')})"

    def make(self, new: Props) -> str:
        """CreateVpcEndpoint; private names are off unless asked for."""
        answer = self.ec2.create_vpc_endpoint(
            VpcEndpointType=new["vpcEndpointType"],
            PrivateDnsEnabled=bool(new.get("privateDnsEnabled")),
            **params(new, "vpcId", "serviceName", policy="PolicyDocument"),
            **{key: new[name] for name, key in self.lists.items() if new.get(name)},
            **tags_for("vpc-endpoint", new),
        )
        endpoint_id: str = answer["VpcEndpoint"]["VpcEndpointId"]
        return endpoint_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `available`."""
        what = f"EC2 VPC Endpoint ({resource_id}) create"
        self.aws.wait(what, lambda: self._available(resource_id))

    def _available(self, resource_id: str) -> Json:
        found = self._endpoint(resource_id)
        return found if found and found["State"].lower() == "available" else None

    def _endpoint(self, resource_id: str) -> Json:
        answer = self.ec2.describe_vpc_endpoints(VpcEndpointIds=[resource_id])
        return first(answer["VpcEndpoints"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeVpcEndpoints, the prefix list of its service, its network interfaces."""
        found = self._endpoint(resource_id)
        if found is None or found["State"].lower() == "deleted":
            return None
        named = [{"Name": "prefix-list-name", "Values": [found["ServiceName"]]}]
        prefixes = first(self.ec2.describe_prefix_lists(Filters=named)["PrefixLists"]) or {}
        interfaces = found.get("NetworkInterfaceIds") or []
        return {
            "arn": self.aws.arn("ec2", f"vpc-endpoint/{resource_id}"),
            "cidrBlocks": prefixes.get("Cidrs") or [],
            "dnsEntries": [
                {"dnsName": one["DnsName"], "hostedZoneId": one.get("HostedZoneId", "")}
                for one in found.get("DnsEntries") or []
            ],
            "networkInterfaceIds": interfaces,
            "ownerId": found.get("OwnerId"),
            "policy": found.get("PolicyDocument"),
            "prefixListId": prefixes.get("PrefixListId"),
            "privateDnsEnabled": bool(found.get("PrivateDnsEnabled")),
            "requesterManaged": bool(found.get("RequesterManaged")),
            "routeTableIds": found.get("RouteTableIds") or [],
            "securityGroupIds": [group["GroupId"] for group in found.get("Groups") or []],
            "serviceName": found["ServiceName"],
            "state": found["State"],
            "subnetConfigurations": [self._place(interface) for interface in interfaces],
            "subnetIds": found.get("SubnetIds") or [],
            "vpcEndpointType": found.get("VpcEndpointType") or "Gateway",
            "vpcId": found["VpcId"],
            "tags": tag_map(found.get("Tags")),
        }

    def _place(self, interface_id: str) -> Props:
        answer = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])
        interface = answer["NetworkInterfaces"][0]
        return {"ipv4": interface["PrivateIpAddress"], "subnetId": interface["SubnetId"]}

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """One ModifyVpcEndpoint: what to add and what to remove of each list."""
        asked: dict[str, Json] = {}
        for name, key in self.lists.items():
            before, after = set(old.get(name) or ()), set(new.get(name) or ())
            if name in changed:
                asked[f"Add{key}"] = sorted(after - before)
                asked[f"Remove{key}"] = sorted(before - after)
        if "privateDnsEnabled" in changed:
            asked["PrivateDnsEnabled"] = bool(new.get("privateDnsEnabled"))
        if "policy" in changed:
            asked.update({"PolicyDocument": new["policy"]} if new.get("policy") else _RESET)
        kept = {key: value for key, value in asked.items() if value != []}
        self.ec2.modify_vpc_endpoint(VpcEndpointId=resource_id, **kept)
        what = f"EC2 VPC Endpoint ({resource_id}) update"
        self.aws.wait(what, lambda: self._available(resource_id))
        return None

    def unknown_after(self, changed: frozenset[str]) -> tuple[str, ...]:
        """Other subnets mean other network interfaces."""
        return ("networkInterfaceIds", "subnetConfigurations") if "subnetIds" in changed else ()

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteVpcEndpoints, and wait until it is gone."""
        _succeeded(self.ec2.delete_vpc_endpoints(VpcEndpointIds=[resource_id]))
        self.wait_gone(resource_id)


_RESET: Mapping[str, Json] = {"ResetPolicy": True}


class FlowLog(Ec2):
    """`aws:ec2/flowLog:FlowLog`; ec2: resourceFlowLog, resourceLogFlowCreate, …Delete."""

    type_name = "aws:ec2/flowLog:FlowLog"
    title = "Flow Log"
    gone = ("InvalidFlowLogId.NotFound",)
    unmodelled = (
        "deliverCrossAccountRole",
        "destinationOptions",
        "regionalNatGatewayId",
        "tagFieldSpecifications",
        "transitGatewayAttachmentId",
        "transitGatewayId",
    )
    sources: ClassVar[dict[str, str]] = {
        "vpcId": "VPC",
        "subnetId": "Subnet",
        "eniId": "NetworkInterface",
    }
    prefixes: ClassVar[dict[str, str]] = {"vpc": "vpcId", "subnet": "subnetId", "eni": "eniId"}

    def label(self, inputs: Props) -> str:
        """By what it watches."""
        return f" ({next((inputs[name] for name in self.sources if inputs.get(name)), '?')})"

    def make(self, new: Props) -> str:
        """CreateFlowLogs; what it lists as unsuccessful is an error."""
        name = next(name for name in self.sources if new.get(name))
        asked = params(
            new,
            "logDestinationType",
            "trafficType",
            "logFormat",
            "maxAggregationInterval",
            iamRoleArn="DeliverLogsPermissionArn",
        )
        if new.get("logDestination"):
            asked["LogDestination"] = new["logDestination"].removesuffix(":*")
        answer = self.ec2.create_flow_logs(
            ResourceIds=[new[name]],
            ResourceType=self.sources[name],
            **asked,
            **tags_for("vpc-flow-log", new),
        )
        flow_log_id: str = _succeeded(answer)["FlowLogIds"][0]
        return flow_log_id

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeFlowLogs."""
        found = first(self.ec2.describe_flow_logs(FlowLogIds=[resource_id])["FlowLogs"])
        if found is None:
            return None
        source = self.prefixes[found["ResourceId"].partition("-")[0]]
        return {
            "arn": self.aws.arn("ec2", f"vpc-flow-log/{resource_id}"),
            "iamRoleArn": found.get("DeliverLogsPermissionArn"),
            "logDestination": found.get("LogDestination"),
            "logDestinationType": found.get("LogDestinationType"),
            "logFormat": found.get("LogFormat"),
            "maxAggregationInterval": found.get("MaxAggregationInterval"),
            "trafficType": found.get("TrafficType"),
            source: found["ResourceId"],
            "tags": tag_map(found.get("Tags")),
        }

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteFlowLogs."""
        _succeeded(self.ec2.delete_flow_logs(FlowLogIds=[resource_id]))


class Tag(Ec2):
    """`aws:ec2/tag:Tag`: one tag of an object that is not the stack's; ec2: resourceTag."""

    type_name = "aws:ec2/tag:Tag"
    title = "EC2 (Elastic Compute Cloud) resource tag"

    def label(self, inputs: Props) -> str:
        """The object and the key."""
        return f" ({inputs.get('resourceId')},{inputs.get('key')})"

    def make(self, new: Props) -> str:
        """CreateTags."""
        self._set(new)
        return f"{new['resourceId']},{new['key']}"

    def _set(self, new: Props) -> None:
        tags = tag_list({new["key"]: new["value"]})
        self.ec2.create_tags(Resources=[new["resourceId"]], Tags=tags)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeTags of this object and key."""
        place, _, key = resource_id.partition(",")
        wanted = [{"Name": "resource-id", "Values": [place]}, {"Name": "key", "Values": [key]}]
        found = first(self.ec2.describe_tags(Filters=wanted)["Tags"])
        if found is None:
            return None
        return {"resourceId": place, "key": key, "value": found["Value"]}

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """CreateTags again: it overwrites."""
        self._set(new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteTags with key and value, so that a value that somebody changed stays."""
        tags = tag_list({state["key"]: state["value"]})
        self.ec2.delete_tags(Resources=[state["resourceId"]], Tags=tags)

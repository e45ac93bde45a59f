"""What VPC endpoints and flow logs refuse, and dead routes."""

import json
from typing import Any

import pytest

from tests.local.in_process import Stack
from tests.local.rules.conftest import Network, Refused

SERVICE = "com.amazonaws.eu-west-1."


@pytest.fixture
def ec2(cloud: Stack) -> Any:
    """EC2, as the customer."""
    return cloud.client("ec2")


def trust(service: str) -> str:
    """A role's trust in one service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def interface(network: Network, word: str, **changes: Any) -> dict[str, Any]:
    """An interface endpoint in both zones."""
    asked = {
        "VpcId": network.vpc,
        "ServiceName": SERVICE + word,
        "VpcEndpointType": "Interface",
        "SubnetIds": [network.first, network.second],
        "PrivateDnsEnabled": False,
    }
    return {**asked, **changes}


def test_a_service_that_is_not_there_is_refused(
    ec2: Any, network: Network, refused: Refused
) -> None:
    """Also one of another region."""
    for name in (SERVICE + "nothing", "com.amazonaws.us-east-1.logs"):
        asked = interface(network, "logs", ServiceName=name)

        assert refused(ec2.create_vpc_endpoint, **asked) == "InvalidServiceName"


def test_two_subnets_of_a_zone_are_refused(ec2: Any, network: Network, refused: Refused) -> None:
    """An endpoint has one interface a zone."""
    asked = interface(network, "logs", SubnetIds=[network.first, network.beside_first])

    assert refused(ec2.create_vpc_endpoint, **asked) == "DuplicateSubnetsInSameZone"


def test_private_names_want_a_vpc_that_resolves_and_no_second_endpoint(
    ec2: Any, network: Network, refused: Refused
) -> None:
    """The second may be there without them, and get them when the first has lost them."""
    asked = interface(network, "logs", PrivateDnsEnabled=True)
    assert refused(ec2.create_vpc_endpoint, **asked) == "InvalidParameter"
    ec2.modify_vpc_attribute(VpcId=network.vpc, EnableDnsHostnames={"Value": True})

    made = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]
    assert refused(ec2.create_vpc_endpoint, **asked) == "InvalidParameter"
    ec2.modify_vpc_endpoint(VpcEndpointId=made, PrivateDnsEnabled=False)
    again = ec2.create_vpc_endpoint(**asked)["VpcEndpoint"]["VpcEndpointId"]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made, again])


def test_an_endpoint_holds_its_groups_and_subnets(
    ec2: Any, network: Network, refused: Refused
) -> None:
    """Until it is deleted."""
    group = ec2.create_security_group(GroupName="held", Description="x", VpcId=network.vpc)
    subnet = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.9.60.0/24")["Subnet"]["SubnetId"]
    worn = {"SecurityGroupIds": [group["GroupId"]], "SubnetIds": [subnet]}
    made = ec2.create_vpc_endpoint(**interface(network, "ecr.api", **worn))

    assert refused(ec2.delete_security_group, GroupId=group["GroupId"]) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpoint"]["VpcEndpointId"]])
    ec2.delete_security_group(GroupId=group["GroupId"])
    ec2.delete_subnet(SubnetId=subnet)


def test_the_routes_of_a_gateway_endpoint_follow_its_tables(ec2: Any, network: Network) -> None:
    """And it can be deleted although nobody said what type it is."""
    one, other = (
        ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"] for _ in "ab"
    )

    def leads(table: str) -> list[str]:
        (found,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return [route["GatewayId"] for route in found["Routes"] if route["GatewayId"] != "local"]

    made = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName=SERVICE + "s3", RouteTableIds=[one]
    )["VpcEndpoint"]["VpcEndpointId"]
    assert (leads(one), leads(other)) == ([made], [])
    ec2.modify_vpc_endpoint(
        VpcEndpointId=made, AddRouteTableIds=[other], RemoveRouteTableIds=[one], ResetPolicy=True
    )

    assert (leads(one), leads(other)) == ([], [made])
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    assert leads(other) == []


def test_a_flow_log_wants_a_role_that_trusts_it(
    cloud: Stack, ec2: Any, network: Network, refused: Refused
) -> None:
    """It delivers to a group that is there."""
    iam, logs = cloud.client("iam"), cloud.client("logs")
    logs.create_log_group(logGroupName="/flow")
    arn = logs.describe_log_groups(logGroupNamePrefix="/flow")["logGroups"][0]["arn"]
    roles = {
        name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
        for name, service in (("tasks", "ecs-tasks"), ("flow", "vpc-flow-logs"))
        for service in (f"{service}.amazonaws.com",)
    }
    asked = {
        "ResourceIds": [network.vpc],
        "ResourceType": "VPC",
        "TrafficType": "ALL",
        "LogDestination": arn.removesuffix(":*"),
    }

    for role in (roles["tasks"], roles["flow"] + "x"):
        code = refused(ec2.create_flow_logs, **asked, DeliverLogsPermissionArn=role)
        assert code == "InvalidParameter"
    made = ec2.create_flow_logs(**asked, DeliverLogsPermissionArn=roles["flow"])["FlowLogIds"]
    (found,) = ec2.describe_flow_logs(FlowLogIds=made)["FlowLogs"]
    assert found["DeliverLogsStatus"] == "SUCCESS"
    ec2.delete_flow_logs(FlowLogIds=made)


def test_a_route_whose_target_is_gone_is_dead(ec2: Any, network: Network) -> None:
    """A deleted NAT gateway, a detached internet gateway, a peering that was not accepted."""
    peer = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    peering = ec2.create_vpc_peering_connection(VpcId=network.vpc, PeerVpcId=peer)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=network.first, AllocationId=address)["NatGateway"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    targets = {
        "1.0.0.0/8": {"NatGatewayId": nat["NatGatewayId"]},
        "2.0.0.0/8": {"GatewayId": gateway},
        "3.0.0.0/8": {
            "VpcPeeringConnectionId": peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        },
    }
    for cidr, target in targets.items():
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=cidr, **target)

    def states() -> list[str]:
        (found,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        by_cidr = {one["DestinationCidrBlock"]: one["State"] for one in found["Routes"]}
        return [by_cidr[cidr] for cidr in targets]

    assert states() == ["active", "active", "blackhole"]
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    assert states() == ["blackhole"] * 3

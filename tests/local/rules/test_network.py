"""What EC2 refuses to delete."""

from typing import Any

import pytest

from byoc_infra.local.persistence import backend_of
from byoc_infra.local.rules.holders import Holding
from byoc_infra.local.world import CUSTOMER_ACCOUNT
from tests.local.in_process import REGION, Stack
from tests.local.rules.conftest import Network, Refused


@pytest.fixture
def ec2(cloud: Stack) -> Any:
    """EC2, as the customer."""
    return cloud.client("ec2")


def group(ec2: Any, network: Network, name: str) -> str:
    """A new security group."""
    made = ec2.create_security_group(GroupName=name, Description=name, VpcId=network.vpc)
    return str(made["GroupId"])


def test_a_group_named_by_another_groups_rule_stays(
    ec2: Any, network: Network, refused: Refused
) -> None:
    """It can go once the rule is gone."""
    named, naming = group(ec2, network, "named"), group(ec2, network, "naming")
    rule = [
        {
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 80,
            "UserIdGroupPairs": [{"GroupId": named}],
        }
    ]
    ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=rule)

    assert refused(ec2.delete_security_group, GroupId=named) == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=naming, IpPermissions=rule)
    ec2.delete_security_group(GroupId=named)


def test_a_group_worn_by_an_interface_stays(ec2: Any, network: Network, refused: Refused) -> None:
    """Network interfaces hold their groups."""
    worn = group(ec2, network, "worn")
    moto = backend_of("ec2", CUSTOMER_ACCOUNT, REGION)
    moto.create_network_interface(moto.get_subnet(network.first), "10.9.1.9", group_ids=[worn])

    assert refused(ec2.delete_security_group, GroupId=worn) == "DependencyViolation"


def test_a_group_and_a_subnet_held_by_a_task_stay(
    cloud: Stack, ec2: Any, network: Network, refused: Refused
) -> None:
    """What is not moto's tells of itself."""
    worn = group(ec2, network, "worn-by-task")
    held = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.9.50.0/24")["Subnet"]["SubnetId"]
    holding = Holding("task", frozenset({held}), frozenset({worn}))
    cloud.holders.add(lambda account, _: [holding] if account == CUSTOMER_ACCOUNT else [])

    assert refused(ec2.delete_security_group, GroupId=worn) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=held) == "DependencyViolation"
    cloud.holders.sources.clear()
    ec2.delete_subnet(SubnetId=held)


def test_a_default_group_cannot_be_deleted(ec2: Any, network: Network, refused: Refused) -> None:
    """It belongs to its VPC."""
    found = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [network.vpc]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )

    default = found["SecurityGroups"][0]["GroupId"]
    assert refused(ec2.delete_security_group, GroupId=default) == "CannotDelete"


def test_a_vpc_goes_after_its_groups_and_gateway(ec2: Any, refused: Refused) -> None:
    """Moto would delete it with them inside."""
    vpc = ec2.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
    own = ec2.create_security_group(GroupName="own", Description="own", VpcId=vpc)["GroupId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)

    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.delete_security_group(GroupId=own)
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)


def test_a_nat_gateway_goes_before_its_address_subnet_and_gateway(
    ec2: Any, refused: Refused
) -> None:
    """Deleting it gives back the address and the interface."""
    vpc = ec2.create_vpc(CidrBlock="10.11.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.11.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"][
        "NatGatewayId"
    ]

    assert refused(ec2.release_address, AllocationId=address) == "InvalidIPAddress.InUse"
    assert refused(ec2.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    assert (
        refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
        == "DependencyViolation"
    )
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    states = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"]
    assert [one["State"] for one in states] == ["deleted"]


def test_an_unknown_nat_gateway_is_an_error(ec2: Any, refused: Refused) -> None:
    """Moto gives an empty list."""
    nowhere = "nat-00000000000000000"

    assert refused(ec2.describe_nat_gateways, NatGatewayIds=[nowhere]) == "NatGatewayNotFound"
    assert refused(ec2.delete_nat_gateway, NatGatewayId=nowhere) == "NatGatewayNotFound"


def test_a_dry_run_makes_nothing(ec2: Any, refused: Refused) -> None:
    """Moto would make it."""
    before = len(ec2.describe_vpcs()["Vpcs"])

    assert refused(ec2.create_vpc, CidrBlock="10.12.0.0/16", DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_vpcs()["Vpcs"]) == before

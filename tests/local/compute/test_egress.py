"""A task starts only where its subnet leads to what it needs first."""

from typing import Any

import pytest

from byoc_infra.local.compute.egress import unreached
from byoc_infra.local.compute.making import make_task
from byoc_infra.local.compute.model import Task
from byoc_infra.local.compute.roles import ExecutionRoles, StartError
from tests.local.compute.fakes import ACCOUNT, REGION, Lab, client

CONTAINER = {
    "name": "api",
    "image": "agents@sha256:1",
    "secrets": [{"name": "A", "valueFrom": "arn:a"}],
    "logConfiguration": {"logDriver": "awslogs"},
}
SAID = [
    ("secretsmanager", "unable to retrieve secret from asm: There is a connection issue"),
    ("ecr.api", "The task cannot pull registry auth from Amazon ECR: There is a connection issue"),
    ("logs", "ResourceInitializationError: failed to validate logger args: There is a connection"),
    ("ecr.dkr", "CannotPullContainerError: The task cannot pull agents@sha256:1. There is a conn"),
    ("s3", "CannotPullContainerError: The task cannot pull agents@sha256:1. There is a connect"),
]
"""In the order in which ECS asks."""


class Place:
    """The lab's subnet, and what is added to its VPC."""

    def __init__(self, lab: Lab) -> None:
        self.ec2: Any = client("ec2")
        self.subnet = lab.network["awsvpcConfiguration"]["subnets"][0]
        (found,) = self.ec2.describe_subnets(SubnetIds=[self.subnet])["Subnets"]
        self.vpc = found["VpcId"]
        mine = [{"Name": "vpc-id", "Values": [self.vpc]}]
        (main,) = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        self.main = main["RouteTableId"]

    def task(self, subnet: str | None = None, **network: str) -> Task:
        """A task in the subnet."""
        where = {"subnets": [subnet or self.subnet], **network}
        return make_task(
            now=0.0,
            account_id=ACCOUNT,
            region=REGION,
            cluster_arn="arn:aws:ecs:eu-west-1:222222222222:cluster/lg",
            definition_arn="arn",
            definition={"containerDefinitions": [CONTAINER]},
            settings={"networkConfiguration": {"awsvpcConfiguration": where}},
            group="g",
            started_by="s",
        )

    def endpoint(self, word: str) -> None:
        """Make an endpoint that answers."""
        asked: dict[str, Any] = {"VpcEndpointType": "Gateway", "RouteTableIds": [self.main]}
        if word != "s3":
            group = self.ec2.create_security_group(GroupName=word, Description="x", VpcId=self.vpc)[
                "GroupId"
            ]
            rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
            asked = {
                "VpcEndpointType": "Interface",
                "SubnetIds": [self.subnet],
                "SecurityGroupIds": [group],
                "PrivateDnsEnabled": True,
            }
        name = f"com.amazonaws.{REGION}.{word}"
        self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=name, **asked)

    def internet_gateway(self) -> None:
        """Make the subnet public."""
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.ec2.create_route(
            RouteTableId=self.main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )


@pytest.fixture
def place(lab: Lab) -> Place:
    """A VPC that nothing leads out of."""
    return Place(lab)


def test_what_is_not_reached_is_told_in_ecss_words(place: Place) -> None:
    """One after the other, as they are added; with all five the task can start."""
    for word, said in SAID:
        assert said in (unreached(place.task()) or "")
        place.endpoint(word)

    assert unreached(place.task()) is None


def test_the_words_become_the_tasks_stop_reason(place: Place) -> None:
    """As with all that keeps a task from starting."""
    roles = ExecutionRoles(lambda *_: None)

    with pytest.raises(StartError, match="ResourceInitializationError: unable to pull secrets"):
        roles.reach(place.task())


def test_an_internet_gateway_serves_public_addresses_only(place: Place) -> None:
    """A task without one is not answered."""
    place.internet_gateway()

    assert unreached(place.task()) is not None
    assert unreached(place.task(assignPublicIp="ENABLED")) is None


def test_a_subnet_that_is_not_there_is_for_others_to_refuse(place: Place) -> None:
    """CreateService does."""
    assert unreached(place.task(subnet="subnet-0")) is None

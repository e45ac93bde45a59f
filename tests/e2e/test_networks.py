"""Networks without a NAT gateway, and networks that are the customer's own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import pytest

from byoc_infra.aws.inventory import take
from byoc_infra.aws.network import look_at
from byoc_infra.aws.network_rules import check_network
from byoc_infra.aws.session import Session, open_session
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import SpecError
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment
from byoc_infra.naming import ENABLED_TAG, FARGATE_SERVICES, INSTALLATION_TAG, PRIVATE_TAG, Place
from byoc_infra.spec import AccountSpec, ExistingNetworkSpec, parse
from tests.e2e.stage import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CLOSED: dict[str, Any] = {
    "installation": "closed",
    "network": {"cidr": "10.50.0.0/16", "nat": "none"},
    "create_service_linked_roles": (),
}
ANYWHERE = "0.0.0.0/0"
OWN_TAGS = {"team": "platform", "Name": "customers"}
KINDS = ("vpc", "subnet", "route table", "internet gateway", "nat gateway", "vpc endpoint")


class CustomersVpc:
    """A VPC as a customer's administrator makes one: two private and two public subnets."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ec2: Any = session.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.private = [self._subnet(n, zone) for n, zone in enumerate("ab")]
        self.public = [self._subnet(n + 10, zone) for n, zone in enumerate("ab")]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table(self.public, GatewayId=self.gateway)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.public[0], AllocationId=address)
        self.nat = made["NatGateway"]["NatGatewayId"]
        mine = [
            {"Name": "vpc-id", "Values": [self.vpc]},
            {"Name": "association.main", "Values": ["true"]},
        ]
        (main,) = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        self.main = main["RouteTableId"]
        self.lead(self.main, NatGatewayId=self.nat)
        self.own(self.vpc, *self.private, *self.public)

    def _subnet(self, number: int, zone: str) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=f"10.60.{number}.0/24",
            AvailabilityZone=f"{self.session.region}{zone}",
        )
        return str(made["Subnet"]["SubnetId"])

    def own(self, *ids: str) -> None:
        """Put the customer's own tags on."""
        tags = [{"Key": key, "Value": value} for key, value in OWN_TAGS.items()]
        self.ec2.create_tags(Resources=list(ids), Tags=tags)

    def table(self, subnets: list[str], **target: str) -> str:
        """A route table of these subnets that leads there."""
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=made, SubnetId=subnet)
        self.lead(made, **target)
        return str(made)

    def lead(self, table: str, **target: str) -> None:
        """A default route."""
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)

    def turn(self, **target: str) -> None:
        """Lead the main table, which the private subnets inherit, elsewhere."""
        self.ec2.replace_route(RouteTableId=self.main, DestinationCidrBlock=ANYWHERE, **target)

    def endpoints_instead(self) -> None:
        """Take the way to the internet away, and give AWS's endpoints."""
        self.ec2.delete_route(RouteTableId=self.main, DestinationCidrBlock=ANYWHERE)
        group = self.ec2.create_security_group(
            GroupName="endpoints", Description="x", VpcId=self.vpc
        )["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        inside = {**rule, "IpRanges": [{"CidrIp": "10.60.0.0/16"}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[inside])
        gateway = {"VpcEndpointType": "Gateway", "RouteTableIds": [self.main]}
        interface = {
            "VpcEndpointType": "Interface",
            "SubnetIds": self.private,
            "SecurityGroupIds": [group],
            "PrivateDnsEnabled": True,
        }
        for word in FARGATE_SERVICES:
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc,
                ServiceName=f"com.amazonaws.{self.session.region}.{word}",
                **(gateway if word == "s3" else interface),
            )

    def peering(self) -> str:
        """A connection with another VPC, accepted."""
        other = self.ec2.create_vpc(CidrBlock="10.61.0.0/16")["Vpc"]["VpcId"]
        made = self.ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=other)
        peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        return str(peering)

    def tags(self) -> dict[str, dict[str, str]]:
        """What is on the VPC and each subnet."""
        found: dict[str, dict[str, str]] = {}
        for id_ in (self.vpc, *self.private, *self.public):
            where = [{"Name": "resource-id", "Values": [id_]}]
            listed = self.ec2.describe_tags(Filters=where)["Tags"]
            found[id_] = {one["Key"]: one["Value"] for one in listed}
        return found

    def setting(self, **changes: Any) -> dict[str, Any]:
        """What the account file says of it."""
        return {
            "vpc_id": self.vpc,
            "private_subnet_ids": self.private,
            "public_subnet_ids": self.public,
            **changes,
        }

    def judged(self, setting: Mapping[str, Any]) -> None:
        """What the account program does before it registers anything."""
        asked = parse(ExistingNetworkSpec, dict(setting))
        place = Place(self.session.identity().account_id, self.session.region)
        facts = look_at(self.session, asked)
        check_network(facts, asked, place=place, installation="adopted")


@pytest.fixture
def customers(account: Stage) -> Iterator[CustomersVpc]:
    """The customer's VPC, beside the shared account stack."""
    with _customer(account) as session:
        yield CustomersVpc(session)


def _customer(stage: Stage) -> AbstractContextManager[Session]:
    env = stage.cloud.env("customer")
    return closing(open_session(None, region=stage.cloud.region, env=env))


def test_a_deployment_lives_without_nat_by_endpoints_alone(account: Stage) -> None:
    """Its tasks start, and no other once an endpoint is gone; what runs stays."""
    stage, spec = account, account.account(**CLOSED)
    outputs = stage.set_up(spec)
    access = stage.access(installation="closed")
    asked = stage.deployment("shut", stage.push("v1"), installation="closed")
    made = deployment.up(asked, access, stage.work("vendor")).outputs
    caller = Caller(str(made["url"]))
    caller.say("first")
    with _customer(stage) as session:
        _drop_endpoint(session, str(outputs["vpc_id"]), "secretsmanager")
        reason = _stop_reason(session, made)
    caller.say("second")

    assert reason.startswith("ResourceInitializationError: unable to pull secrets")
    assert "connection issue between the task and AWS Secrets Manager" in reason
    assert caller.versions == ["v1", "v1"]
    deployment.destroy(asked, access, stage.work("vendor"))
    removed = accounts.destroy(spec, stage.work("customer"))
    assert sum(one.type == "aws:ec2/vpcEndpoint:VpcEndpoint" for one in removed.destroyed) == 5


def _drop_endpoint(session: Session, vpc_id: str, word: str) -> None:
    """As a customer might, who does not know what it is for."""
    ec2 = session.client("ec2")
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])
    ids = [
        one["VpcEndpointId"]
        for one in found["VpcEndpoints"]
        if one["ServiceName"].endswith(f".{word}")
    ]
    ec2.delete_vpc_endpoints(VpcEndpointIds=ids)


def _stop_reason(session: Session, made: Mapping[str, Any]) -> str:
    """Of one more task like the deployment's, started by hand."""
    ecs = session.client("ecs")
    cluster, service = made["cluster"], made["service"]
    (told,) = ecs.describe_services(cluster=cluster, services=[service])["services"]
    started = ecs.run_task(
        cluster=cluster,
        taskDefinition=made["task_definition_arn"],
        launchType="FARGATE",
        networkConfiguration=told["networkConfiguration"],
    )
    task = started["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(
        cluster=cluster, tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    (stopped,) = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
    return str(stopped["stoppedReason"])


def test_a_network_that_cannot_work_is_refused_and_nothing_is_made(
    account: Stage, customers: CustomersVpc
) -> None:
    """By the account stack's own look at it, by preview and by up."""
    stage, before = account, (customers.tags(), _names(account))
    foreign = customers.ec2.create_vpc(CidrBlock="10.62.0.0/16")["Vpc"]["VpcId"]
    other = customers.ec2.create_subnet(VpcId=foreign, CidrBlock="10.62.0.0/24")["Subnet"]
    ids = [customers.private[0], other["SubnetId"]]

    _refused(customers.judged, customers.setting(private_subnet_ids=ids), f"{ids[1]} of {foreign}")
    peering = customers.peering()
    customers.turn(VpcPeeringConnectionId=peering)
    _refused(
        customers.judged,
        customers.setting(),
        f"a default route to {peering}, which is no way out",
    )
    customers.turn(GatewayId=customers.gateway)
    _refused(customers.judged, customers.setting(), f"to the internet gateway {customers.gateway}")
    customers.turn(NatGatewayId=customers.nat)
    customers.ec2.delete_nat_gateway(NatGatewayId=customers.nat)
    _refused(
        lambda setting: accounts.preview(_adopting(stage, setting), stage.work("customer")),
        customers.setting(),
        f"to {customers.nat} that leads nowhere (blackhole)",
    )
    taken = {"Key": INSTALLATION_TAG, "Value": "default"}
    customers.ec2.create_tags(Resources=[customers.private[0]], Tags=[taken])
    _refused(
        lambda setting: accounts.up(_adopting(stage, setting), stage.work("customer")),
        customers.setting(),
        f"with the tag {INSTALLATION_TAG}=default",
    )

    customers.ec2.delete_tags(Resources=[customers.private[0]], Tags=[taken])
    assert (customers.tags(), _names(account)) == before


def _refused(
    ask: Callable[[Mapping[str, Any]], object], setting: Mapping[str, Any], got: str
) -> None:
    """By setting, with what was found."""
    with pytest.raises(SpecError) as refused:
        ask(setting)

    assert refused.value.field.startswith("existing_network.")
    assert got in refused.value.got


def _adopting(stage: Stage, setting: Mapping[str, Any]) -> AccountSpec:
    return stage.account(
        installation="adopted", existing_network=setting, create_service_linked_roles=()
    )


def _names(stage: Stage) -> tuple[str, ...]:
    """The account's roles, which every stack makes some of."""
    with _customer(stage) as session:
        return take(session, ["iam role"]).kinds["iam role"]


def test_the_customers_vpc_is_used_and_given_back(account: Stage, customers: CustomersVpc) -> None:
    """Adopted with tags alone; a deployment runs in it; after destroy it is as it was."""
    stage, before = account, take(customers.session, KINDS)
    spec = _adopting(stage, customers.setting())
    accounts.preview(spec, stage.work("customer"))
    outputs = stage.set_up(spec)
    access = stage.access(installation="adopted")
    asked = stage.deployment("guest", stage.push("v1"), installation="adopted")
    made = deployment.up(asked, access, stage.work("vendor"))
    Caller(str(made.outputs["url"])).say("hello")
    ours = customers.tags()
    customers.endpoints_instead()
    again = accounts.up(spec, stage.work("customer"))
    deployment.destroy(asked, access, stage.work("vendor"))
    removed = accounts.destroy(spec, stage.work("customer"))

    own = {**OWN_TAGS, ENABLED_TAG: "1", INSTALLATION_TAG: "adopted"}
    assert outputs["vpc_id"] == customers.vpc
    assert ours == {
        customers.vpc: own,
        **{key: {**own, PRIVATE_TAG: "1"} for key in customers.private},
        **{key: {**own, PRIVATE_TAG: "0"} for key in customers.public},
    }
    assert again.changes == ()
    assert customers.tags() == dict.fromkeys(customers.tags(), OWN_TAGS)
    assert before.difference(take(customers.session, KINDS)).removed == {}
    assert not [one for one in removed.destroyed if one.type.startswith("aws:ec2/subnet")]

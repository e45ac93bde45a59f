"""A network without a NAT gateway, and networks of the customer's own that cannot work.

One that can work is used in test_external_database.py. The closed one's installation is also the
one that lives by the `managed` policies.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import pytest

from byoc_infra.aws.inventory import take
from byoc_infra.aws.session import Session, open_session
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import SpecError
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment
from byoc_infra.naming import INSTALLATION_TAG
from byoc_infra.spec import AccountSpec
from tests.e2e.stage import Stage
from tests.support.customers_vpc import CustomersVpc

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CLOSED: dict[str, Any] = {
    "installation": "closed",
    "network": {"cidr": "10.50.0.0/16", "nat": "none"},
    "permissions": "managed",
}


@pytest.fixture
def customers(account: Stage) -> Iterator[CustomersVpc]:
    """The customer's VPC, beside the shared account stack."""
    with _customer(account) as session:
        yield CustomersVpc(session)


def _customer(stage: Stage) -> AbstractContextManager[Session]:
    env = stage.cloud.env("customer")
    return closing(open_session(None, region=stage.cloud.region, env=env))


def test_a_life_passes_without_nat_and_with_the_managed_policies(account: Stage) -> None:
    """Create, revise, destroy, by endpoints alone and beside another installation.

    That one has made the shared roles. No other task starts once an endpoint is gone; what runs
    stays.
    """
    stage, spec = account, account.account(**CLOSED, create_service_linked_roles=())
    with pytest.raises(SpecError, match="create_service_linked_roles") as refused:
        stage.set_up(stage.account(**CLOSED))
    outputs = stage.set_up(spec)
    access = stage.access(installation="closed")
    first = stage.deployment("shut", stage.push("v1"), installation="closed")
    made = deployment.up(first, access, stage.work("vendor")).outputs
    caller = Caller(str(made["url"]))
    caller.say("first")
    second = first.model_copy(update={"image": stage.push("v2")})
    with caller:
        made = deployment.up(second, access, stage.work("vendor")).outputs
    caller.say("second")
    with _customer(stage) as session:
        _drop_endpoint(session, str(outputs["vpc_id"]), "secretsmanager")
        reason = _stop_reason(session, made)
    caller.say("last")
    receipt = deployment.destroy(second, access, stage.work("vendor"))
    removed = accounts.destroy(spec, stage.work("customer"))

    assert "create_service_linked_roles: []" in refused.value.next_step
    assert reason.startswith("ResourceInitializationError: unable to pull secrets")
    assert "connection issue between the task and AWS Secrets Manager" in reason
    assert (caller.versions[0], *caller.versions[-2:]) == ("v1", "v2", "v2")
    assert caller.failures == []
    assert {item.op for item in (*receipt.destroyed, *removed.destroyed)} == {"delete"}
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

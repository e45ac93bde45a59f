"""What Elastic Load Balancing refuses."""

from typing import Any

import pytest

from tests.local.in_process import Stack
from tests.local.rules.conftest import Network, Refused


@pytest.fixture
def elb(cloud: Stack) -> Any:
    """ELBv2, as the customer."""
    return cloud.client("elbv2")


def balancer(elb: Any, network: Network, name: str, **more: Any) -> str:
    """A load balancer over both zones."""
    made = elb.create_load_balancer(Name=name, Subnets=[network.first, network.second], **more)
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def group(elb: Any, network: Network, name: str) -> str:
    """A target group."""
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=network.vpc)
    return str(made["TargetGroups"][0]["TargetGroupArn"])


@pytest.mark.parametrize("name", ["x" * 33, "a_b", "-a", "a-", "internal-a"])
def test_a_name_that_elb_does_not_take_is_refused(
    elb: Any, network: Network, refused: Refused, name: str
) -> None:
    """32 letters, digits and hyphens, and not `internal-`."""
    subnets = [network.first, network.second]

    assert refused(elb.create_load_balancer, Name=name, Subnets=subnets) == "ValidationError"
    if not name.startswith("internal-"):
        code = refused(
            elb.create_target_group, Name=name, Protocol="HTTP", Port=80, VpcId=network.vpc
        )
        assert code == "ValidationError"


def test_one_zone_is_not_enough(elb: Any, network: Network, refused: Refused) -> None:
    """Two subnets of one zone are refused in another way."""
    twice = [network.first, network.beside_first]

    assert refused(elb.create_load_balancer, Name="a", Subnets=[network.first]) == "ValidationError"
    code = refused(elb.create_load_balancer, Name="a", Subnets=twice)
    assert code == "InvalidConfigurationRequest"
    arn = balancer(elb, network, "two-zones")
    code = refused(elb.set_subnets, LoadBalancerArn=arn, Subnets=[network.first])
    assert code == "ValidationError"


def test_a_protected_balancer_stays_until_the_protection_is_lifted(
    elb: Any, network: Network, refused: Refused
) -> None:
    """Moto ignores the attribute."""
    arn = balancer(elb, network, "protected")

    def protect(value: str) -> None:
        attribute = {"Key": "deletion_protection.enabled", "Value": value}
        elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[attribute])

    protect("true")
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn) == "OperationNotPermitted"
    protect("false")
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_a_name_stands_for_one_balancer(elb: Any, network: Network, refused: Refused) -> None:
    """The same settings give the same balancer, others are refused."""
    arn = balancer(elb, network, "once")

    assert balancer(elb, network, "once") == arn
    code = refused(
        elb.create_load_balancer,
        Name="once",
        Subnets=[network.first, network.second],
        Scheme="internal",
    )
    assert code == "DuplicateLoadBalancerName"


def test_a_port_has_one_listener(elb: Any, network: Network, refused: Refused) -> None:
    """Neither a new listener nor a moved one takes it."""
    arn, target = balancer(elb, network, "ports"), group(elb, network, "ports")
    wanted = {
        "LoadBalancerArn": arn,
        "Protocol": "HTTP",
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": target}],
    }
    elb.create_listener(Port=80, **wanted)
    other = elb.create_listener(Port=81, **wanted)["Listeners"][0]["ListenerArn"]

    assert refused(elb.create_listener, Port=80, **wanted) == "DuplicateListener"
    assert refused(elb.modify_listener, ListenerArn=other, Port=80) == "DuplicateListener"
    elb.modify_listener(ListenerArn=other, Port=82)


def test_a_balancer_holds_its_groups_and_subnets(
    cloud: Stack, elb: Any, network: Network, refused: Refused
) -> None:
    """Moto gives it no interfaces that would."""
    ec2 = cloud.client("ec2")
    worn = ec2.create_security_group(GroupName="lb", Description="lb", VpcId=network.vpc)["GroupId"]
    balancer(elb, network, "holder", SecurityGroups=[worn])

    assert refused(ec2.delete_security_group, GroupId=worn) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=network.second) == "DependencyViolation"


def test_the_first_balancer_brings_its_service_linked_role(
    cloud: Stack, elb: Any, network: Network
) -> None:
    """As AWS does for a caller who may create it."""
    balancer(elb, network, "first")

    role = cloud.client("iam").get_role(RoleName="AWSServiceRoleForElasticLoadBalancing")
    assert role["Role"]["Path"] == "/aws-service-role/elasticloadbalancing.amazonaws.com/"


def test_without_the_role_a_caller_who_may_not_make_it_is_refused(
    cloud: Stack, elb: Any, network: Network, refused: Refused
) -> None:
    """The message names the missing permission."""
    iam = cloud.client("iam")
    iam.put_user_policy(
        UserName="admin", PolicyName="no-slr", PolicyDocument=DENY_SERVICE_LINKED_ROLES
    )
    balancer(elb, network, "has-role-already")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForElasticLoadBalancing")

    subnets = [network.first, network.second]
    try:
        assert refused(elb.create_load_balancer, Name="late", Subnets=subnets) == "AccessDenied"
    finally:
        iam.delete_user_policy(UserName="admin", PolicyName="no-slr")


DENY_SERVICE_LINKED_ROLES = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Deny", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"}]}"""

"""The Application Auto Scaling API of the local cloud, call by call."""

import pytest
from botocore.exceptions import ClientError

from tests.local.in_process import code_of
from tests.local.scaling.conftest import PLACE, RESOURCE, SERVICE, Lab


def test_a_target_is_what_was_registered(lab: Lab) -> None:
    """With AWS's own role, and its tags by the ARN."""
    arn = lab.target(2, 10, Tags={"a": "1"})
    (found,) = lab.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]

    assert (found["MinCapacity"], found["MaxCapacity"]) == (2, 10)
    assert found["ScalableTargetARN"] == arn
    assert found["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_ECSService")
    assert lab.client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1"}


def test_registering_again_changes_the_limits_only(lab: Lab) -> None:
    """It is an upsert: ARN and tags stay."""
    arn = lab.target(2, 10, Tags={"a": "1"})

    assert lab.target(1, 3) == arn
    assert lab.client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1"}


def test_a_service_that_is_not_there_is_refused(lab: Lab) -> None:
    """In the words that the real provider waits on."""
    place = {**PLACE, "ResourceId": RESOURCE.replace("orders", "none")}

    with pytest.raises(ClientError, match="ECS service doesn't exist"):
        lab.client.register_scalable_target(MinCapacity=1, MaxCapacity=2, **place)


def test_a_policy_needs_its_target(lab: Lab) -> None:
    """ObjectNotFoundException."""
    with pytest.raises(ClientError) as refused:
        lab.follow()

    assert code_of(refused.value) == "ObjectNotFoundException"


def test_a_policy_makes_two_alarms_and_takes_them_away(lab: Lab) -> None:
    """CloudWatch has them as long as the policy."""
    lab.target()
    made = lab.follow()["Alarms"]
    watch = lab.stack.client("cloudwatch")
    there = {one["AlarmName"] for one in watch.describe_alarms()["MetricAlarms"]}
    lab.client.delete_scaling_policy(PolicyName="cpu", **PLACE)

    assert there == {alarm["AlarmName"] for alarm in made}
    assert watch.describe_alarms()["MetricAlarms"] == []


def test_a_target_takes_its_policies_along(lab: Lab) -> None:
    """And their alarms."""
    lab.target()
    lab.follow()
    lab.client.deregister_scalable_target(**PLACE)

    assert lab.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert lab.stack.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_what_is_not_modelled_is_refused(lab: Lab) -> None:
    """Another kind of policy is never ignored."""
    lab.target()

    with pytest.raises(ClientError) as refused:
        lab.client.put_scaling_policy(PolicyName="steps", PolicyType="StepScaling", **PLACE)
    assert code_of(refused.value) == "NotModelled"


def test_the_desired_count_follows_what_is_told(lab: Lab) -> None:
    """Up after three minutes, down after fifteen, and no deployment for it."""
    lab.target(2, 4)
    lab.follow(ScaleInCooldown=1800, ScaleOutCooldown=60)
    lab.run(2)
    lab.scaler.tell(service=SERVICE, cpu=120.0)
    course = [lab.pass_time(179), lab.pass_time(1)]
    lab.run(4)
    lab.scaler.tell(service=SERVICE, cpu=5.0)
    course += [lab.pass_time(899), lab.pass_time(1)]

    assert course == [2, 4, 4, 2]
    assert len(lab.service.deployments) == 1
    assert "desired count to 2" in lab.service.events[0]["message"]


def test_a_load_may_have_lasted_already(lab: Lab) -> None:
    """Nobody has to wait for three minutes."""
    lab.target(2, 4)
    lab.follow()
    lab.run(2)
    lab.scaler.tell(service=SERVICE, cpu=100.0, minutes=3)

    assert lab.pass_time(0) == 3


def test_activities_say_what_was_done_and_why(lab: Lab) -> None:
    """The newest first."""
    lab.target(3, 4)
    lab.pass_time(1)
    (activity,) = lab.client.describe_scaling_activities(ServiceNamespace="ecs")[
        "ScalingActivities"
    ]

    assert activity["Description"] == "Setting desired count to 3."
    assert activity["Cause"] == "minimum capacity was set to 3"


def test_a_suspended_target_is_left_alone(lab: Lab) -> None:
    """Either direction by itself."""
    lab.target(3, 4, SuspendedState={"DynamicScalingOutSuspended": True})

    assert lab.pass_time(1) == 2

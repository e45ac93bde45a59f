"""The Application Auto Scaling API, in place of moto's, which scales moto's own services only."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from byoc_infra.local.authorizer.state import make_service_linked_role
from byoc_infra.local.compute.model import State as Compute
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.repairs import SERVICE_LINKED_ROLES
from byoc_infra.local.scaling.decision import HIGH_S, LOW_S, LOW_SHARE
from byoc_infra.local.scaling.model import DIMENSION, Key, Policy, State, Target
from byoc_infra.local.wire import AwsError, Call

__all__ = ["LINKED", "METRICS", "Api"]

LINKED = "ecs.application-autoscaling.amazonaws.com"
METRICS = {
    "ECSServiceAverageCPUUtilization": "CPUUtilization",
    "ECSServiceAverageMemoryUtilization": "MemoryUtilization",
}
"""Predefined metric → the metric in AWS/ECS (Application Auto Scaling API reference)."""
RESOURCE = re.compile(r"service/([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)")
PERIOD_S = 60
MOST_CAPACITY = 10_000


class Api:
    """Answers each operation; one method an operation."""

    def __init__(self, state: State, compute: Compute, now: Callable[[], float]) -> None:
        self.state = state
        self.compute = compute
        self.now = now

    def register(self, hooks: Hooks) -> None:
        """Take over the operations on targets and policies."""
        for operation, method in {
            "RegisterScalableTarget": self.register_target,
            "DeregisterScalableTarget": self.deregister_target,
            "DescribeScalableTargets": self.describe_targets,
            "PutScalingPolicy": self.put_policy,
            "DeleteScalingPolicy": self.delete_policy,
            "DescribeScalingPolicies": self.describe_policies,
            "DescribeScalingActivities": self.describe_activities,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }.items():
            hooks.handle("application-autoscaling", operation, method)

    def register_target(self, call: Call) -> dict[str, Any]:
        """RegisterScalableTarget: makes one, or changes what is given of one that is there."""
        key = _key(call)
        known = self.state.targets.get(key)
        service = self.compute.services.get(service_arn(key))
        if service is None or service.status != "ACTIVE":
            raise _invalid(f"ECS service doesn't exist: {key[2]}")
        target = known or self._new(call, key)
        least = call.params.get("MinCapacity", target.least)
        most = call.params.get("MaxCapacity", target.most)
        if not 0 <= least <= most <= MOST_CAPACITY:
            raise _invalid("Maximum capacity cannot be less than minimum capacity")
        target.least, target.most = least, most
        target.suspended |= call.params.get("SuspendedState") or {}
        self.state.targets[key] = target
        return {"ScalableTargetARN": target.arn}

    def deregister_target(self, call: Call) -> dict[str, Any]:
        """DeregisterScalableTarget; its policies and their alarms go with it."""
        key = self._found(call).key
        for policy in self.state.policies_of(key):
            self._forget(policy)
        del self.state.targets[key]
        self.state.told.pop(key, None)
        return {}

    def describe_targets(self, call: Call) -> dict[str, Any]:
        """DescribeScalableTargets."""
        wanted = call.params.get("ResourceIds")
        shown = [
            _target_view(target)
            for key, target in self.state.targets.items()
            if key[:2] == (call.account_id, call.region)
            and (not wanted or key[2] in wanted)
            and _is_ecs(call)
        ]
        return {"ScalableTargets": shown}

    def put_policy(self, call: Call) -> dict[str, Any]:
        """PutScalingPolicy, of the target tracking kind."""
        key, name = self._found(call).key, str(call.params["PolicyName"])
        configuration = _tracking(call)
        known = self.state.policies.get((key, name))
        policy = known or Policy(
            key=key,
            name=name,
            arn=f"arn:aws:autoscaling:{call.region}:{call.account_id}:scalingPolicy:{uuid.uuid4()}:"
            f"resource/ecs/{key[2]}:policyName/{name}",
            configuration=configuration,
            created_at=self.now(),
        )
        policy.configuration = configuration
        self._forget(policy)
        policy.alarms = _make_alarms(policy)
        self.state.policies[key, name] = policy
        return {"PolicyARN": policy.arn, "Alarms": policy.alarms}

    def delete_policy(self, call: Call) -> dict[str, Any]:
        """DeleteScalingPolicy."""
        key, name = _key(call), str(call.params["PolicyName"])
        policy = self.state.policies.get((key, name))
        if policy is None:
            raise AwsError(
                "ObjectNotFoundException",
                f"No scaling policy found for service namespace: ecs, resource ID: {key[2]}, "
                f"scalable dimension: {DIMENSION}, policy name: {name}",
            )
        self._forget(policy)
        return {}

    def describe_policies(self, call: Call) -> dict[str, Any]:
        """DescribeScalingPolicies."""
        names, resource = call.params.get("PolicyNames"), call.params.get("ResourceId")
        shown = [
            _policy_view(policy)
            for policy in self.state.policies.values()
            if policy.key[:2] == (call.account_id, call.region)
            and (not names or policy.name in names)
            and resource in (None, policy.key[2])
            and _is_ecs(call)
        ]
        return {"ScalingPolicies": shown}

    def describe_activities(self, call: Call) -> dict[str, Any]:
        """DescribeScalingActivities, the newest first."""
        resource = call.params.get("ResourceId")
        shown = [
            {name: value for name, value in one.items() if name != "Place"}
            for one in self.state.activities
            if one["Place"] == [call.account_id, call.region]
            and resource in (None, one["ResourceId"])
        ]
        return {"ScalingActivities": shown}

    def tag_resource(self, call: Call) -> dict[str, Any]:
        """TagResource."""
        self._by_arn(call).tags |= call.params.get("Tags") or {}
        return {}

    def untag_resource(self, call: Call) -> dict[str, Any]:
        """UntagResource."""
        target = self._by_arn(call)
        for key in call.params.get("TagKeys") or ():
            target.tags.pop(key, None)
        return {}

    def list_tags_for_resource(self, call: Call) -> dict[str, Any]:
        """ListTagsForResource."""
        return {"Tags": dict(self._by_arn(call).tags)}

    def _new(self, call: Call, key: Key) -> Target:
        if "MinCapacity" not in call.params or "MaxCapacity" not in call.params:
            raise _invalid("Minimum and maximum capacity are required for a new scalable target")
        make_service_linked_role(call.account_id, LINKED)
        role = f"aws-service-role/{LINKED}/{SERVICE_LINKED_ROLES[LINKED]}"
        return Target(
            key=key,
            arn=f"arn:aws:application-autoscaling:{call.region}:{call.account_id}:"
            f"scalable-target/{uuid.uuid4().hex}",
            least=call.params["MinCapacity"],
            most=call.params["MaxCapacity"],
            role_arn=f"arn:aws:iam::{call.account_id}:role/{role}",
            created_at=self.now(),
            tags=dict(call.params.get("Tags") or {}),
        )

    def _found(self, call: Call) -> Target:
        key = _key(call)
        if key not in self.state.targets:
            raise AwsError(
                "ObjectNotFoundException",
                "No scalable target registered for service namespace: ecs, resource ID: "
                f"{key[2]}, scalable dimension: {DIMENSION}",
            )
        return self.state.targets[key]

    def _by_arn(self, call: Call) -> Target:
        arn = call.params["ResourceARN"]
        for target in self.state.targets.values():
            if target.arn == arn:
                return target
        raise AwsError("ResourceNotFoundException", f"The resource {arn} was not found.")

    def _forget(self, policy: Policy) -> None:
        account_id, region, _ = policy.key
        watch = backend_of("cloudwatch", account_id, region)
        watch.delete_alarms([alarm["AlarmName"] for alarm in policy.alarms])
        self.state.policies.pop((policy.key, policy.name), None)


def service_arn(key: Key) -> str:
    """The ECS service behind a scalable target."""
    account_id, region, resource = key
    return f"arn:aws:ecs:{region}:{account_id}:{resource}"


def _is_ecs(call: Call) -> bool:
    return call.params.get("ServiceNamespace") == "ecs"


def _key(call: Call) -> Key:
    resource, dimension = str(call.params["ResourceId"]), call.params["ScalableDimension"]
    if not _is_ecs(call) or dimension != DIMENSION or not RESOURCE.fullmatch(resource):
        raise AwsError(
            "NotModelled", "The local cloud scales the desired count of ECS services only.", 501
        )
    return call.account_id, call.region, resource


def _tracking(call: Call) -> dict[str, Any]:
    """The policy's settings, of the one kind that is modelled."""
    kind = call.params.get("PolicyType")
    given = call.params.get("TargetTrackingScalingPolicyConfiguration") or {}
    predefined = given.get("PredefinedMetricSpecification") or {}
    if kind != "TargetTrackingScaling" or predefined.get("PredefinedMetricType") not in METRICS:
        raise AwsError(
            "NotModelled",
            "The local cloud follows ECSServiceAverageCPUUtilization and "
            "ECSServiceAverageMemoryUtilization by target tracking only.",
            501,
        )
    return {"DisableScaleIn": False, **given}


def _make_alarms(policy: Policy) -> list[dict[str, str]]:
    """The two alarms that AWS makes for a policy, and takes away with it."""
    account_id, region, resource = policy.key
    _, cluster, service = resource.split("/")
    watch = backend_of("cloudwatch", account_id, region)
    made = []
    target = float(policy.configuration["TargetValue"])
    for kind, comparison, held_s, threshold in (
        ("AlarmHigh", "GreaterThanThreshold", HIGH_S, target),
        ("AlarmLow", "LessThanThreshold", LOW_S, target * LOW_SHARE),
    ):
        alarm = watch.put_metric_alarm(
            name=f"TargetTracking-{resource}-{kind}-{uuid.uuid4()}",
            namespace="AWS/ECS",
            metric_name=METRICS[policy.metric],
            comparison_operator=comparison,
            evaluation_periods=held_s // PERIOD_S,
            period=PERIOD_S,
            threshold=threshold,
            statistic="Average",
            unit="Percent",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            dimensions=[
                {"Name": "ClusterName", "Value": cluster},
                {"Name": "ServiceName", "Value": service},
            ],
            alarm_actions=[policy.arn],
        )
        made.append({"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn})
    return made


def _target_view(target: Target) -> dict[str, Any]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": target.key[2],
        "ScalableDimension": DIMENSION,
        "MinCapacity": target.least,
        "MaxCapacity": target.most,
        "RoleARN": target.role_arn,
        "CreationTime": target.created_at,
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
            **target.suspended,
        },
        "ScalableTargetARN": target.arn,
    }


def _policy_view(policy: Policy) -> dict[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": "ecs",
        "ResourceId": policy.key[2],
        "ScalableDimension": DIMENSION,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": policy.configuration,
        "Alarms": policy.alarms,
        "CreationTime": policy.created_at,
    }


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)

"""Application Auto Scaling: what each operation asks.

Beside its own right AWS tries out whether the caller may do what the scaling will do in the target
service and in CloudWatch (Application Auto Scaling User Guide, "Permissions validation for API
calls on target resources"). Those probes name no alarm, so they ask for any.
"""

from typing import Any

from byoc_infra.local.authorizer.actions._keys import Keys, said
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    asked_tags,
    creates_service_role,
    needs,
    reads,
    removed_tags,
    values,
)
from byoc_infra.local.authorizer.state import TARGET_SOURCES
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_AUTO = "application-autoscaling"


def _target(call: Call) -> tuple[str, ...]:
    """The target's ARN; AWS makes up its end, so a new one's is not known."""
    place = call.account_id, call.region, str(call.params.get("ResourceId", ""))
    source = TARGET_SOURCES.get(str(call.params.get("ServiceNamespace")))
    known = source(place) if source else None
    return (known or f"arn:aws:{_AUTO}:{call.region}:{call.account_id}:scalable-target/*",)


_ABOUT: Keys = {
    f"{_AUTO}:service-namespace": said("ServiceNamespace"),
    f"{_AUTO}:scalable-dimension": said("ScalableDimension"),
}


def _needs(operation: str, **settings: Any) -> Rule:  # noqa: ANN401 - passed through
    return needs(f"{_AUTO}:{operation}", _target, keys=_ABOUT, **settings)


def _service(call: Call) -> tuple[str, ...]:
    return (f"arn:aws:ecs:{call.region}:{call.account_id}:{call.params.get('ResourceId', '*')}",)


def _alarms(call: Call) -> tuple[str, ...]:
    return (f"arn:aws:cloudwatch:{call.region}:{call.account_id}:alarm:*",)


def _probes(resources: Resources, *actions: str) -> Row:
    return tuple(needs(action, resources, forwarded=True) for action in actions)


ROWS: dict[str, Row] = {
    "RegisterScalableTarget": (
        _needs("RegisterScalableTarget", tagged=True),
        needs(
            f"{_AUTO}:TagResource",
            _target,
            tagged=True,
            when=lambda call: bool(asked_tags(call)),
        ),
        *_probes(_service, "ecs:DescribeServices", "ecs:UpdateService"),
        creates_service_role(
            "ecs.application-autoscaling.amazonaws.com",
            "AWSServiceRoleForApplicationAutoScaling_ECSService",
        ),
    ),
    "DeregisterScalableTarget": (_needs("DeregisterScalableTarget"),),
    "PutScalingPolicy": (
        _needs("PutScalingPolicy"),
        *_probes(
            _alarms,
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DeleteAlarms",
        ),
    ),
    "DeleteScalingPolicy": (_needs("DeleteScalingPolicy"),),
    "TagResource": (needs(f"{_AUTO}:TagResource", values("ResourceARN"), tagged=True),),
    "UntagResource": (
        needs(f"{_AUTO}:UntagResource", values("ResourceARN"), keys={"aws:TagKeys": removed_tags}),
    ),
    "ListTagsForResource": (needs(f"{_AUTO}:ListTagsForResource", values("ResourceARN")),),
    **reads(
        _AUTO,
        "DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies "
        "DescribeScheduledActions",
    ),
}

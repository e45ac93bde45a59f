"""Application Auto Scaling: scalable targets and their policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import Client, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params

__all__ = ["Policy", "Target"]

_NOT_YET = ("Unable to assume IAM role", "ECS service doesn't exist")
"""Refusals after which it is tried again (appautoscaling: registerScalableTarget)."""


class _Scaling(Resource):
    gone = ("ObjectNotFoundException",)

    @property
    def scaling(self) -> Client:
        """The client."""
        return self.aws.client("application-autoscaling")

    def label(self, inputs: Props) -> str:
        """By the policy's name, or by what is scaled."""
        return f" ({inputs.get('name') or inputs.get('resourceId')})"


class Target(_Scaling):
    """`aws:appautoscaling/target:Target`; appautoscaling: resourceTarget, …Create, …Update."""

    type_name = "aws:appautoscaling/target:Target"
    title = "Application AutoScaling Target"

    def make(self, new: Props) -> str:
        """RegisterScalableTarget, with tags."""
        tags = new.get("tagsAll")
        self._register(new, **({"Tags": dict(tags)} if tags else {}))
        return str(new["resourceId"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeScalableTargets, ListTagsForResource."""
        found = self._find(resource_id, state)
        if found is None:
            return None
        suspended = found.get("SuspendedState") or {}
        tags = self.scaling.list_tags_for_resource(ResourceARN=found["ScalableTargetARN"])
        return {
            "arn": found["ScalableTargetARN"],
            "maxCapacity": found["MaxCapacity"],
            "minCapacity": found["MinCapacity"],
            "resourceId": found["ResourceId"],
            "roleArn": found["RoleARN"],
            "scalableDimension": found["ScalableDimension"],
            "serviceNamespace": found["ServiceNamespace"],
            "suspendedState": {
                name[0].lower() + name[1:]: held for name, held in suspended.items()
            },
            "tags": dict(tags.get("Tags") or {}),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """RegisterScalableTarget of what is there."""
        self._register(new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeregisterScalableTarget, then wait until it is gone."""
        self.scaling.deregister_scalable_target(**_place(state))
        self.aws.wait(
            f"{self.title} ({resource_id}) delete",
            lambda: None if self._find(resource_id, state) else True,
            timeout_s=300,
        )

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.scaling.tag_resource(ResourceARN=state["arn"], Tags=dict(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.scaling.untag_resource(ResourceARN=state["arn"], TagKeys=list(keys))

    def found(self, import_id: str) -> tuple[str, Props]:
        """`namespace/resource id/dimension`; the resource id has slashes of its own."""
        namespace, _, rest = import_id.partition("/")
        resource, _, dimension = rest.rpartition("/")
        return resource, {
            "serviceNamespace": namespace,
            "resourceId": resource,
            "scalableDimension": dimension,
        }

    def _register(self, new: Props, **more: Any) -> None:  # noqa: ANN401 - AWS parameters
        asked = {
            **_place(new),
            **params(new, "minCapacity", "maxCapacity", roleArn="RoleARN"),
            **more,
        }
        if new.get("suspendedState"):
            asked["SuspendedState"] = params(
                new["suspendedState"],
                "dynamicScalingInSuspended",
                "dynamicScalingOutSuspended",
                "scheduledScalingSuspended",
            )

        def register() -> Json:
            try:
                return self.scaling.register_scalable_target(**asked)
            except ClientError as refused:
                later = error_code(refused) == "ValidationException"
                if later and any(words in str(refused) for words in _NOT_YET):
                    return None
                raise

        self.aws.wait(f"{self.title}{self.label(new)} to be registered", register, timeout_s=120)

    def _find(self, resource_id: str, state: Props) -> Json:
        answer = self.scaling.describe_scalable_targets(
            ServiceNamespace=state["serviceNamespace"],
            ResourceIds=[resource_id],
            ScalableDimension=state["scalableDimension"],
        )
        return next(iter(answer["ScalableTargets"]), None)


class Policy(_Scaling):
    """`aws:appautoscaling/policy:Policy`; appautoscaling: resourcePolicyCreate, …Read, …Delete."""

    type_name = "aws:appautoscaling/policy:Policy"
    title = "Application AutoScaling Policy"
    unmodelled = (
        "predictiveScalingPolicyConfiguration",
        "stepScalingPolicyConfiguration",
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification",
        "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification.resourceLabel",
    )

    def make(self, new: Props) -> str:
        """PutScalingPolicy."""
        self._put(new)
        return str(new["name"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeScalingPolicies by name."""
        found = self._find(resource_id, state)
        if found is None:
            return None
        return {
            "arn": found["PolicyARN"],
            "alarmArns": [alarm["AlarmARN"] for alarm in found.get("Alarms", [])],
            "name": found["PolicyName"],
            "policyType": found["PolicyType"],
            "resourceId": found["ResourceId"],
            "scalableDimension": found["ScalableDimension"],
            "serviceNamespace": found["ServiceNamespace"],
            "targetTrackingScalingPolicyConfiguration": _from_tracking(
                found.get("TargetTrackingScalingPolicyConfiguration")
            ),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """PutScalingPolicy, whole."""
        self._put(new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteScalingPolicy, where there is one."""
        if self._find(resource_id, state) is not None:
            self.scaling.delete_scaling_policy(PolicyName=resource_id, **_place(state))

    def found(self, import_id: str) -> tuple[str, Props]:
        """`namespace/resource id/dimension/name`."""
        namespace, _, rest = import_id.partition("/")
        resource, dimension, name = rest.rsplit("/", 2)
        return name, {
            "serviceNamespace": namespace,
            "resourceId": resource,
            "scalableDimension": dimension,
            "name": name,
        }

    def _put(self, new: Props) -> None:
        def put() -> None:
            self.scaling.put_scaling_policy(
                PolicyName=new["name"],
                PolicyType=new.get("policyType", "StepScaling"),
                **_place(new),
                **_tracking(new.get("targetTrackingScalingPolicyConfiguration")),
            )

        self.aws.retry(f"{self.title}{self.label(new)}", put, "ObjectNotFoundException")

    def _find(self, name: str, state: Props) -> Json:
        answer = self.scaling.describe_scaling_policies(PolicyNames=[name], **_place(state))
        return next(iter(answer["ScalingPolicies"]), None)


def _place(props: Props) -> dict[str, str]:
    return params(props, "serviceNamespace", "resourceId", "scalableDimension")


def _tracking(given: Json) -> dict[str, Any]:
    if not given:
        return {}
    metric = given.get("predefinedMetricSpecification")
    whole = {
        **params(given, "targetValue", "scaleInCooldown", "scaleOutCooldown", "disableScaleIn"),
        **(
            {"PredefinedMetricSpecification": params(metric, "predefinedMetricType")}
            if metric
            else {}
        ),
    }
    for name in ("ScaleInCooldown", "ScaleOutCooldown"):
        if name in whole:
            whole[name] = int(whole[name])
    return {"TargetTrackingScalingPolicyConfiguration": whole}


def _from_tracking(found: Json) -> Props | None:
    if not found:
        return None
    metric = found.get("PredefinedMetricSpecification") or {}
    told = {
        "targetValue": found["TargetValue"],
        "disableScaleIn": found.get("DisableScaleIn", False),
        "scaleInCooldown": found.get("ScaleInCooldown"),
        "scaleOutCooldown": found.get("ScaleOutCooldown"),
        "predefinedMetricSpecification": {
            "predefinedMetricType": metric.get("PredefinedMetricType")
        },
    }
    return {name: value for name, value in told.items() if value is not None}

"""The access role's rights on how services scale; pure."""

from byoc_infra.components._fence import Fence, both
from byoc_infra.components._policies import Document, statement

__all__ = ["scaling"]

SCALING_CHANGES = (
    "DeleteScalingPolicy",
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "RegisterScalableTarget",
)
DESIRED_COUNTS = {
    "StringEquals": {
        "application-autoscaling:service-namespace": "ecs",
        "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
    }
}


def scaling(fence: Fence) -> list[Document]:
    """Desired counts of services that carry the tag: AWS asks `ecs:UpdateService` for them too."""
    targets = fence.arns("application-autoscaling", "scalable-target/*")
    return [
        statement(
            "MakeScaling",
            ["application-autoscaling:RegisterScalableTarget"],
            targets,
            condition=both(DESIRED_COUNTS, fence.born_with_tag),
        ),
        statement(
            "TagScaling",
            ["application-autoscaling:TagResource"],
            targets,
            condition=both(fence.born_with_tag, fence.not_anothers),
        ),
        statement(
            "ChangeScaling",
            [f"application-autoscaling:{action}" for action in SCALING_CHANGES],
            targets,
            condition=both(DESIRED_COUNTS, fence.carries_tag),
        ),
        statement(
            "ScalingTags",
            [
                "application-autoscaling:ListTagsForResource",
                "application-autoscaling:UntagResource",
            ],
            targets,
            condition=fence.carries_tag,
        ),
        statement(
            "ScalingReadsOfTheRegion",
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
            ],
            ["*"],
            condition=fence.in_region,
        ),
        # AWS tries out whether the caller may do these, and names no alarm when it does.
        statement(
            "LetScalingKeepItsAlarms",
            ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
            fence.arns("cloudwatch", "alarm:*"),
            condition={"Bool": {"aws:ViaAWSService": "true"}},
        ),
    ]

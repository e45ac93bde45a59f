"""The seed's choice for the access role: five AWS policies, and what they leave out; pure.

They allow more than a deployment needs: writes to VPCs and security groups (AmazonECS_FullAccess),
reading secret values (SecretsManagerReadWrite), shells in containers and passing any role to tasks
(AmazonECS_FullAccess), every database of the account (AmazonRDSFullAccess).
"""

from byoc_infra.components._least_privilege import BALANCER_CHANGES, BALANCER_READS, Fence
from byoc_infra.components._policies import Document, document, statement

__all__ = ["AWS_POLICIES", "supplement"]

AWS_POLICIES = (
    "AmazonVPCReadOnlyAccess",
    "AmazonECS_FullAccess",
    "SecretsManagerReadWrite",
    "CloudWatchReadOnlyAccess",
    "AmazonRDSFullAccess",
)
"""The policies of the platform's original set-up module. Of its sixth, for application
autoscaling, AmazonECS_FullAccess has all but the tags."""

GRANTED_BY_AWS = frozenset(
    {
        "DeleteListener",
        "DeleteLoadBalancer",
        "DeleteTargetGroup",
        "DescribeListeners",
        "DescribeLoadBalancers",
        "DescribeTargetGroups",
    }
)
"""Of Elastic Load Balancing's actions, those that AmazonECS_FullAccess has (version 22)."""


def supplement(fence: Fence) -> Document:
    """What the real provider calls in a deployment's life and none of the five grants."""
    ours = fence.ours(
        "elasticloadbalancing", "loadbalancer/app/{}/*", "targetgroup/{}/*", "listener/app/{}/*"
    )
    return document(
        [
            statement("ChangeBalancers", _missing(BALANCER_CHANGES), ours),
            statement("BalancerReadsHaveNoFence", _missing(BALANCER_READS), ["*"]),
            statement(
                "DiscoveryTagsHaveNoFence",
                ["servicediscovery:ListTagsForResource", "servicediscovery:TagResource"],
                ["*"],
            ),
            statement(
                "TagScaling",
                [
                    f"application-autoscaling:{action}"
                    for action in ("ListTagsForResource", "TagResource", "UntagResource")
                ],
                fence.arns("application-autoscaling", "scalable-target/*"),
            ),
            statement(
                "LookAtCertificates",
                ["acm:DescribeCertificate"],
                fence.arns("acm", "certificate/*"),
            ),
            statement(
                "LookAtAgreedImages",
                ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
                fence.arns("ecr", *(f"repository/{name}" for name in fence.repositories)),
            ),
        ]
    )


def _missing(actions: tuple[str, ...]) -> list[str]:
    return [f"elasticloadbalancing:{action}" for action in actions if action not in GRANTED_BY_AWS]

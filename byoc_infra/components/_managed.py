"""The seed's choice for the access role: five AWS policies, and what they leave out; pure.

They allow more than a deployment needs: writes to VPCs and security groups (AmazonECS_FullAccess),
reading secret values (SecretsManagerReadWrite), shells in containers and passing any role to tasks
(AmazonECS_FullAccess), every database of the account (AmazonRDSFullAccess).
"""

from byoc_infra.components._balancing_rights import BALANCER_CHANGES, BALANCER_READS
from byoc_infra.components._fence import Fence
from byoc_infra.components._never import never
from byoc_infra.components._policies import Document, document, statement

__all__ = ["AWS_POLICIES", "managed", "supplement"]

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


NETWORK_WRITES = (
    "ec2:AssociateRouteTable",
    "ec2:AttachInternetGateway",
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:CancelSpotFleetRequests",
    "ec2:CreateInternetGateway",
    "ec2:CreateLaunchTemplate",
    "ec2:CreateRoute",
    "ec2:CreateRouteTable",
    "ec2:CreateSecurityGroup",
    "ec2:CreateSubnet",
    "ec2:CreateVpc",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteRoute",
    "ec2:DeleteRouteTable",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteSubnet",
    "ec2:DeleteVpc",
    "ec2:DetachInternetGateway",
    "ec2:DisassociateRouteTable",
    "ec2:ModifySubnetAttribute",
    "ec2:ModifyVpcAttribute",
    "ec2:RequestSpotFleet",
    "ec2:RunInstances",
)
"""Of EC2's actions, those of AmazonECS_FullAccess (version 22) that write."""


def managed(fence: Fence) -> dict[str, Document]:
    """What is attached beside AWS's policies: what they lack, and denials of what they overdo."""
    networks = statement("NeverChangeNetworks", NETWORK_WRITES, ["*"], effect="Deny")
    return {"supplement": supplement(fence), "never": document([*never(fence), networks])}


def supplement(fence: Fence) -> Document:
    """What the real provider calls in a deployment's life and none of the five grants."""
    ours = fence.ours(
        "elasticloadbalancing", "loadbalancer/app/{}/*", "targetgroup/{}/*", "listener/app/{}/*"
    )
    return document(
        [
            statement(
                "ChangeBalancers",
                _missing(BALANCER_CHANGES),
                ours,
                condition=fence.carries_tag,
            ),
            statement(
                "BalancerReadsOfTheRegion",
                _missing(BALANCER_READS),
                ["*"],
                condition=fence.in_region,
            ),
            statement(
                "DiscoveryTagsOfTheRegion",
                ["servicediscovery:ListTagsForResource", "servicediscovery:TagResource"],
                ["*"],
                condition=fence.in_region,
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

"""The access role's own policies: what the life of a deployment calls, and nothing more; pure.

Fenced by ARN (names that begin with `lg-`, the installation's cluster, log group and secrets), by
tag (`byoc:installation`), by what the request says (encrypted, not public, in these subnets), and
by which roles may be passed to whom. For what AWS offers no fence, the region is all there is;
those statements are named for it.
"""

from byoc_infra.components._balancing_rights import BALANCER_CHANGES, BALANCER_READS, balancing
from byoc_infra.components._data_rights import databases, passwords, secrets
from byoc_infra.components._fence import Condition, Fence, among, both
from byoc_infra.components._never import never
from byoc_infra.components._policies import Document, document, statement
from byoc_infra.components._scaling_rights import scaling
from byoc_infra.naming import DEPLOYMENT_TAG, INSTALLATION_TAG

__all__ = ["BALANCER_CHANGES", "BALANCER_READS", "Fence", "least_privilege"]


def least_privilege(fence: Fence) -> dict[str, Document]:
    """The documents by surface, each under the size that IAM takes."""
    return {
        "compute": document([*_tasks(fence), *scaling(fence), *_looking(fence)]),
        "traffic": document([*balancing(fence), _certificates(fence)]),
        "network": document([*_discovery(fence), *_network(fence)]),
        "data": document([*databases(fence), *secrets(fence), *passwords(fence)]),
        "never": document(never(fence)),
    }


def _tasks(fence: Fence) -> list[Document]:
    cluster = fence.names.cluster
    of_cluster = {"ArnEquals": {"ecs:cluster": fence.place.arn("ecs", f"cluster/{cluster}")}}
    services = fence.ours("ecs", f"service/{cluster}/{{}}")
    return [
        *_making(fence, services),
        *_changing(fence, services),
        statement(
            "SeeServices",
            ["ecs:DescribeClusters", "ecs:DescribeServices", "ecs:DescribeTasks"],
            fence.arns("ecs", f"cluster/{cluster}", f"service/{cluster}/*", f"task/{cluster}/*"),
        ),
        statement("ListTasks", ["ecs:ListTasks"], ["*"], condition=of_cluster),
        statement(
            "TaskDefinitionsOfTheRegion",
            [
                "ecs:DeregisterTaskDefinition",
                "ecs:DescribeTaskDefinition",
                "ecs:ListTaskDefinitions",
            ],
            ["*"],
            condition=fence.in_region,
        ),
        statement(
            "PassNamedRolesToTasks",
            ["iam:PassRole"],
            fence.role_arns,
            condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]


def _runs_ours(fence: Fence, operator: str) -> Condition:
    """A service runs definitions of deployments; another's would bring another's role."""
    return {operator: {"ecs:task-definition": fence.ours("ecs", "task-definition/{}")[0]}}


def _making(fence: Fence, services: list[str]) -> list[Document]:
    definitions = fence.ours("ecs", "task-definition/{}")
    births = {"StringEquals": {"ecs:CreateAction": ["CreateService", "RegisterTaskDefinition"]}}
    return [
        statement(
            "MakeServices",
            ["ecs:CreateService"],
            services,
            condition=both(
                fence.born_with_tag,
                _runs_ours(fence, "ArnLike"),
                among({"ecs:subnet": fence.task_subnet_ids}, closed=True),
            ),
        ),
        statement(
            "MakeDefinitionsForFargate",
            ["ecs:RegisterTaskDefinition"],
            definitions,
            condition=both(
                fence.born_with_tag,
                among({"ecs:compute-compatibility": ["FARGATE"]}, closed=True),
            ),
        ),
        statement(
            "TagServicesAtBirth",
            ["ecs:TagResource"],
            [*services, *definitions],
            condition=births,
        ),
    ]


def _changing(fence: Fence, services: list[str]) -> list[Document]:
    return [
        statement(
            "ChangeServices",
            ["ecs:UpdateService"],
            services,
            condition=both(
                fence.carries_tag,
                _runs_ours(fence, "ArnLikeIfExists"),
                among({"ecs:subnet": fence.task_subnet_ids}, closed=False),
            ),
        ),
        statement(
            "RemoveServices",
            ["ecs:DeleteService", "ecs:TagResource", "ecs:UntagResource"],
            services,
            condition=fence.carries_tag,
        ),
    ]


def _certificates(fence: Fence) -> Document:
    certificates = fence.arns("acm", "certificate/*")
    return statement("LookAtCertificates", ["acm:DescribeCertificate"], certificates)


def _discovery(fence: Fence) -> list[Document]:
    services = fence.arns("servicediscovery", "service/*")
    own_keys = {"ForAllValues:StringEquals": {"aws:TagKeys": [DEPLOYMENT_TAG, INSTALLATION_TAG]}}
    return [
        statement(
            "MakeDiscovery",
            ["servicediscovery:CreateService"],
            [fence.namespace_arn, *services],
            condition=fence.born_with_tag,
        ),
        statement(
            "TagDiscovery",
            ["servicediscovery:TagResource"],
            ["*"],
            condition=both(fence.born_with_tag, fence.in_region, own_keys),
        ),
        statement(
            "ChangeDiscovery",
            ["servicediscovery:DeleteService", "servicediscovery:UpdateService"],
            services,
            condition=fence.carries_tag,
        ),
        statement(
            "SeeDiscovery",
            [
                "servicediscovery:GetNamespace",
                "servicediscovery:GetOperation",
                "servicediscovery:GetService",
            ],
            [fence.namespace_arn, *services],
        ),
        statement(
            "DiscoveryListsOfTheRegion",
            [
                "servicediscovery:ListNamespaces",
                "servicediscovery:ListServices",
                "servicediscovery:ListTagsForResource",
            ],
            ["*"],
            condition=fence.in_region,
        ),
    ]


def _looking(fence: Fence) -> list[Document]:
    group = f"log-group:{fence.names.log_group}"
    return [
        statement(
            "ReadLogs",
            ["logs:FilterLogEvents", "logs:GetLogEvents"],
            fence.arns("logs", group, f"{group}:*"),
        ),
        statement(
            "LookAtAgreedImages",
            ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
            fence.arns("ecr", *(f"repository/{name}" for name in fence.repositories)),
        ),
    ]


def _network(fence: Fence) -> list[Document]:
    return [
        statement(
            "NetworkListsOfTheRegion",
            [
                "ec2:DescribeAccountAttributes",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            ["*"],
            condition=fence.in_region,
        ),
    ]

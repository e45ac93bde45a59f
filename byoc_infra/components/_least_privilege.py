"""The access role's own policies: what the life of a deployment calls, and nothing more; pure.

Fenced three ways: by ARN (names that begin with `lg-`, the installation's cluster, log group and
secrets), by tag (`byoc:installation`), and by which roles may be passed to whom. Some actions
have no fence in IAM; those are in statements with `*` of their own, so that they can be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from byoc_infra.components._policies import Document, document, statement
from byoc_infra.components._task_roles import role_arns
from byoc_infra.naming import (
    DEPLOYMENT_PREFIX,
    INSTALLATION_TAG,
    SECRET_TAG,
    AccountNames,
    Place,
)
from byoc_infra.spec import TaskRoleSpec

__all__ = ["Fence", "least_privilege"]

Condition = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Fence:
    """What the policies of one installation may reach."""

    place: Place
    names: AccountNames
    repositories: Sequence[str]
    task_roles: Mapping[str, TaskRoleSpec]
    namespace_arn: pulumi.Input[str]

    def arns(self, service: str, *resources: str) -> list[str]:
        """ARNs of this account and region."""
        return [self.place.arn(service, resource) for resource in resources]

    def ours(self, service: str, *kinds: str) -> list[str]:
        """ARNs of the deployments' things: `{}` stands for any of their names."""
        return self.arns(service, *(kind.replace("{}", f"{DEPLOYMENT_PREFIX}*") for kind in kinds))

    @property
    def born_with_tag(self) -> Condition:
        """The request itself puts the installation's tag on."""
        return {"StringEquals": {f"aws:RequestTag/{INSTALLATION_TAG}": self.names.installation}}

    @property
    def carries_tag(self) -> Condition:
        """What is changed carries the installation's tag."""
        return {"StringEquals": {f"aws:ResourceTag/{INSTALLATION_TAG}": self.names.installation}}


def least_privilege(fence: Fence) -> dict[str, Document]:
    """The documents by surface, each under the size that IAM takes."""
    return {
        "compute": document([*_tasks(fence), *_scaling(fence), *_looking(fence)]),
        "traffic": document(
            [*_balancers(fence), *_certificates(fence), *_discovery(fence), *_network()]
        ),
        "data": document([*_databases(fence), *_secrets(fence), *_passwords(fence), *_never()]),
    }


def _tasks(fence: Fence) -> list[Document]:
    cluster = fence.names.cluster
    of_cluster = {"ArnEquals": {"ecs:cluster": fence.place.arn("ecs", f"cluster/{cluster}")}}
    services = fence.ours("ecs", f"service/{cluster}/{{}}")
    return [
        statement(
            "MakeServices",
            ["ecs:CreateService", "ecs:RegisterTaskDefinition", "ecs:TagResource"],
            [*services, *fence.ours("ecs", "task-definition/{}")],
            condition=fence.born_with_tag,
        ),
        statement(
            "ChangeServices",
            ["ecs:DeleteService", "ecs:UntagResource", "ecs:UpdateService"],
            services,
            condition=fence.carries_tag,
        ),
        statement(
            "SeeServices",
            ["ecs:DescribeClusters", "ecs:DescribeServices", "ecs:DescribeTasks"],
            fence.arns("ecs", f"cluster/{cluster}", f"service/{cluster}/*", f"task/{cluster}/*"),
        ),
        statement("ListTasks", ["ecs:ListTasks"], ["*"], condition=of_cluster),
        statement(
            "TaskDefinitionsHaveNoFence",
            [
                "ecs:DeregisterTaskDefinition",
                "ecs:DescribeTaskDefinition",
                "ecs:ListTaskDefinitions",
            ],
            ["*"],
        ),
        _passing(fence),
    ]


def _passing(fence: Fence) -> Document:
    execution = fence.place.role_arn(fence.names.execution_role)
    return statement(
        "PassNamedRolesToTasks",
        ["iam:PassRole"],
        [execution, *role_arns(fence.task_roles, fence.names, fence.place).values()],
        condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
    )


def _scaling(fence: Fence) -> list[Document]:
    targets = fence.arns("application-autoscaling", "scalable-target/*")
    desired_counts = {
        "application-autoscaling:service-namespace": "ecs",
        "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
    }
    of_ours = fence.carries_tag["StringEquals"]
    return [
        statement(
            "MakeScaling",
            ["application-autoscaling:RegisterScalableTarget"],
            targets,
            condition={"StringEquals": {**desired_counts, **fence.born_with_tag["StringEquals"]}},
        ),
        statement(
            "TagScaling",
            ["application-autoscaling:TagResource"],
            targets,
            condition=fence.born_with_tag,
        ),
        statement(
            "ChangeScaling",
            [f"application-autoscaling:{action}" for action in SCALING_CHANGES],
            targets,
            condition={"StringEquals": {**desired_counts, **of_ours}},
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
            "ScalingReadsHaveNoFence",
            [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
            ],
            ["*"],
        ),
        # AWS tries out whether the caller may do these, and names no alarm when it does.
        statement(
            "LetScalingKeepItsAlarms",
            ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"],
            fence.arns("cloudwatch", "alarm:*"),
            condition={"Bool": {"aws:ViaAWSService": "true"}},
        ),
    ]


SCALING_CHANGES = (
    "DeleteScalingPolicy",
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "RegisterScalableTarget",
)


def _certificates(fence: Fence) -> list[Document]:
    return [
        statement(
            "LookAtCertificates",
            ["acm:DescribeCertificate"],
            fence.arns("acm", "certificate/*"),
        )
    ]


def _balancers(fence: Fence) -> list[Document]:
    kinds = ("loadbalancer/app/{}/*", "targetgroup/{}/*")
    made = fence.ours("elasticloadbalancing", *kinds)
    everything = fence.ours("elasticloadbalancing", *kinds, "listener/app/{}/*")
    births = ["CreateListener", "CreateLoadBalancer", "CreateTargetGroup"]
    at_birth = {
        "StringEquals": {
            "elasticloadbalancing:CreateAction": births,
            **fence.born_with_tag["StringEquals"],
        }
    }
    return [
        statement(
            "MakeBalancers",
            [f"elasticloadbalancing:{birth}" for birth in births],
            made,
            condition=fence.born_with_tag,
        ),
        statement(
            "TagBalancersAtBirth",
            ["elasticloadbalancing:AddTags"],
            everything,
            condition=at_birth,
        ),
        statement(
            "ChangeBalancers",
            [f"elasticloadbalancing:{action}" for action in BALANCER_CHANGES],
            everything,
            condition=fence.carries_tag,
        ),
        statement(
            "BalancerReadsHaveNoFence",
            [f"elasticloadbalancing:{action}" for action in BALANCER_READS],
            ["*"],
        ),
    ]


BALANCER_CHANGES = (
    "AddTags",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "ModifyListener",
    "ModifyListenerAttributes",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "RemoveTags",
    "SetSecurityGroups",
    "SetSubnets",
)
BALANCER_READS = (
    "DescribeCapacityReservation",
    "DescribeListenerAttributes",
    "DescribeListeners",
    "DescribeLoadBalancerAttributes",
    "DescribeLoadBalancers",
    "DescribeTags",
    "DescribeTargetGroupAttributes",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
)


def _discovery(fence: Fence) -> list[Document]:
    services = fence.arns("servicediscovery", "service/*")
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
            condition=fence.born_with_tag,
        ),
        statement(
            "ChangeDiscovery",
            ["servicediscovery:DeleteService", "servicediscovery:UpdateService"],
            services,
            condition=fence.carries_tag,
        ),
        statement(
            "DiscoveryReadsHaveNoFence",
            [
                "servicediscovery:GetNamespace",
                "servicediscovery:GetOperation",
                "servicediscovery:GetService",
                "servicediscovery:ListNamespaces",
                "servicediscovery:ListServices",
                "servicediscovery:ListTagsForResource",
            ],
            ["*"],
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


def _network() -> list[Document]:
    return [
        statement(
            "NetworkReadsHaveNoFence",
            [
                "ec2:DescribeAccountAttributes",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcAttribute",
                "ec2:DescribeVpcs",
                "kms:DescribeKey",
            ],
            ["*"],
        ),
    ]


def _databases(fence: Fence) -> list[Document]:
    instances, parameters = fence.ours("rds", "db:{}"), fence.ours("rds", "pg:{}")
    snapshots = fence.ours("rds", "snapshot:{}")
    around = fence.arns("rds", f"subgrp:{fence.names.db_subnet_group}", "og:default:*")
    return [
        statement(
            "MakeDatabases",
            ["rds:CreateDBInstance", "rds:CreateDBParameterGroup"],
            [*instances, *parameters, *around],
            condition=fence.born_with_tag,
        ),
        statement(
            "TagDatabases",
            ["rds:AddTagsToResource", "rds:RemoveTagsFromResource"],
            [*instances, *parameters, *snapshots],
        ),
        statement(
            "ChangeDatabases",
            [
                "rds:DeleteDBInstance",
                "rds:DeleteDBParameterGroup",
                "rds:ModifyDBInstance",
                "rds:ModifyDBParameterGroup",
            ],
            [*instances, *parameters],
            condition=fence.carries_tag,
        ),
        statement("KeepLastSnapshot", ["rds:CreateDBSnapshot"], [*instances, *snapshots]),
        statement(
            "SeeDatabases",
            [
                "rds:DescribeDBInstances",
                "rds:DescribeDBParameterGroups",
                "rds:DescribeDBParameters",
                "rds:DescribeDBSnapshots",
                "rds:ListTagsForResource",
            ],
            fence.arns("rds", "db:*", f"pg:{DEPLOYMENT_PREFIX}*", "snapshot:*"),
        ),
    ]


def _secrets(fence: Fence) -> list[Document]:
    # Deployments' containers lie under `<name>-<eight digits>/`; those of the account's owner lie
    # under `platform/` and are only looked at.
    own = fence.arns("secretsmanager", f"secret:{fence.names.secrets}*-{'?' * 8}/*")
    platform = fence.arns("secretsmanager", f"secret:{fence.names.platform_secret('*')}")
    return [
        statement(
            "MakeSecrets",
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            own,
            condition=fence.born_with_tag,
        ),
        statement(
            "ChangeSecrets",
            [
                "secretsmanager:DeleteResourcePolicy",
                "secretsmanager:DeleteSecret",
                "secretsmanager:PutResourcePolicy",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            own,
            condition=fence.carries_tag,
        ),
        statement(
            "SeeSecretsWithoutValues",
            [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:ListSecretVersionIds",
            ],
            [*own, *platform, *_managed(fence)],
        ),
    ]


def _managed(fence: Fence) -> list[str]:
    """The secrets that RDS makes for its databases."""
    return fence.arns("secretsmanager", "secret:rds!db-*")


def _passwords(fence: Fence) -> list[Document]:
    # Only RDS, acting for the role, makes and tags them. Whoever could tag one could have the
    # execution role read the password of somebody else's database.
    by_rds = {"Bool": {"aws:ViaAWSService": "true"}}
    for_us = {
        "StringEquals": {f"secretsmanager:ResourceTag/{SECRET_TAG}": fence.names.installation}
    }
    return [
        statement(
            "LetRdsKeepThePassword",
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            _managed(fence),
            condition=by_rds,
        ),
        statement(
            "SchedulePasswords",
            ["secretsmanager:RotateSecret"],
            _managed(fence),
            condition=for_us,
        ),
    ]


def _never() -> list[Document]:
    """Denied whatever other policy is attached to the role later."""
    values = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]
    return [
        statement("NeverReadSecretValues", values, ["*"], effect="Deny"),
        statement("NeverEnterContainers", ["ecs:ExecuteCommand"], ["*"], effect="Deny"),
    ]

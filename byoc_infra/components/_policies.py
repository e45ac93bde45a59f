"""IAM documents as plain dicts; pure. Each statement has a name (Sid) that says what it is for.

The two policies of the access role are in `_least_privilege` and `_managed`. Leaves may be
outputs that are not known yet; `pulumi.Output.json_dumps` waits for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from byoc_infra.naming import SECRET_TAG, AccountNames, Place

if TYPE_CHECKING:  # whoever only wants a document does not load the SDK
    import pulumi

__all__ = [
    "Document",
    "access_trust",
    "document",
    "ecs_trust",
    "endpoint_policy",
    "execution_policy",
    "flow_log_policy",
    "flow_log_trust",
    "key_policy",
    "layer_policy",
    "platform_secret_policy",
    "secret_policy",
    "statement",
]

Document = dict[str, Any]
Leaf: TypeAlias = "pulumi.Input[str]"
VERSION = "2012-10-17"


def document(statements: Iterable[Document]) -> Document:
    """A policy document."""
    return {"Version": VERSION, "Statement": list(statements)}


def statement(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[Leaf] | None = None,
    *,
    effect: str = "Allow",
    principal: Mapping[str, Leaf] | str | None = None,
    condition: Mapping[str, Mapping[str, Any]] | None = None,
) -> Document:
    """One statement; what is absent is left out."""
    parts: Document = {"Sid": sid, "Effect": effect, "Action": list(actions)}
    if principal is not None:
        parts["Principal"] = principal
    if resources is not None:
        parts["Resource"] = list(resources)
    if condition is not None:
        parts["Condition"] = {operator: dict(keys) for operator, keys in condition.items()}
    return parts


def access_trust(principal_arn: str, external_ids: Sequence[str]) -> Document:
    """Exactly one principal, and only with an external id; it may say who asked and tag it."""
    vendor = {"AWS": principal_arn}
    with_id = {"StringEquals": {"sts:ExternalId": list(external_ids)}}
    return document(
        [
            statement(
                "AssumeWithExternalId", ["sts:AssumeRole"], principal=vendor, condition=with_id
            ),
            statement("SayWhoAsks", ["sts:SetSourceIdentity", "sts:TagSession"], principal=vendor),
        ]
    )


def ecs_trust(place: Place) -> Document:
    """ECS may take the role for tasks of this account and region, and for nobody else's."""
    return document(
        [
            statement(
                "TasksOfThisAccount",
                ["sts:AssumeRole"],
                principal={"Service": "ecs-tasks.amazonaws.com"},
                condition={
                    "StringEquals": {"aws:SourceAccount": place.aws_account_id},
                    "ArnLike": {"aws:SourceArn": place.arn("ecs", "*")},
                },
            )
        ]
    )


def execution_policy(place: Place, names: AccountNames, repositories: Sequence[str]) -> Document:
    """What ECS needs to start a task: its image, its logs, and the secrets tagged for it."""
    images = [place.arn("ecr", f"repository/{repository}") for repository in repositories]
    return document(
        [
            statement("LogInToEcr", ["ecr:GetAuthorizationToken"], ["*"]),
            statement(
                "PullAgreedImages",
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                images,
            ),
            statement(
                "WriteLogs",
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                [place.arn("logs", f"log-group:{names.log_group}:*")],
            ),
            statement(
                "ReadTaggedSecrets",
                ["secretsmanager:GetSecretValue"],
                [place.arn("secretsmanager", "secret:*")],
                condition=_tagged_secret(names),
            ),
        ]
    )


def _tagged_secret(names: AccountNames) -> Mapping[str, Mapping[str, str]]:
    return {"StringEquals": {f"secretsmanager:ResourceTag/{SECRET_TAG}": names.installation}}


def secret_policy(execution_role_arn: Leaf) -> Document:
    """On a secret: nobody reads its value but the execution role, whatever else they may do."""
    return document(
        [
            statement(
                "OnlyTheExecutionRoleReads",
                ["secretsmanager:GetSecretValue"],
                ["*"],
                effect="Deny",
                principal="*",
                condition={"ArnNotEquals": {"aws:PrincipalArn": execution_role_arn}},
            )
        ]
    )


SECRET_CHANGES = (
    "CancelRotateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "PutResourcePolicy",
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RestoreSecret",
    "RotateSecret",
    "StopReplicationToReplica",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
)
"""Every action on one secret that writes (Service Authorization Reference, Secrets Manager)."""


def platform_secret_policy(execution_role_arn: Leaf, control_plane_arn: Leaf) -> Document:
    """On a secret of the account's owner: nor does the control plane change it."""
    return document(
        [
            *secret_policy(execution_role_arn)["Statement"],
            statement(
                "TheControlPlaneChangesNothing",
                [f"secretsmanager:{change}" for change in SECRET_CHANGES],
                ["*"],
                effect="Deny",
                principal="*",
                condition={"ArnEquals": {"aws:PrincipalArn": control_plane_arn}},
            ),
        ]
    )


def key_policy(place: Place, execution_role_arn: Leaf) -> Document:
    """On a key of one's own: the account administers it, the execution role reads through it."""
    root = f"arn:{place.partition}:iam::{place.aws_account_id}:root"
    through_secrets_manager = {
        "StringEquals": {
            "kms:CallerAccount": place.aws_account_id,
            "kms:ViaService": f"secretsmanager.{place.region}.amazonaws.com",
        }
    }
    return document(
        [
            statement("AccountAdministers", ["kms:*"], ["*"], principal={"AWS": root}),
            statement(
                "ExecutionRoleReads",
                ["kms:Decrypt"],
                ["*"],
                principal={"AWS": execution_role_arn},
                condition=through_secrets_manager,
            ),
        ]
    )


def flow_log_trust(place: Place) -> Document:
    """VPC flow logs of this account and region, and of no other (VPC user guide, flow logs)."""
    return document(
        [
            statement(
                "FlowLogsOfThisAccount",
                ["sts:AssumeRole"],
                principal={"Service": "vpc-flow-logs.amazonaws.com"},
                condition={
                    "StringEquals": {"aws:SourceAccount": place.aws_account_id},
                    "ArnLike": {"aws:SourceArn": place.arn("ec2", "vpc-flow-log/*")},
                },
            )
        ]
    )


def flow_log_policy(place: Place, names: AccountNames) -> Document:
    """Write to the one log group, which is there already."""
    return document(
        [
            statement(
                "WriteFlowLogs",
                ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                [place.arn("logs", f"log-group:{names.flow_log_group}:*")],
            )
        ]
    )


def endpoint_policy(place: Place) -> Document:
    """On an endpoint: only principals of this account pass, so that nobody else's keys do."""
    return document([_own_principals(place)])


def layer_policy(place: Place) -> Document:
    """On the S3 endpoint: what ECR's images are made of, and this account's own buckets.

    The bucket of the layers is AWS's (ECR user guide, minimum S3 bucket permissions).
    """
    layers = f"arn:{place.partition}:s3:::prod-{place.region}-starport-layer-bucket/*"
    own = _own_principals(place)
    own["Condition"]["StringEquals"]["aws:ResourceAccount"] = place.aws_account_id
    return document(
        [statement("ImageLayers", ["s3:GetObject"], [layers], principal="*"), own],
    )


def _own_principals(place: Place) -> Document:
    return statement(
        "ThisAccountOnly",
        ["*"],
        ["*"],
        principal="*",
        condition={"StringEquals": {"aws:PrincipalAccount": place.aws_account_id}},
    )

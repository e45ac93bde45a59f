"""IAM documents as plain dicts; pure. Each statement has a name (Sid) that says what it is for.

The two policies of the access role are in `_least_privilege` and `_managed`. Leaves may be
outputs that are not known yet; `pulumi.Output.json_dumps` waits for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi

from byoc_infra.naming import SECRET_TAG, AccountNames, Place

__all__ = [
    "Document",
    "access_trust",
    "document",
    "ecs_trust",
    "execution_policy",
    "key_policy",
    "secret_policy",
    "statement",
]

Document = dict[str, Any]
Leaf = pulumi.Input[str]
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

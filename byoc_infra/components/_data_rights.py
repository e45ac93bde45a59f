"""The access role's rights on databases and secrets; pure."""

from byoc_infra.components._fence import Condition, Fence, both
from byoc_infra.components._policies import Document, statement
from byoc_infra.naming import SECRET_TAG

__all__ = ["databases", "passwords", "secrets"]


def databases(fence: Fence) -> list[Document]:
    """Make, change, remove them and keep a last snapshot."""
    instances, parameters = fence.ours("rds", "db:{}"), fence.ours("rds", "pg:{}")
    return [
        *_making(fence, instances, parameters),
        statement(
            "ChangeDatabases",
            [
                "rds:AddTagsToResource",
                "rds:DeleteDBInstance",
                "rds:DeleteDBParameterGroup",
                "rds:ModifyDBInstance",
                "rds:ModifyDBParameterGroup",
                "rds:RemoveTagsFromResource",
            ],
            [*instances, *parameters],
            condition=both(
                fence.carries_tag, {"BoolIfExists": {"rds:ManageMasterUserPassword": "true"}}
            ),
        ),
        *_snapshots(fence, instances),
        statement(
            "SeeDatabases",
            [
                "rds:DescribeDBInstances",
                "rds:DescribeDBParameterGroups",
                "rds:DescribeDBParameters",
                "rds:DescribeDBSnapshots",
                "rds:ListTagsForResource",
            ],
            # A database is read by its resource id, which IAM sees as any database.
            [*fence.arns("rds", "db:*"), *fence.ours("rds", "pg:{}", "snapshot:{}")],
        ),
    ]


def _making(fence: Fence, instances: list[str], parameters: list[str]) -> list[Document]:
    around = fence.arns("rds", f"subgrp:{fence.names.db_subnet_group}", "og:default:postgres-*")
    return [
        statement(
            "MakeEncryptedDatabases",
            ["rds:CreateDBInstance"],
            instances,
            condition=both(fence.born_with_tag, _well_kept()),
        ),
        statement("UseDatabaseGroups", ["rds:CreateDBInstance"], [*parameters, *around]),
        statement(
            "MakeParameterGroups",
            ["rds:CreateDBParameterGroup"],
            parameters,
            condition=fence.born_with_tag,
        ),
        statement(
            "TagDatabases",
            ["rds:AddTagsToResource"],
            [*instances, *parameters],
            condition=both(fence.born_with_tag, fence.not_anothers),
        ),
    ]


def _well_kept() -> Condition:
    return {
        "StringEquals": {"rds:DatabaseEngine": "postgres"},
        "Bool": {
            "rds:ManageMasterUserPassword": "true",
            "rds:PubliclyAccessible": "false",
            "rds:StorageEncrypted": "true",
        },
    }


def _snapshots(fence: Fence, instances: list[str]) -> list[Document]:
    snapshots = fence.ours("rds", "snapshot:{}")
    return [
        statement(
            "KeepLastSnapshot",
            ["rds:CreateDBSnapshot"],
            instances,
            condition=fence.carries_tag,
        ),
        statement("NameLastSnapshot", ["rds:CreateDBSnapshot"], snapshots),
        statement(
            "LetSnapshotsInheritTags",
            ["rds:AddTagsToResource"],
            snapshots,
            condition={"BoolIfExists": {"rds:TagsFromRequest": "false"}},
        ),
    ]


def secrets(fence: Fence) -> list[Document]:
    """Make containers, put values in, see everything of them but a value."""
    # Deployments' containers lie under `<name>-<eight digits>/`; those of the account's owner lie
    # under `platform/` and are only looked at.
    own = fence.arns("secretsmanager", f"secret:{fence.names.secrets}*-{'?' * 8}/*")
    platform = fence.arns("secretsmanager", f"secret:{fence.names.platform_secret('*')}")
    return [
        statement(
            "MakeSecrets",
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            own,
            condition=both(
                fence.born_with_tag,
                fence.not_anothers,
                {"Null": {"secretsmanager:AddReplicaRegions": "true"}},
            ),
        ),
        statement(
            "ChangeSecrets",
            [
                "secretsmanager:DeleteResourcePolicy",
                "secretsmanager:DeleteSecret",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            own,
            condition=fence.carries_tag,
        ),
        statement(
            "GuardSecrets",
            ["secretsmanager:PutResourcePolicy"],
            own,
            condition=both(
                fence.carries_tag, {"Bool": {"secretsmanager:BlockPublicPolicy": "true"}}
            ),
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


def passwords(fence: Fence) -> list[Document]:
    """RDS keeps them in the caller's name; their schedule is set by tag."""
    # Only RDS, acting for the role, makes and tags them. Whoever could tag one could have the
    # execution role read the password of somebody else's database.
    by_rds = {"Bool": {"aws:ViaAWSService": "true"}}
    for_us: Condition = {
        "StringEquals": {f"secretsmanager:ResourceTag/{SECRET_TAG}": fence.names.installation},
        "Null": {"secretsmanager:RotationLambdaARN": "true"},
    }
    through_rds = {"StringEquals": {"kms:ViaService": f"rds.{fence.place.region}.amazonaws.com"}}
    return [
        statement(
            "LetRdsKeepThePassword",
            ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            _managed(fence),
            condition=by_rds,
        ),
        statement(
            "LetRdsSeeItsKeys",
            ["kms:DescribeKey"],
            fence.arns("kms", "key/*"),
            condition=through_rds,
        ),
        statement(
            "SchedulePasswords",
            ["secretsmanager:RotateSecret"],
            _managed(fence),
            condition=for_us,
        ),
    ]

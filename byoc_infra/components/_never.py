"""What the access role is denied, whatever other policy is attached to it; pure."""

from byoc_infra.components._fence import Fence
from byoc_infra.components._policies import Document, statement
from byoc_infra.naming import INSTALLATION_TAG

__all__ = ["never"]

TAGGING = (
    "application-autoscaling:TagResource",
    "application-autoscaling:UntagResource",
    "ecs:TagResource",
    "ecs:UntagResource",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:RemoveTags",
    "rds:AddTagsToResource",
    "rds:RemoveTagsFromResource",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
    "servicediscovery:TagResource",
    "servicediscovery:UntagResource",
)
RUNNING = ("ecs:CreateService", "ecs:CreateTaskSet", "ecs:RunTask", "ecs:UpdateService")
SHARING = (
    "rds:CopyDBSnapshot",
    "rds:ModifyDBClusterSnapshotAttribute",
    "rds:ModifyDBSnapshotAttribute",
    "rds:StartExportTask",
)


def never(fence: Fence) -> list[Document]:
    """Denials that hold for both choices of permissions."""
    values = ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]
    return [
        statement("NeverReadSecretValues", values, ["*"], effect="Deny"),
        statement("NeverEnterContainers", ["ecs:ExecuteCommand"], ["*"], effect="Deny"),
        statement(
            "NeverPrepareShells",
            RUNNING,
            ["*"],
            effect="Deny",
            condition={"StringEquals": {"ecs:enable-execute-command": "true"}},
        ),
        statement(
            "NeverGiveOutPublicAddresses",
            RUNNING,
            ["*"],
            effect="Deny",
            condition={"Bool": {"ecs:auto-assign-public-ip": "true"}},
        ),
        statement("NeverShareSnapshots", SHARING, ["*"], effect="Deny"),
        _never_pass_others(fence),
        _never_move(fence),
    ]


def _never_pass_others(fence: Fence) -> Document:
    denied = statement("NeverPassOtherRoles", ["iam:PassRole"], effect="Deny")
    return {**denied, "NotResource": fence.role_arns}


def _never_move(fence: Fence) -> Document:
    """Neither taken off nor given another value: both show the key without our value."""
    return statement(
        "NeverMoveTheTag",
        TAGGING,
        ["*"],
        effect="Deny",
        condition={
            "ForAnyValue:StringEquals": {"aws:TagKeys": [INSTALLATION_TAG]},
            "StringNotEquals": {f"aws:RequestTag/{INSTALLATION_TAG}": fence.names.installation},
        },
    )

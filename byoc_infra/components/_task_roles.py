"""What applications may do in AWS: task roles by name, and the boundary that holds them; pure."""

import json
import re
from collections.abc import Iterable, Mapping

from byoc_infra.components._checks import check_pattern, check_unique
from byoc_infra.components._policies import Document, document, statement
from byoc_infra.errors import SpecError
from byoc_infra.naming import INSTALLATION_TAG, TASK_ROLE_PATH, AccountNames, Place
from byoc_infra.spec import TaskRoleSpec

__all__ = [
    "DEFAULT_ROLES",
    "NAME",
    "check_task_roles",
    "role_arns",
    "task_boundary",
    "task_roles_tag",
]

DEFAULT_ROLES: Mapping[str, TaskRoleSpec] = {"default": TaskRoleSpec(path="/")}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+=.@_-]*")
POLICY_ARN = r"arn:{partition}:iam::(aws|{account}):policy/[\w+=,.@/-]+"
INLINE_LIMIT = 10240
"""Characters of a role's own policies without white space (IAM user guide, quotas)."""
ATTACHED_LIMIT = 10
"""Managed policies of a role (IAM user guide, quotas)."""


def check_task_roles(roles: Mapping[str, TaskRoleSpec], place: Place) -> None:
    """Refuse names and rights that IAM or this project does not take."""
    if "default" not in roles:
        raise SpecError(
            "task_roles",
            wanted="default among them",
            got=", ".join(roles) or "none",
            next_step="Keep it: deployments that name no role run with it, without any right.",
        )
    for name, role in roles.items():
        field = f"task_roles.{name}"
        check_pattern(
            field,
            name,
            NAME,
            wanted="a name of letters, digits and +=.@_-",
            next_step=f"Name it without its path: all are under {TASK_ROLE_PATH}.",
        )
        _check_rights(field, role, place)


def _check_rights(field: str, role: TaskRoleSpec, place: Place) -> None:
    has_rights = role.managed_policy_arns or role.policy is not None
    if role.path == "/" and has_rights:
        raise SpecError(
            field,
            wanted=f"rights only of roles under {TASK_ROLE_PATH}",
            got="rights of a role at the path /",
            next_step="Give them to a role of another name, and the deployment that task_role.",
        )
    arn = POLICY_ARN.format(partition=place.partition, account=place.aws_account_id)
    check_unique(f"{field}.managed_policy_arns", role.managed_policy_arns)
    for given in role.managed_policy_arns:
        check_pattern(
            f"{field}.managed_policy_arns",
            given,
            arn,
            wanted=f"ARNs of policies of AWS or of account {place.aws_account_id}",
            next_step="Copy them from `aws iam list-policies`.",
        )
    if len(role.managed_policy_arns) > ATTACHED_LIMIT:
        raise SpecError(
            f"{field}.managed_policy_arns",
            wanted=f"at most {ATTACHED_LIMIT}",
            got=str(len(role.managed_policy_arns)),
            next_step="Put some of the rights into `policy`.",
        )
    if role.policy is not None:
        _check_policy(f"{field}.policy", role.policy)


def _check_policy(field: str, policy: Document) -> None:
    statements = policy.get("Statement")
    listed = [statements] if isinstance(statements, dict) else statements
    wrong = not isinstance(listed, list) or not listed
    wrong = wrong or any(
        not isinstance(one, dict)
        or one.get("Effect") not in ("Allow", "Deny")
        or not ({"Action", "NotAction"} & one.keys())
        or not ({"Resource", "NotResource"} & one.keys())
        or {"Principal", "NotPrincipal"} & one.keys()
        for one in listed or ()
    )
    if wrong:
        raise SpecError(
            field,
            wanted="an IAM policy document: Statement, each with Effect, Action and Resource",
            got="a document that IAM refuses",
            next_step="Write it as for `aws iam put-role-policy`, without Principal.",
        )
    size = len(json.dumps(policy, separators=(",", ":")))
    if size > INLINE_LIMIT:
        raise SpecError(
            field,
            wanted=f"at most {INLINE_LIMIT} characters",
            got=str(size),
            next_step="Make a managed policy and name it in managed_policy_arns.",
        )


def role_arns(
    roles: Mapping[str, TaskRoleSpec], names: AccountNames, place: Place
) -> dict[str, str]:
    """By name: the roles' ARNs, which are fixed."""
    return {name: place.role_arn(names.task_role(name), role.path) for name, role in roles.items()}


def task_roles_tag(roles: Mapping[str, TaskRoleSpec]) -> str:
    """The roles as deployments are told of them."""
    return " ".join(f"/{name}" if role.path == "/" else name for name, role in roles.items())


def task_boundary(place: Place, names: AccountNames) -> Document:
    """The most that a task role can ever do, whatever policy somebody attaches to it.

    An application uses AWS's services. It has no business with who may do what, with what the
    deployments themselves are made of, or with their secrets: ECS hands a task its own.
    """
    kept = [
        place.arn("secretsmanager", name) for name in ("secret:langgraph-cloud/*", "secret:rds!*")
    ]
    access = place.role_arn(names.access_role)
    return document(
        [
            statement("WhatItsPoliciesAllow", ["*"], ["*"]),
            statement("NoPermissions", list(ADMINISTRATION), ["*"], effect="Deny"),
            statement("NotTheControlPlane", ["sts:AssumeRole"], [access], effect="Deny"),
            statement("NoSecretsOfDeployments", ["secretsmanager:*"], kept, effect="Deny"),
            statement(
                "NothingOfTheDeployments",
                ["*"],
                ["*"],
                effect="Deny",
                condition={"Null": {f"aws:ResourceTag/{INSTALLATION_TAG}": "false"}},
            ),
        ]
    )


ADMINISTRATION: Iterable[str] = ("iam:*", "organizations:*", "account:*")

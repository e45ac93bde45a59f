"""Which task roles and rights are taken, and what holds them."""

from typing import Any

import pytest
from policy_sentry.querying.actions import get_actions_for_service

from byoc_infra.components._policies import SECRET_CHANGES
from byoc_infra.components._task_roles import check_task_roles, task_boundary, task_roles_tag
from byoc_infra.errors import SpecError
from byoc_infra.naming import AccountNames
from byoc_infra.spec import TaskRoleSpec
from tests.support.recorder import PLACE

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
PLAIN = TaskRoleSpec(path="/")
OWN = "arn:aws:iam::222222222222:policy/team/reads"


def policy(*statements: Any) -> TaskRoleSpec:
    """A role with these statements."""
    return TaskRoleSpec(policy={"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    "role",
    [
        TaskRoleSpec(),
        policy(ALLOW),
        TaskRoleSpec(policy={"Statement": ALLOW}),
        TaskRoleSpec(managed_policy_arns=(OWN, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")),
    ],
)
def test_sensible_rights_are_taken(role: TaskRoleSpec) -> None:
    """Of AWS, of the account, or written in place."""
    assert check_task_roles({"default": PLAIN, "reader": role}, PLACE) is None  # type: ignore[func-returns-value]  # it raises or it does not


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"a/b": TaskRoleSpec()}, "task_roles.a/b: want a name of letters"),
        ({OWN: TaskRoleSpec()}, f"task_roles.{OWN}: want a name of letters"),
        ({"a": policy()}, "task_roles.a.policy: want an IAM policy document"),
        ({"a": policy("x")}, "task_roles.a.policy: want an IAM policy document"),
        ({"a": policy({**ALLOW, "Effect": "allow"})}, "task_roles.a.policy: want an IAM policy"),
        ({"a": policy({**ALLOW, "Principal": "*"})}, "task_roles.a.policy: want an IAM policy"),
        ({"a": policy({"Effect": "Allow", "Action": "*"})}, "task_roles.a.policy: want an IAM"),
        ({"a": policy(*[ALLOW] * 200)}, "task_roles.a.policy: want at most 10240 characters"),
        (
            {"a": TaskRoleSpec(managed_policy_arns=("AdministratorAccess",))},
            "task_roles.a.managed_policy_arns: want ARNs of policies of AWS or of account 2222",
        ),
        (
            {"a": TaskRoleSpec(managed_policy_arns=(OWN.replace("222222222222", "333333333333"),))},
            "task_roles.a.managed_policy_arns: want ARNs of policies of AWS or of account 2222",
        ),
        (
            {"a": TaskRoleSpec(managed_policy_arns=tuple(f"{OWN}{n}" for n in range(11)))},
            "task_roles.a.managed_policy_arns: want at most 10",
        ),
        (
            {"default": TaskRoleSpec(path="/", policy={"Statement": ALLOW})},
            "task_roles.default: want rights only of roles under /langgraph-cloud/",
        ),
    ],
)
def test_bad_input_is_refused_by_name(roles: dict[str, TaskRoleSpec], message: str) -> None:
    """IAM would refuse it in the middle of a run."""
    with pytest.raises(SpecError) as refused:
        check_task_roles({"default": PLAIN, **roles}, PLACE)

    assert str(refused.value).startswith(message)


def test_deployments_are_told_which_roles_are_where() -> None:
    """A slash stands for the path `/`, which only earlier versions used."""
    roles = {"default": PLAIN, "reader": TaskRoleSpec()}

    assert task_roles_tag(roles) == "/default reader"


def test_the_boundary_denies_what_no_application_needs() -> None:
    """Permissions, the way in of the control plane, secrets and parts of deployments."""
    document = task_boundary(PLACE, AccountNames("blue"))
    denied = {one["Sid"]: one for one in document["Statement"] if one["Effect"] == "Deny"}

    assert set(denied["NoPermissions"]["Action"]) == {"iam:*", "organizations:*", "account:*"}
    assert denied["NotTheControlPlane"]["Resource"] == [
        "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole-blue"
    ]
    assert denied["NoSecretsOfDeployments"]["Resource"] == [
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:langgraph-cloud/*",
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:rds!*",
    ]
    assert denied["NothingOfTheDeployments"]["Condition"] == {
        "Null": {"aws:ResourceTag/byoc:installation": "false"}
    }


def test_every_change_of_a_secret_is_known() -> None:
    """AWS's own list of what writes or tags, less what makes a new one or reads a value."""
    writes = {
        action.removeprefix("secretsmanager:")
        for level in ("Write", "Tagging", "Permissions management")
        for action in _actions(level)
    }

    assert set(SECRET_CHANGES) == writes - {"CreateSecret", "ValidateResourcePolicy"}


def _actions(level: str) -> list[str]:
    from policy_sentry.querying.actions import get_actions_with_access_level  # noqa: PLC0415

    found: list[str] = get_actions_with_access_level("secretsmanager", level)
    assert set(found) <= set(get_actions_for_service("secretsmanager"))
    return found

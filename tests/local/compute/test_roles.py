"""What the execution role must be allowed, and how a task ends that may not."""

import json
from collections.abc import Mapping

import pytest

from byoc_infra.local.compute.model import Task
from byoc_infra.local.compute.roles import ExecutionRoles, StartError
from byoc_infra.local.wire import AwsError
from tests.local.compute.fakes import Lab, client

OTHER = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


class Judge:
    """Allows everything but what it is told, and remembers what it was asked."""

    def __init__(self, *denied: str) -> None:
        self.denied = denied
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    def __call__(  # noqa: D102 - see the class
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str]
    ) -> None:
        self.asked.append((action, resource, context))
        if action in self.denied:
            raise AwsError("AccessDeniedException", f"{role_arn} may not {action}", 403)


@pytest.fixture
def task(lab: Lab) -> Task:
    """A task that has just been made."""
    lab.create(lab.define())
    lab.tick()
    return next(iter(lab.state.tasks.values()))


def secret(value: object | None) -> str:
    """A secret's ARN."""
    asked: dict[str, object] = {"Name": "redis", "Tags": [{"Key": "team", "Value": "a"}]}
    if value is not None:
        asked["SecretString"] = value if isinstance(value, str) else json.dumps(value)
    return str(client("secretsmanager").create_secret(**asked)["ARN"])


def test_a_secrets_key_is_read_with_its_tags_in_the_context(task: Task) -> None:
    """The role's policy may ask for secretsmanager:ResourceTag."""
    judge = Judge()
    arn = secret({"password": "p:w/%"})

    assert ExecutionRoles(judge).read_secret(task, f"{arn}:password::") == "p:w/%"
    action, resource, context = judge.asked[0]
    assert (action, resource) == ("secretsmanager:GetSecretValue", arn)
    assert context["secretsmanager:ResourceTag/team"] == "a"


def test_a_named_version_is_read_even_when_it_is_not_the_current_one(task: Task) -> None:
    """Roll-back gives a revision its own values."""
    arn = secret("first")
    manager = client("secretsmanager")
    version = manager.get_secret_value(SecretId=arn)["VersionId"]
    manager.put_secret_value(SecretId=arn, SecretString="second")
    roles = ExecutionRoles(Judge())

    assert roles.read_secret(task, arn) == "second"
    assert roles.read_secret(task, f"{arn}:::{version}") == "first"


@pytest.mark.parametrize(
    ("value", "suffix", "words"),
    [
        (None, "", "can't find the specified secret value for staging label: AWSCURRENT"),
        ({"uri": "hidden"}, ":password::", "did not contain json key password"),
        ("hidden", ":password::", "is not JSON"),
    ],
)
def test_a_secret_that_cannot_be_read_ends_the_start(
    task: Task, value: object, suffix: str, words: str
) -> None:
    """ResourceInitializationError, and never the value."""
    with pytest.raises(StartError, match=words) as failed:
        ExecutionRoles(Judge()).read_secret(task, secret(value) + suffix)

    assert str(failed.value).startswith("ResourceInitializationError: unable to pull secrets")
    assert "hidden" not in str(failed.value)


def test_a_denied_secret_ends_the_start(task: Task) -> None:
    """With the role's refusal in the words."""
    with pytest.raises(StartError, match="AccessDeniedException") as failed:
        ExecutionRoles(Judge("secretsmanager:GetSecretValue")).read_secret(task, secret("x"))

    assert str(failed.value).startswith("ResourceInitializationError")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("ecr:GetAuthorizationToken", "unable to retrieve ecr registry auth"),
        ("ecr:BatchGetImage", "CannotPullContainerError"),
    ],
)
def test_an_image_is_pulled_with_the_roles_rights(task: Task, action: str, words: str) -> None:
    """First the registry's token, then the image."""
    with pytest.raises(StartError, match=words):
        ExecutionRoles(Judge(action)).pull(task, "arn:aws:ecr:eu-west-1:1:repository/a", "a")


def test_a_role_that_does_not_trust_ecs_cannot_be_assumed(task: Task) -> None:
    """ECS says to verify the trust relationship."""
    roles = ExecutionRoles(Judge())
    roles.assume(task)
    client("iam").update_assume_role_policy(
        RoleName="exec", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [OTHER]})
    )

    with pytest.raises(StartError, match="ECS was unable to assume the role"):
        roles.assume(task)


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"StringEquals": {"aws:SourceAccount": "{account}"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:ecs:{region}:{account}:*"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-west-2:{account}:*"}}, False),
    ],
)
def test_the_conditions_of_a_roles_trust_count(
    task: Task,
    condition: dict[str, dict[str, str]],
    trusted: bool,  # noqa: FBT001
) -> None:
    """ECS comes for tasks of one account and region."""
    filled = {
        operator: {
            key: wanted.format(account=task.account_id, region=task.region)
            for key, wanted in keys.items()
        }
        for operator, keys in condition.items()
    }
    statement = {
        **OTHER,
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Condition": filled,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("iam").update_assume_role_policy(RoleName="exec", PolicyDocument=document)

    if trusted:
        ExecutionRoles(Judge()).assume(task)
    else:
        with pytest.raises(StartError, match="ECS was unable to assume the role"):
            ExecutionRoles(Judge()).assume(task)

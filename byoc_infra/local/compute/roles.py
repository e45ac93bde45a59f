"""What ECS does with a task's execution role before the task may start.

Each step is decided by the role's own policies. What is refused becomes the task's stop reason,
in the words that ECS uses for it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from moto.secretsmanager.models import secretsmanager_backends

from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.egress import unreached
from byoc_infra.local.compute.model import Task
from byoc_infra.local.wire import AwsError

__all__ = ["Check", "ExecutionRoles", "Roles", "StartError"]

Check = Callable[[str, str, str, Mapping[str, str]], None]
"""`check(role_arn, action, resource_arn, context)`: raises `AwsError` where the role's policies do
not allow it. `context` holds the condition keys of the request, such as `aws:ResourceTag/x`."""

ECS_TASKS = "ecs-tasks.amazonaws.com"
PULL = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
    "retrieval failed: "
)
ASM = PULL + "unable to retrieve secret from asm: service call has been retried 1 time(s): "
SECRET_PARTS = 7
"""`arn:aws:secretsmanager:<region>:<account>:secret:<name>`, before key, stage and version."""


class StartError(Exception):
    """A task that cannot start; the text is its stoppedReason."""


class Roles(Protocol):
    """What the tasks' start asks of the execution role."""

    def assume(self, task: Task) -> None:
        """ECS takes the role."""

    def reach(self, task: Task) -> None:
        """Get to the services that the task needs before it runs."""

    def log(self, task: Task, group_arn: str) -> None:
        """Make a log stream and write to it."""

    def pull(self, task: Task, repository_arn: str, image: str) -> None:
        """Get an image out of ECR."""

    def read_secret(self, task: Task, value_from: str) -> str:
        """A secret's value, or the value of one of its JSON keys."""


class ExecutionRoles:
    """`Roles` over moto's IAM and Secrets Manager, with `check` deciding."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def assume(self, task: Task) -> None:
        """The role exists and trusts ECS tasks."""
        arn = _role_arn(task)
        found = lookups.role(task.account_id, arn) if arn else None
        if arn and (found is None or not lookups.trusts(found, ECS_TASKS, task.region)):
            raise StartError(
                f"ECS was unable to assume the role '{arn}' that was provided for this task. "
                "Please verify that the role being passed has the proper trust relationship and "
                "permissions and that your IAM user has permissions to pass this role."
            )

    def reach(self, task: Task) -> None:
        """Through the task's own subnet, whose routes and endpoints are judged."""
        if lack := unreached(task):
            raise StartError(lack)

    def log(self, task: Task, group_arn: str) -> None:
        """As the awslogs driver does."""
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            try:
                self._check(_role_arn(task), action, group_arn, {})
            except AwsError as denied:
                raise StartError(
                    "ResourceInitializationError: failed to validate logger args: create stream "
                    "has been retried 1 times: failed to create Cloudwatch log stream: "
                    f"{denied.code}: {denied.message}"
                ) from denied

    def pull(self, task: Task, repository_arn: str, image: str) -> None:
        """As Fargate does: the registry's token first, then manifest and layers."""
        role = _role_arn(task)
        try:
            self._check(role, "ecr:GetAuthorizationToken", "*", {})
        except AwsError as denied:
            raise StartError(
                f"{PULL}unable to retrieve ecr registry auth: service call has been retried 1 "
                f"time(s): {denied.code}: {denied.message}"
            ) from denied
        for action in (
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ):
            try:
                self._check(role, action, repository_arn, {})
            except AwsError as denied:
                raise StartError(
                    "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
                    f"failed to resolve ref {image}: 403 Forbidden: {denied.message}"
                ) from denied

    def read_secret(self, task: Task, value_from: str) -> str:
        """One entry of a container's `secrets`."""
        parts = value_from.split(":")
        if not value_from.startswith("arn:aws:secretsmanager:") or len(parts) < SECRET_PARTS:
            raise StartError(f"{PULL}invalid secret reference {value_from}")
        arn = ":".join(parts[:SECRET_PARTS])
        key, stage, version = (*parts[SECRET_PARTS:], "", "", "")[:3]
        backend = secretsmanager_backends[task.account_id][parts[3]]
        secret = backend.secrets.get(arn)
        self._check_secret(task, arn, secret)
        try:
            wanted = stage or ("" if version else "AWSCURRENT")
            answer = backend.get_secret_value(arn, version, wanted)
        except Exception as refused:  # moto raises its own and plain KeyErrors alike
            raise StartError(_fetch(arn, _words(refused, secret))) from refused
        text = answer.get("SecretString")
        if text is None:
            raise StartError(_fetch(arn, "the secret has no SecretString"))
        return _key(text, key) if key else str(text)

    def _check_secret(self, task: Task, arn: str, secret: Any) -> None:  # noqa: ANN401 - moto's
        tags = {tag["Key"]: tag["Value"] for tag in (secret.tags or ())} if secret else {}
        context = {
            f"{kind}:ResourceTag/{key}": value
            for key, value in tags.items()
            for kind in ("secretsmanager", "aws")
        }
        own_key = getattr(secret, "kms_key_id", None)
        try:
            self._check(_role_arn(task), "secretsmanager:GetSecretValue", arn, context)
            if own_key and not str(own_key).endswith("alias/aws/secretsmanager"):
                via = {"kms:ViaService": f"secretsmanager.{task.region}.amazonaws.com"}
                self._check(_role_arn(task), "kms:Decrypt", str(own_key), via)
        except AwsError as denied:
            raise StartError(_fetch(arn, f"{denied.code}: {denied.message}")) from denied


def _role_arn(task: Task) -> str:
    return str(task.definition.get("executionRoleArn") or "")


def _fetch(arn: str, words: str) -> str:
    return f"{ASM}failed to fetch secret {arn} from secrets manager: {words}"


def _words(refused: Exception, secret: object) -> str:
    if secret is None:
        return "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    if getattr(refused, "error_type", "") == "InvalidRequestException":
        return "InvalidRequestException: the secret is marked for deletion."
    return (
        "ResourceNotFoundException: Secrets Manager can't find the specified secret value for "
        "staging label: AWSCURRENT"
    )


def _key(text: str, key: str) -> str:
    """A JSON key of a secret; the value itself never gets into an error."""
    try:
        values = json.loads(text)
    except ValueError:
        raise StartError(f"{ASM}retrieved secret from Secrets Manager is not JSON") from None
    if not isinstance(values, dict) or key not in values:
        raise StartError(
            f"{ASM}retrieved secret from Secrets Manager did not contain json key {key}"
        )
    value = values[key]
    return value if isinstance(value, str) else json.dumps(value)

"""What RegisterTaskDefinition refuses."""

from typing import Any

import pytest

from byoc_infra.local.compute.fargate import check_definition
from byoc_infra.local.wire import AwsError

SECRET = {"name": "A", "valueFrom": "arn:aws:secretsmanager:eu-west-1:1:secret:a"}


def definition(container: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A good Fargate definition, but for the changes."""
    return {
        "family": "api",
        "containerDefinitions": [{"name": "api", "image": "i", **(container or {})}],
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "executionRoleArn": "arn:role",
        **changes,
    }


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "512"), ("1 vCPU", "2 GB"), ("512", "4096"), ("16384", "122880")]
)
def test_a_fargate_pair_is_taken(cpu: str, memory: str) -> None:
    """In units and in words."""
    check_definition(definition(cpu=cpu, memory=memory))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (definition(cpu="256", memory="4096"), "256 CPU, 4096 memory"),
        (definition(cpu="300", memory="512"), "No Fargate configuration exists"),
        (definition(cpu=None), "'cpu' be defined at the task level"),
        (definition(networkMode="bridge"), "only supports network mode 'awsvpc'"),
        (definition(containerDefinitions=[]), "should not be empty"),
        (definition({"secrets": [SECRET]}, executionRoleArn=None), "'executionRoleArn'"),
        (definition({"stopTimeout": 121}), "120 seconds or less"),
        (definition({"essential": False}), "must be marked as essential"),
        (
            definition({"dependsOn": [{"containerName": "x", "condition": "START"}]}),
            "x is not in the",
        ),
        (
            definition({"secrets": [SECRET], "environment": [{"name": "A", "value": "1"}]}),
            "The secret name must be unique",
        ),
        (
            definition({"logConfiguration": {"logDriver": "awslogs"}}, executionRoleArn=None),
            "log driver awslogs",
        ),
    ],
)
def test_what_fargate_has_not_is_refused(wrong: dict[str, Any], words: str) -> None:
    """ClientException, with the reason."""
    with pytest.raises(AwsError, match=words) as refused:
        check_definition(wrong)

    assert refused.value.code == "ClientException"

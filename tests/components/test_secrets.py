"""What Secrets asks of AWS, and what it tells ECS."""

import json

import pytest

from byoc_infra.components import Secrets
from byoc_infra.errors import SpecError
from byoc_infra.naming import SECRET_TAG
from byoc_infra.spec import SecretReference
from tests.support.examples import EXECUTION_ROLE, REFERENCE, secrets_args
from tests.support.recorder import maker

SECRET = "aws:secretsmanager/secret:Secret"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
KEY = "aws:kms/key:Key"
OUTPUTS = "byoc:aws:Secrets::orders"

made = maker(Secrets, "orders", secrets_args)


def test_no_value_is_an_input() -> None:
    """The stack makes containers; nothing that holds a value is among its resources."""
    recorder = made()

    assert not [one for one in recorder.resources if "secretVersion" in one.type]
    assert not [
        one.id for one in recorder.resources if any("secretString" in key for key in one.inputs)
    ]


def test_only_the_execution_role_reads_containers() -> None:
    """A Deny for everybody else, whatever other policies allow; and never a public policy."""
    asked = made().inputs(POLICY)
    (deny,) = json.loads(asked["policy"])["Statement"]

    assert deny["Effect"] == "Deny"
    assert deny["Action"] == ["secretsmanager:GetSecretValue"]
    assert deny["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": EXECUTION_ROLE}}
    assert asked["blockPublicPolicy"] is True


def test_containers_carry_the_tag() -> None:
    """Without it the execution role may not read them."""
    asked = made().inputs(SECRET)

    assert asked["name"] == "langgraph-cloud/default/orders-1a2b3c4d/OPENAI_API_KEY"
    assert asked["tags"][SECRET_TAG] == "default"


def test_references_name_key_and_version() -> None:
    """A roll-back and a restarted task get the same value."""
    told = made().component_outputs[OUTPUTS]

    assert told["value_from"]["TEAM_KEY"] == f"{REFERENCE.arn}:key::v1"
    assert told["value_from"]["OPENAI_API_KEY"] == told["container_arns"]["OPENAI_API_KEY"]
    assert told["arns"] == [told["container_arns"]["OPENAI_API_KEY"], REFERENCE.arn]


@pytest.mark.parametrize(
    ("json_key", "version_id", "suffix"),
    [(None, None, ""), ("key", None, ":key::"), (None, "v1", ":::v1"), ("key", "v1", ":key::v1")],
)
def test_a_reference_is_written_as_ecs_reads_it(
    json_key: str | None, version_id: str | None, suffix: str
) -> None:
    """ARN, JSON key, version stage, version id (ECS developer guide)."""
    reference = SecretReference(arn=REFERENCE.arn, json_key=json_key, version_id=version_id)

    told = made(entries={"TEAM_KEY": reference}).component_outputs[OUTPUTS]

    assert told["value_from"] == {"TEAM_KEY": REFERENCE.arn + suffix}


def test_an_own_key_rotates() -> None:
    """It is made on request, and the execution role may decrypt through Secrets Manager only."""
    assert not made().of_type(KEY)

    recorder = made(own_key=True)
    key = recorder.inputs(KEY)
    administers, reads = json.loads(key["policy"])["Statement"]

    assert key["enableKeyRotation"] is True
    assert administers["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}
    assert reads["Principal"] == {"AWS": EXECUTION_ROLE}
    assert reads["Condition"]["StringEquals"]["kms:ViaService"] == (
        "secretsmanager.eu-west-1.amazonaws.com"
    )
    assert ":kms:" in recorder.inputs(SECRET)["kmsKeyId"]


def test_values_are_deleted_at_once_unless_asked() -> None:
    """In a recovery window the name would be taken, and the deployment could not be made again."""
    assert made().inputs(SECRET)["recoveryWindowInDays"] == 0
    assert made(recovery_days=7).inputs(SECRET)["recoveryWindowInDays"] == 7


@pytest.mark.parametrize("days", [-1, 1, 6, 31])
def test_a_recovery_window_that_aws_does_not_have_is_refused(days: int) -> None:
    """Seven to thirty days, or none."""
    with pytest.raises(SpecError, match=rf"recovery_days: want 0, or 7 to 30, got {days}"):
        secrets_args(recovery_days=days)


@pytest.mark.parametrize(
    "arn",
    [
        "team/openai",
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:team/openai",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/x",
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:x-AbCdEf:key::",
    ],
)
def test_a_reference_that_is_no_whole_arn_is_refused(arn: str) -> None:
    """ECS wants the six last characters where a key is named."""
    with pytest.raises(SpecError, match=r"secrets\.KEY\.arn: want the whole ARN"):
        secrets_args(entries={"KEY": SecretReference(arn=arn)})


def test_a_name_that_no_variable_can_have_is_refused() -> None:
    """Before anything is made."""
    with pytest.raises(SpecError, match=r"secrets\.2KEY: want letters, digits"):
        secrets_args(entries={"2KEY": None})

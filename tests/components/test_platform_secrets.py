"""What PlatformSecrets asks of AWS."""

import json

import pytest

from byoc_infra.components import PlatformSecrets
from byoc_infra.components._policies import SECRET_CHANGES
from byoc_infra.errors import SpecError
from byoc_infra.naming import SECRET_TAG
from tests.support.examples import EXECUTION_ROLE, platform_secrets_args
from tests.support.recorder import maker

SECRET = "aws:secretsmanager/secret:Secret"
POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"

made = maker(PlatformSecrets, "orders", platform_secrets_args)


def test_no_value_is_an_input() -> None:
    """The stack makes containers; nothing that holds a value is among its resources."""
    recorder = made()

    assert not [one for one in recorder.resources if "secretVersion" in one.type]
    assert not [
        one.id for one in recorder.resources if any("secretString" in key for key in one.inputs)
    ]


def test_only_the_execution_role_reads() -> None:
    """A Deny for everybody else, the account's administrators included."""
    asked = made().inputs(POLICY)
    deny, _ = json.loads(asked["policy"])["Statement"]

    assert (deny["Effect"], deny["Action"]) == ("Deny", ["secretsmanager:GetSecretValue"])
    assert deny["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": EXECUTION_ROLE}}
    assert asked["blockPublicPolicy"] is True


def test_the_control_plane_changes_nothing() -> None:
    """Also where it holds AWS's own policies: a Deny on the secret itself."""
    _, deny = json.loads(made().inputs(POLICY)["policy"])["Statement"]

    assert deny["Effect"] == "Deny"
    assert deny["Action"] == [f"secretsmanager:{change}" for change in SECRET_CHANGES]
    assert deny["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole"}
    }


def test_containers_carry_the_tag() -> None:
    """Without it the execution role may not read them."""
    asked = made().inputs(SECRET)

    assert asked["name"] == "langgraph-cloud/default/platform/LANGSMITH_API_KEY"
    assert asked["tags"][SECRET_TAG] == "default"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["OPENAI_API_KEY"], "platform_secrets: want one of LANGGRAPH_CLOUD_LICENSE_KEY"),
        (["LANGSMITH_API_KEY"] * 2, "platform_secrets: want each name once"),
    ],
)
def test_bad_input_is_refused_by_name(entries: list[str], message: str) -> None:
    """What belongs to one application does not belong to all."""
    with pytest.raises(SpecError) as refused:
        platform_secrets_args(entries=entries)

    assert str(refused.value).startswith(message)

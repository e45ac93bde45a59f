"""A deployment's database stays what it is."""

from typing import Any

import pytest

from byoc_infra.errors import SpecError
from byoc_infra.flows.database_choice import EXTERNAL, RDS, refuse_change
from byoc_infra.spec import DeploymentSpec, parse

STACK = {"type": "pulumi:pulumi:Stack"}
NOTHING: list[dict[str, Any]] = []
OUTSIDE = [STACK, {"type": EXTERNAL}]
OURS = [STACK, {"type": RDS, "inputs": {"engineVersion": "16", "allocatedStorage": 30}}]
CHOSEN = {"secrets": {"POSTGRES_URI_CUSTOM": None}}


def spec(**changes: Any) -> DeploymentSpec:
    """A deployment file."""
    given = {
        "name": "orders",
        "aws_account_id": "222222222222",
        "region": "eu-west-1",
        "image": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/agents:v1",
    }
    return parse(DeploymentSpec, {**given, **changes})


@pytest.mark.parametrize(
    ("resources", "changes"),
    [
        (NOTHING, {}),
        (NOTHING, CHOSEN),
        ([STACK], CHOSEN),
        (OUTSIDE, CHOSEN),
        (OUTSIDE, {"secrets": {"POSTGRES_URI_CUSTOM": {"arn": "another"}}}),
        (OURS, {"database_storage_gib": 30}),
        (OURS, {"database_storage_gib": 31, "postgres_version": "16.4"}),
    ],
)
def test_what_stays_the_same_is_taken(
    resources: list[dict[str, Any]], changes: dict[str, Any]
) -> None:
    """The value of an address may change, and a minor version."""
    refuse_change(spec(**changes), resources)


@pytest.mark.parametrize(
    ("resources", "changes", "message"),
    [
        (OUTSIDE, {}, "secrets.POSTGRES_URI_CUSTOM: want what it was"),
        (OURS, CHOSEN, "secrets.POSTGRES_URI_CUSTOM: want nothing: the deployment's rows"),
        (OURS, {"postgres_version": "17"}, "postgres_version: want a version of 16"),
        (OURS, {"postgres_version": "15.8"}, "postgres_version: want a version of 16"),
        (OURS, {"database_storage_gib": 29}, "database_storage_gib: want 30 or more"),
        (OURS, {}, "database_storage_gib: want 30 or more"),
    ],
)
def test_another_database_is_refused(
    resources: list[dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    """By the name of the field, before the engine may take anything away."""
    with pytest.raises(SpecError) as refused:
        refuse_change(spec(**changes), resources)

    assert str(refused.value).startswith(message)

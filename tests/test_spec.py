"""The words that are asked for: parsed strictly, refused by name."""

from typing import Any

import pytest
from pydantic import ValidationError

from byoc_infra.errors import SpecError
from byoc_infra.spec import (
    AccessSpec,
    AccountSpec,
    DeploymentSpec,
    SecretReference,
    TaskRoleSpec,
    parse,
)

ACCOUNT: dict[str, Any] = {
    "aws_account_id": "222222222222",
    "region": "eu-west-1",
    "vendor_principal_arn": "arn:aws:iam::111111111111:user/control-plane",
    "external_ids": ["6d1c3d2e-5a70-4b1f-9e0c-3f1d2b8a4c55"],
    "redis_image": "redis@sha256:0",
    "repositories": ["agents"],
}
DEPLOYMENT: dict[str, Any] = {
    "name": "orders",
    "aws_account_id": "222222222222",
    "region": "eu-west-1",
    "image": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/agents:v1",
}
ACCESS: dict[str, Any] = {
    "role_arn": "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole",
    "external_id": "6d1c3d2e-5a70-4b1f-9e0c-3f1d2b8a4c55",
    "source_identity": "ann",
}


def test_defaults_are_closed() -> None:
    """Anything wider is asked for by name."""
    account, deployment = parse(AccountSpec, ACCOUNT), parse(DeploymentSpec, DEPLOYMENT)

    assert account.permissions == "least_privilege"
    assert account.public_ingress is False
    assert account.egress_ports == (443,)
    assert deployment.public is False
    assert deployment.deletion_protection is True
    assert deployment.final_snapshot is True


def test_a_spec_cannot_be_changed() -> None:
    """What was checked is what runs."""
    spec = parse(DeploymentSpec, DEPLOYMENT)

    with pytest.raises(ValidationError):
        spec.image = "other"


def test_secrets_are_references_or_containers() -> None:
    """A value has no place to go."""
    spec = parse(
        DeploymentSpec, {**DEPLOYMENT, "secrets": {"A": None, "B": {"arn": "x", "json_key": "k"}}}
    )

    assert spec.secrets == {"A": None, "B": SecretReference(arn="x", json_key="k")}


@pytest.mark.parametrize(
    ("kind", "given", "changes", "message"),
    [
        (AccountSpec, ACCOUNT, {"aws_account_id": "22"}, "aws_account_id: want String should"),
        (AccountSpec, ACCOUNT, {"external_ids": []}, "external_ids: want Tuple should have"),
        (AccountSpec, ACCOUNT, {"repositories": []}, "repositories: want Tuple should have"),
        (AccountSpec, ACCOUNT, {"permissions": "all"}, "permissions: want Input should be"),
        (AccountSpec, ACCOUNT, {"network": {"cdir": "x"}}, "network.cdir: want a known key"),
        (AccountSpec, ACCOUNT, {"installation": "Blue"}, "installation: want String should"),
        (AccountSpec, ACCOUNT, {"installation": "blue-"}, "installation: want String should"),
        (DeploymentSpec, DEPLOYMENT, {"name": "Orders"}, "name: want String should match"),
        (DeploymentSpec, DEPLOYMENT, {"name": "-a"}, "name: want String should match"),
        (DeploymentSpec, DEPLOYMENT, {"name": "a--b"}, "name: want String should match"),
        (AccountSpec, ACCOUNT, {"task_roles": {"r": {"polcy": {}}}}, "task_roles.r.polcy: want a"),
        (AccountSpec, ACCOUNT, {"tracing": {"url": "x"}}, "tracing.url: want a known key"),
        (AccountSpec, ACCOUNT, {"platform_secrets": ["X"]}, "platform_secrets.0: want Input"),
        (AccountSpec, ACCOUNT, {"task_roles": ["a", "a"]}, "task_roles: want each name once"),
        (AccountSpec, ACCOUNT, {"task_roles": 1}, "task_roles: want Input should be"),
        (DeploymentSpec, DEPLOYMENT, {"imgae": "x"}, "imgae: want a known key"),
        (DeploymentSpec, DEPLOYMENT, {"secrets": {"A": "hunter2"}}, "secrets.A: want"),
        (DeploymentSpec, DEPLOYMENT, {"postgres_version": 15.8}, "postgres_version: want Input"),
        (DeploymentSpec, DEPLOYMENT, {"database_tls": "prefer"}, "database_tls: want Input should"),
        (DeploymentSpec, DEPLOYMENT, {"database_ca_pem": 1}, "database_ca_pem: want Input should"),
        (
            AccountSpec,
            ACCOUNT,
            {"external_databases": [{"cidr": "10.9.0.0/16", "prot": 1}]},
            "external_databases.0.prot: want a known key",
        ),
        (DeploymentSpec, DEPLOYMENT, {"size": "huge"}, "size: want Input should be"),
        (AccessSpec, ACCESS, {"role_arn": "role"}, "role_arn: want String should match"),
        (AccessSpec, ACCESS, {"duration_s": 60}, "duration_s: want Input should be greater"),
        (AccessSpec, ACCESS, {"source_identity": "x"}, "source_identity: want String should"),
    ],
)
def test_a_wrong_field_is_refused_by_name(
    kind: Any, given: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    """Pydantic's complaint becomes the project's own error."""
    with pytest.raises(SpecError) as refused:
        parse(kind, {**given, **changes})

    assert str(refused.value).startswith(message)


def test_a_value_given_as_a_secret_is_not_repeated() -> None:
    """Somebody will write one there, and an error is logged and shown."""
    for field in (
        {"secrets": {"A": "hunter2"}},
        {"license_key": "hunter2"},
        {"database_ca_pem": ["hunter2"]},
    ):
        with pytest.raises(SpecError) as refused:
            parse(DeploymentSpec, {**DEPLOYMENT, **field})

        assert "hunter2" not in str(refused.value)
        assert "hunter2" not in str(refused.value.__cause__)


def test_all_wrong_fields_are_counted() -> None:
    """So that a person does not correct them one by one without knowing."""
    with pytest.raises(SpecError, match=r"2 field\(s\) need a change"):
        parse(DeploymentSpec, {**DEPLOYMENT, "name": "A", "size": "huge"})


@pytest.mark.parametrize(
    ("kind", "given", "changes", "step"),
    [
        (AccountSpec, ACCOUNT, {"public_ingres": True}, "Did you mean public_ingress?"),
        (AccountSpec, ACCOUNT, {"network": {"zone": []}}, "Did you mean network.zones?"),
        (
            AccountSpec,
            ACCOUNT,
            {"task_roles": {"r": {"polcy": {}}}},
            "Did you mean task_roles.r.policy?",
        ),
        (
            DeploymentSpec,
            DEPLOYMENT,
            {"secrets": {"A": {"arn": "x", "jsonkey": "k"}}},
            "Did you mean secrets.A.json_key?",
        ),
        (AccountSpec, ACCOUNT, {"network": {"x": 1}}, "Known: cidr, "),
    ],
)
def test_an_unknown_key_leads_to_the_nearest_known_one(
    kind: Any, given: dict[str, Any], changes: dict[str, Any], step: str
) -> None:
    """Also deep inside, and in front of whatever else is wrong for it."""
    with pytest.raises(SpecError) as refused:
        parse(kind, {**given, **changes})

    assert refused.value.next_step.startswith(step)


def test_a_list_of_task_roles_means_what_it_meant() -> None:
    """Roles without rights where earlier versions made them; `default` is always there."""
    plain = TaskRoleSpec(path="/")

    earlier = parse(AccountSpec, {**ACCOUNT, "task_roles": ["default", "reader"]})
    named = parse(AccountSpec, {**ACCOUNT, "task_roles": {"reader": {}}})

    assert earlier.task_roles == {"default": plain, "reader": plain}
    assert named.task_roles == {"default": plain, "reader": TaskRoleSpec()}
    assert parse(AccountSpec, ACCOUNT).task_roles == {"default": plain}

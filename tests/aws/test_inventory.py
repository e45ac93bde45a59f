"""Everything in an account, kind by kind."""

import pytest

from byoc_infra.aws import inventory
from byoc_infra.aws.inventory import KINDS, Inventory, take
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused

QUICK = ("vpc", "iam role", "secret", "ecs cluster", "log group", "security group rule")


def test_every_kind_can_be_listed(session: Session) -> None:
    """Each call exists and is understood."""
    found = take(session)

    assert found.unread == {}
    assert set(found.kinds) == set(KINDS)
    assert found.kinds["vpc"]


def test_what_is_made_is_seen(session: Session) -> None:
    """By each service's own calls."""
    before = take(session, QUICK)
    session.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")
    session.client("logs").create_log_group(logGroupName="/mine")

    change = before.difference(take(session, QUICK))

    assert set(change.added) == {"vpc", "log group", "security group rule"}
    assert change.added["log group"] == ("/mine",)
    assert not change.none


def test_what_is_taken_away_again_leaves_no_difference(session: Session) -> None:
    """A clean sweep."""
    before = take(session, QUICK)
    logs = session.client("logs")
    logs.create_log_group(logGroupName="/mine")
    logs.delete_log_group(logGroupName="/mine")

    assert before.difference(take(session, QUICK)).none


def test_a_secret_in_its_recovery_window_is_gone(session: Session) -> None:
    """Nobody can read it, and it ends by itself."""
    secrets = session.client("secretsmanager")
    before = take(session, ["secret"])
    secrets.create_secret(Name="x", SecretString="y")
    secrets.delete_secret(SecretId="x")

    assert before.difference(take(session, ["secret"])).none


def test_an_inactive_cluster_and_task_definition_are_gone(session: Session) -> None:
    """AWS keeps their records."""
    ecs = session.client("ecs")
    kinds = ("ecs cluster", "ecs task definition")
    before = take(session, kinds)
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(
        family="f", containerDefinitions=[{"name": "a", "image": "x", "memory": 64}]
    )
    ecs.delete_cluster(cluster="c")
    ecs.deregister_task_definition(taskDefinition="f:1")

    assert before.difference(take(session, kinds)).none


def test_a_deleted_nat_gateway_is_gone(session: Session) -> None:
    """It stays listed for an hour."""
    ec2 = session.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    before = take(session, ["nat gateway"])
    made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    ec2.delete_nat_gateway(NatGatewayId=made["NatGateway"]["NatGatewayId"])

    assert before.difference(take(session, ["nat gateway"])).none


def test_a_key_that_waits_for_deletion_is_gone(session: Session) -> None:
    """Keys cannot be deleted at once."""
    kms = session.client("kms")
    before = take(session, ["kms key"])
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    assert before.difference(take(session, ["kms key"])).none


def test_what_could_not_be_listed_is_not_empty(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that may not look proves nothing."""

    def refuse(_session: Session) -> list[str]:
        raise AccessRefused("x", wanted="permission", got="denied", next_step="-")

    monkeypatch.setitem(inventory.KINDS, "vpc", refuse)
    found = take(session, ["vpc"])

    assert "vpc" not in found.kinds
    assert "denied" in found.unread["vpc"]
    assert not found.difference(found).none


def test_two_listings_compare_as_data() -> None:
    """Also what has gone in between."""
    before = Inventory({"vpc": ("a", "b")})
    after = Inventory({"vpc": ("b", "c")})

    change = before.difference(after)

    assert (change.added, change.removed) == ({"vpc": ("c",)}, {"vpc": ("a",)})
    assert before.count() == 2

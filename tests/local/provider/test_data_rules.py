"""Databases and secrets: what is kept from mistakes, and that no secret value is shown."""

import json
from typing import Any

import pytest

from byoc_infra.local.provider.aws import Aws, ProviderError
from byoc_infra.local.provider.properties import Props
from byoc_infra.local.provider.services.rds_instance import Instance
from byoc_infra.local.provider.services.secretsmanager import Secret, SecretRotation
from tests.local.provider.conftest import RecordingAws
from tests.local.provider.lives import checked, database

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"


def instance(aws: Aws, name: str, **more: Any) -> tuple[Instance, str, Props]:
    """A database of this name."""
    resource = Instance(aws)
    inputs = checked(Instance.type_name, database(identifier=name, **more))
    return resource, *resource.create(inputs)


def test_the_managed_password_is_a_reference(aws: RecordingAws) -> None:
    """The secret's ARN and status are outputs; its value is nowhere."""
    _, _, state = instance(aws, "managed")

    (secret,) = state["masterUserSecrets"]
    assert secret["secretArn"].startswith("arn:aws:secretsmanager:")
    assert "P@55w0rd" not in json.dumps(state)


def test_a_given_password_is_not_in_the_outputs(aws: RecordingAws) -> None:
    """Not after create, nor in what an import or a failure answers."""
    inputs = database(identifier="given", password="hunter2-and-more")
    del inputs["manageMasterUserPassword"]
    resource = Instance(aws)

    resource_id, state = resource.create(checked(Instance.type_name, inputs))

    assert "hunter2" not in json.dumps(state)
    assert "hunter2" not in json.dumps(resource.read(resource_id, {**state, **inputs}))
    assert "hunter2" not in str(resource.preview_create(inputs))


def test_a_database_without_a_name_for_its_snapshot_stays(aws: RecordingAws) -> None:
    """The delete fails, nothing is lost."""
    resource, resource_id, state = instance(aws, "unnamed", finalSnapshotIdentifier=None)

    with pytest.raises(ProviderError, match="final_snapshot_identifier is required"):
        resource.delete(resource_id, state)

    assert resource.read(resource_id, state) is not None


def test_a_protected_database_stays(aws: RecordingAws) -> None:
    """The provider never lifts protection that the state knows of."""
    resource, resource_id, state = instance(aws, "protected", deletionProtection=True)

    with pytest.raises(ProviderError, match="deleting RDS DB Instance"):
        resource.delete(resource_id, state)

    assert resource.read(resource_id, state) is not None


def test_deleting_a_database_keeps_its_snapshot(aws: RecordingAws) -> None:
    """Under the name that the program gave."""
    resource, resource_id, state = instance(aws, "kept", finalSnapshotIdentifier="kept-final")

    resource.delete(resource_id, state)

    snapshots = aws.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert "kept-final" in [snapshot["DBSnapshotIdentifier"] for snapshot in snapshots]


def test_snapshot_settings_alone_ask_aws_nothing(aws: RecordingAws) -> None:
    """They matter at delete, so an update only writes them down."""
    resource, resource_id, state = instance(aws, "settings")
    later = checked(
        Instance.type_name, database(identifier="settings", finalSnapshotIdentifier="other")
    )
    aws.since()

    _, state = resource.update(resource_id, state, later)

    assert state["finalSnapshotIdentifier"] == "other"
    assert aws.since() == {"rds:DescribeDBInstances"}


def test_a_secret_in_its_recovery_window_cannot_be_made_again(aws: RecordingAws) -> None:
    """AWS's refusal is passed on, and the deleted one counts as gone."""
    secret = Secret(aws)
    inputs = checked(Secret.type_name, {"name": "again"})
    secret_id, state = secret.create(inputs)
    secret.delete(secret_id, state)

    assert secret.read(secret_id, state) is None
    with pytest.raises(ProviderError, match=r"creating Secrets Manager Secret \(again\)"):
        secret.create(inputs)


class FakeSecrets:
    """The managed secret of a database, which AWS rotates without a Lambda."""

    def __init__(self) -> None:
        self.days = 7
        self.enabled = True
        self.calls: list[str] = []

    def rotate_secret(self, **asked: Any) -> Props:
        """Set the schedule."""
        self.calls.append("RotateSecret")
        assert asked["SecretId"] == ARN
        assert asked["RotateImmediately"] is False
        assert "RotationLambdaARN" not in asked
        self.days = asked["RotationRules"]["AutomaticallyAfterDays"]
        return {"ARN": ARN}

    def describe_secret(self, **_: Any) -> Props:
        """Tell the schedule."""
        self.calls.append("DescribeSecret")
        rules = {"AutomaticallyAfterDays": self.days}
        return {"ARN": ARN, "RotationEnabled": self.enabled, "RotationRules": rules}

    def cancel_rotate_secret(self, **_: Any) -> None:
        """Switch it off."""
        self.calls.append("CancelRotateSecret")
        self.enabled = False


def test_rotation_of_a_managed_secret_is_a_schedule() -> None:
    """Create and update set the days, the delete cancels; no Lambda is named."""
    aws, fake = Aws("eu-west-1"), FakeSecrets()
    aws._clients["secretsmanager"] = fake
    rotation = SecretRotation(aws)

    def days(count: int) -> Props:
        rules = {"automaticallyAfterDays": count}
        return checked(
            SecretRotation.type_name,
            {"secretId": ARN, "rotationRules": rules, "rotateImmediately": False},
        )

    resource_id, state = rotation.create(days(90))
    assert state["rotationRules"] == {"automaticallyAfterDays": 90}
    assert state["rotationEnabled"] is True

    _, state = rotation.update(resource_id, state, days(30))
    assert (fake.days, resource_id) == (30, ARN)

    rotation.delete(resource_id, state)
    assert fake.calls == [
        *("RotateSecret", "DescribeSecret") * 2,
        "CancelRotateSecret",
    ]

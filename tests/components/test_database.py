"""What a Database asks of AWS."""

from typing import Any

import pulumi
import pytest

from byoc_infra.components import Database
from byoc_infra.components._database_tls import rds_ca_bundle
from byoc_infra.errors import SpecError
from byoc_infra.naming import SECRET_TAG
from tests.support.certificates import ca_pem
from tests.support.examples import database_args
from tests.support.recorder import maker, record

RDS = "aws:rds/instance:Instance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"

made = maker(Database, "orders", database_args)


def test_password_made_by_aws() -> None:
    """No password passes through our state, and the user is the server's."""
    asked = made().inputs(RDS)

    assert asked["manageMasterUserPassword"] is True
    assert asked["username"] == "langgraph"
    assert not {"password", "passwordWo"} & set(asked)


def test_password_is_rotated_on_schedule() -> None:
    """AWS's own seven days become ninety, and nothing rotates while tasks are starting."""
    rotation = made().only(ROTATION)

    assert rotation.inputs["rotationRules"] == {"automaticallyAfterDays": 90}
    assert rotation.inputs["rotateImmediately"] is False
    assert "rds!db-" in rotation.inputs["secretId"]
    assert rotation.options == {"retainOnDelete": True}


def test_the_execution_role_may_read_the_password() -> None:
    """RDS copies the instance's tags to the secret once, at creation."""
    assert made().inputs(RDS)["tags"][SECRET_TAG] == "default"


def test_storage_is_encrypted() -> None:
    """With AWS's own key, or with the one that is given."""
    assert made().inputs(RDS)["storageEncrypted"] is True
    assert made(kms_key_arn="arn:key").inputs(RDS)["kmsKeyId"] == "arn:key"


def test_tls_is_forced() -> None:
    """The server refuses plain connections, whatever a client asks for."""
    recorder = made()
    parameters = {p["name"]: p["value"] for p in recorder.inputs(PARAMETERS)["parameters"]}

    assert parameters["rds.force_ssl"] == "1"
    assert recorder.inputs(RDS)["parameterGroupName"] == recorder.inputs(PARAMETERS)["name"]


def test_not_reachable_from_the_internet() -> None:
    """No public address, private subnets, the given security groups only."""
    asked = made().inputs(RDS)

    assert asked["publiclyAccessible"] is False
    assert asked["dbSubnetGroupName"] == "private"
    assert asked["vpcSecurityGroupIds"] == ["sg-database"]


def test_deletion_is_refused_until_lifted() -> None:
    """Protection is on by default and lifted by name."""
    assert made().inputs(RDS)["deletionProtection"] is True
    assert made(deletion_protection=False).inputs(RDS)["deletionProtection"] is False


def test_lifting_protection_keeps_the_last_snapshot() -> None:
    """The two guards are independent: a destroy needs the first lifted, never the second."""
    asked = made(deletion_protection=False).inputs(RDS)

    assert asked["finalSnapshotIdentifier"] == "lg-orders-final-1a2b3c4d"
    assert asked["skipFinalSnapshot"] is False


def test_no_last_snapshot_is_asked_for_by_name() -> None:
    """None is a decision, not a default."""
    asked = made(final_snapshot_name=None).inputs(RDS)

    assert asked["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in asked


def test_backups_are_kept_a_week() -> None:
    """Automated backups, whose tags say whose they are."""
    asked = made().inputs(RDS)

    assert asked["backupRetentionPeriod"] == 7
    assert asked["copyTagsToSnapshot"] is True


def test_logs_go_to_cloudwatch() -> None:
    """Both kinds that PostgreSQL has."""
    assert made().inputs(RDS)["enabledCloudwatchLogsExports"] == ["postgresql", "upgrade"]


def test_changes_are_applied_at_once() -> None:
    """Else AWS reports the old values until a window comes, and every preview shows a change."""
    assert made().inputs(RDS)["applyImmediately"] is True


def test_it_stands_in_two_zones_when_asked() -> None:
    """One by default, which a development deployment can bear."""
    assert made().inputs(RDS)["multiAz"] is False
    assert made(multi_az=True).inputs(RDS)["multiAz"] is True


def test_its_storage_grows_when_asked() -> None:
    """Up to a limit that is a tenth above the first size at least."""
    assert "maxAllocatedStorage" not in made().inputs(RDS)
    assert made(most_storage_gib=100).inputs(RDS)["maxAllocatedStorage"] == 100
    with pytest.raises(SpecError, match="most_storage_gib: want 22 to 65536, got 21"):
        database_args(storage_gib=20, most_storage_gib=21)


@pytest.mark.parametrize(("version", "family"), [("15.8", "postgres15"), ("16", "postgres16")])
def test_the_parameter_family_follows_the_version(version: str, family: str) -> None:
    """A minor version does not count."""
    assert made(engine_version=version).inputs(PARAMETERS)["family"] == family


def test_verify_full_trusts_the_regions_certificates() -> None:
    """AWS's own, unless others are given; the address names the file that a task has then."""
    asked = database_args(tls="verify-full", region="eu-west-1")

    assert asked.trusted == rds_ca_bundle("eu-west-1")
    assert database_args(tls="verify-full", region="eu-west-1", ca_pem=ca_pem()).trusted == ca_pem()
    assert database_args().trusted is None


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, "sslmode=require"),
        (
            {"tls": "verify-full", "region": "eu-west-1"},
            "sslmode=verify-full&sslrootcert=/run/database-ca/ca.pem",
        ),
    ],
)
def test_the_address_says_how_it_is_trusted(changes: dict[str, Any], parameters: str) -> None:
    """And names no password."""
    told: list[str] = []

    def program() -> None:
        connection = Database("orders", database_args(**changes)).connection
        pulumi.Output.from_input(connection.environment["DATABASE_URI"]).apply(told.append)

    record(program)

    assert told[0].startswith("postgresql://langgraph@")
    assert told[0].endswith(f":5432/langgraph?{parameters}")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("storage_gib", 5, "storage_gib: want 20 to 65536, got 5"),
        ("rotation_days", 0, "rotation_days: want 1 to 1000, got 0"),
        ("rotation_days", 1001, "rotation_days: want 1 to 1000, got 1001"),
        ("backup_days", 0, "backup_days: want 1 to 35, got 0"),
        ("engine_version", "15.7", "engine_version: want PostgreSQL 15.8 or newer, got '15.7'"),
        ("engine_version", "15", "engine_version: want PostgreSQL 15.8 or newer, got '15'"),
        ("engine_version", "new", "engine_version: want PostgreSQL 15.8 or newer, got 'new'"),
        ("tls", "verify-full", "ca_pem: want the certificates that verify-full shall trust"),
        ("ca_pem", ca_pem(), "ca_pem: want nothing, because require verifies no certificate"),
        ("final_snapshot_name", "a--b", "final_snapshot_name: want up to 255 letters"),
        ("final_snapshot_name", "1a", "final_snapshot_name: want up to 255 letters"),
    ],
)
def test_bad_input_is_refused_by_name(field: str, value: Any, message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        database_args(**{field: value})

    assert str(refused.value).startswith(message)

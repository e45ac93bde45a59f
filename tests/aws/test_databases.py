"""The managed password and the names of last snapshots."""

import datetime
from typing import Any

import pytest

from byoc_infra.aws.databases import free_snapshot_name, managed_secret, password_is_newer
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, NotFound
from tests.aws.fakes import CLUSTER, NOON, FakeSession, task

DENIED = AccessRefused("x", wanted="permission", got="denied", next_step="-")
SECRET = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:rds!db-1-abcdef"


def fake(changed: datetime.datetime) -> FakeSession:
    """A database whose password was changed then."""
    return FakeSession(
        describe_db_instances={"DBInstances": [{"MasterUserSecret": {"SecretArn": SECRET}}]},
        describe_secret={
            "VersionIdsToStages": {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT"]},
            "CreatedDate": NOON - datetime.timedelta(days=30),
            "LastRotatedDate": changed,
            "LastChangedDate": changed + datetime.timedelta(days=2),
        },
        list_secret_version_ids={
            "Versions": [
                {"VersionId": "v1", "CreatedDate": NOON - datetime.timedelta(days=30)},
                {"VersionId": "v2", "CreatedDate": changed},
            ]
        },
    )


def newer(session: Session) -> bool:
    """The question that `up` asks."""
    return password_is_newer(session, "lg-x", cluster=CLUSTER, service="lg-x-api")


def create(session: Session, **more: Any) -> None:
    """A database in moto."""
    session.client("rds").create_db_instance(
        DBInstanceIdentifier="lg-x",
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="langgraph",
        **more,
    )


def test_the_current_version_and_its_birth_are_known(session: Session) -> None:
    """Without the value."""
    create(session, ManageMasterUserPassword=True)

    found = managed_secret(session, "lg-x")

    assert found.arn.startswith("arn:aws:secretsmanager:")
    assert found.version_id
    age = datetime.datetime.now(datetime.UTC) - found.created
    assert age < datetime.timedelta(minutes=1)


def test_a_password_that_aws_does_not_manage_is_not_found(session: Session) -> None:
    """Nothing to compare with."""
    create(session, MasterUserPassword="not-a-secret")

    with pytest.raises(NotFound, match="database"):
        managed_secret(session, "lg-x")


def test_no_database_is_not_found(session: Session) -> None:
    """It has to be up first."""
    with pytest.raises(NotFound, match="lg-none"):
        managed_secret(session, "lg-none")


@pytest.mark.parametrize(
    ("changed_s", "answer"),
    [(-3600, False), (0, False), (0.6, False), (0.8, True), (1, True), (60, True)],
)
def test_a_password_after_the_oldest_task_is_newer(changed_s: float, answer: bool) -> None:  # noqa: FBT001
    """A stack that makes both in the same second needs no restart."""
    session = fake(NOON + datetime.timedelta(seconds=changed_s))
    session.tasks = [
        task(1, createdAt=NOON + datetime.timedelta(milliseconds=700)),
        task(2, createdAt=NOON + datetime.timedelta(hours=1)),
    ]

    assert newer(session) is answer


def test_without_tasks_nothing_is_to_be_renewed() -> None:
    """The next one starts with the current password anyway."""
    session = fake(NOON)
    session.tasks = []

    assert not newer(session)


def test_where_versions_may_not_be_listed_the_last_rotation_counts() -> None:
    """A role with less rights still notices."""
    session = fake(NOON + datetime.timedelta(days=1))
    session.answers["list_secret_version_ids"] = DENIED

    assert newer(session)


def test_a_version_is_never_younger_than_the_secrets_last_change() -> None:
    """An emulator may give every version the time of the question."""
    session = fake(NOON + datetime.timedelta(days=9))
    session.answers["describe_secret"]["LastChangedDate"] = NOON - datetime.timedelta(days=1)

    assert not newer(session)


def test_the_wanted_snapshot_name_is_taken_when_free(session: Session) -> None:
    """The usual case."""
    assert free_snapshot_name(session, "lg-x-final-1a2b3c4d") == "lg-x-final-1a2b3c4d"


def test_a_taken_snapshot_name_gets_a_number(session: Session) -> None:
    """A second life of the same deployment must not fail at its end."""
    create(session, MasterUserPassword="not-a-secret")
    rds = session.client("rds")
    for name in ("last", "last-2"):
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="lg-x")

    assert free_snapshot_name(session, "last") == "last-3"

"""A deployment's RDS instance: the password that AWS keeps for it, and names of last snapshots."""

import datetime
from dataclasses import dataclass

from byoc_infra.aws.secrets import born_after, current_version
from byoc_infra.aws.services import oldest_task
from byoc_infra.aws.session import Session
from byoc_infra.errors import NotFound

__all__ = ["ManagedSecret", "free_snapshot_name", "managed_secret", "password_is_newer"]

ABSENT = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault"})
NO_SNAPSHOT = frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"})
MOST_NAMES = 100


@dataclass(frozen=True)
class ManagedSecret:
    """The secret in which AWS keeps the master password, without its value."""

    arn: str
    version_id: str
    created: datetime.datetime
    """When the current version was made: at creation, or at the last rotation."""


def managed_secret(session: Session, identifier: str) -> ManagedSecret:
    """The current version of the password of database `identifier`."""
    found = session.ask(
        "rds", "describe_db_instances", absent=ABSENT, DBInstanceIdentifier=identifier
    )
    instances = found.get("DBInstances") or [{}]
    arn = (instances[0].get("MasterUserSecret") or {}).get("SecretArn")
    if arn is None:
        raise NotFound(
            "database",
            wanted="a database whose password AWS manages",
            got=identifier,
            next_step="Run `byoc deployment up`.",
        )
    version, created = current_version(session, arn)
    return ManagedSecret(arn, version, created)


def password_is_newer(session: Session, identifier: str, *, cluster: str, service: str) -> bool:
    """Whether a running task of the service may have started with an earlier password."""
    oldest = oldest_task(session, cluster, service)
    if oldest is None:
        return False
    return born_after(managed_secret(session, identifier).created, oldest)


def free_snapshot_name(session: Session, wanted: str) -> str:
    """`wanted`, or `wanted-2`, … : the first name that no snapshot has."""
    for number in range(1, MOST_NAMES):
        name = wanted if number == 1 else f"{wanted}-{number}"
        found = session.ask(
            "rds", "describe_db_snapshots", absent=NO_SNAPSHOT, DBSnapshotIdentifier=name
        )
        if not found.get("DBSnapshots"):
            return name
    raise NotFound(
        "final_snapshot",
        wanted="a free snapshot name",
        got=f"{wanted} and {MOST_NAMES - 2} more, all taken",
        next_step="Delete snapshots that nobody needs.",
    )

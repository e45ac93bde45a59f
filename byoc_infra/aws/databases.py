"""A deployment's RDS instance: the password that AWS keeps for it, and names of last snapshots."""

import datetime
from dataclasses import dataclass
from typing import Any

from byoc_infra.aws.services import oldest_task
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, NotFound

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
    version, created = _current(session, arn)
    return ManagedSecret(arn, version, created)


def _current(session: Session, arn: str) -> tuple[str, datetime.datetime]:
    """The current version and its time of birth; the last rotation where that is not listed."""
    secret = session.ask("secretsmanager", "describe_secret", SecretId=arn)
    stages: dict[str, list[str]] = secret.get("VersionIdsToStages") or {}
    current = next((v for v, names in stages.items() if "AWSCURRENT" in names), "")
    try:
        for version in session.each(
            "secretsmanager", "list_secret_version_ids", "Versions", SecretId=arn
        ):
            if version["VersionId"] == current:
                # a new version is a change of the secret, so it cannot be younger than the last
                return current, min(version["CreatedDate"], _changed(secret))
    except AccessRefused:
        pass
    return current, secret.get("LastRotatedDate") or _changed(secret)


def _changed(secret: dict[str, Any]) -> datetime.datetime:
    found: datetime.datetime = secret.get("LastChangedDate") or secret["CreatedDate"]
    return found


def password_is_newer(session: Session, identifier: str, *, cluster: str, service: str) -> bool:
    """Whether a running task of the service may have started with an earlier password.

    A time in whole seconds may lie up to a second before what happened. The same second counts
    as earlier: it is the one in which a stack makes first the password and then the tasks.
    """
    oldest = oldest_task(session, cluster, service)
    if oldest is None:
        return False
    created = managed_secret(session, identifier).created
    return created > (oldest if created.microsecond else oldest.replace(microsecond=0))


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

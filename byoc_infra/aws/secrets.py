"""Secret values go inwards, once; none is ever read back, returned or logged.

The engine makes the containers. Values are written here, because whatever passes through an
engine stays in its state.
"""

import datetime
import json
import secrets
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from byoc_infra.aws.services import oldest_task
from byoc_infra.aws.session import Session, ambient
from byoc_infra.errors import AccessRefused, NotFound, SecretWithoutValue, SpecError

__all__ = [
    "born_after",
    "current_version",
    "ensure_redis_password",
    "has_value",
    "keep",
    "newer_than_tasks",
    "put_value",
    "remove",
    "require_platform_value",
    "require_value",
    "schedule_deletion",
]

ABSENT = frozenset({"ResourceNotFoundException"})
EXISTS = frozenset({"ResourceExistsException"})
VERSIONS = uuid.UUID("5b0f0ad4-6a2c-4d35-9a0e-6c3a4d0f6d11")
"""Name space of the version ids that say for which host a password was made."""
RECOVERY_DAYS = 7
"""The shortest (Secrets Manager API reference, DeleteSecret)."""
LARGEST_VALUE = 65536
"""Bytes (Secrets Manager API reference, PutSecretValue)."""


def ensure_redis_password(arn: str, host: str, *, session: Session | None = None) -> None:
    """The secret holds a random password and the address for `host`; once made, it stays.

    The version id is worked out from the host, so asking "is it there" needs no value, and a
    repeat (also one that runs at the same time) makes nothing new.
    """
    session = session or ambient(arn.split(":")[3])
    version = str(uuid.uuid5(VERSIONS, f"{arn}|{host}"))
    if version in _current(session, arn):
        return
    password = secrets.token_urlsafe(32)
    value = {"password": password, "uri": f"redis://:{password}@{host}:6379/0"}
    session.ask(
        "secretsmanager",
        "put_secret_value",
        absent=EXISTS,  # another run was first, with a password of its own
        SecretId=arn,
        SecretString=json.dumps(value),
        ClientRequestToken=version,
    )


def require_value(arn: str, name: str, *, session: Session | None = None) -> None:
    """Refuse to go on while nobody has put a value into the secret of variable `name`."""
    session = session or ambient(arn.split(":")[3])
    if not has_value(session, arn):
        raise SecretWithoutValue(
            f"secrets.{name}",
            wanted="a value in its container",
            got="none",
            next_step=f"Run `byoc secrets put {name}` with the deployment's file, then `up` again.",
        )


def require_platform_value(arn: str, name: str, *, session: Session | None = None) -> None:
    """Refuse to go on while the account's owner has not put a value into secret `name`."""
    session = session or ambient(arn.split(":")[3])
    if not has_value(session, arn):
        raise SecretWithoutValue(
            f"platform_secrets.{name}",
            wanted="a value in its container",
            got="none",
            next_step=f"The account's owner runs `byoc account secrets put {name}` with the "
            "account's file; then `up` again.",
        )


def has_value(session: Session, arn: str) -> bool:
    """Whether the secret has a current version."""
    return bool(_current(session, arn))


def current_version(session: Session, arn: str) -> tuple[str, datetime.datetime]:
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


def newer_than_tasks(
    session: Session, arns: Iterable[str], *, cluster: str, service: str
) -> tuple[str, ...]:
    """Those of the secrets whose value a running task of the service may not have yet."""
    listed = tuple(arns)
    oldest = oldest_task(session, cluster, service) if listed else None
    if oldest is None:
        return ()
    return tuple(arn for arn in listed if born_after(current_version(session, arn)[1], oldest))


def born_after(created: datetime.datetime, oldest: datetime.datetime) -> bool:
    """Whether a secret's version is younger than the oldest task.

    A time in whole seconds may lie up to a second before what happened. The same second counts
    as earlier: it is the one in which a stack makes first the secret and then the tasks.
    """
    return created > (oldest if created.microsecond else oldest.replace(microsecond=0))


def put_value(
    session: Session, arn_or_name: str, value: str, *, made_by: str = "byoc deployment up"
) -> str:
    """Make `value` the secret's current one; gives the version's id.

    `made_by` is the command that makes the container, for whoever comes too early.
    """
    if not value or len(value.encode()) > LARGEST_VALUE:
        raise SpecError(
            "value",
            wanted=f"1 to {LARGEST_VALUE} bytes",
            got=f"{len(value.encode())} bytes",
            next_step="Give another value.",
        )
    answer = session.ask(
        "secretsmanager",
        "put_secret_value",
        absent=ABSENT,
        SecretId=arn_or_name,
        SecretString=value,
    )
    if not answer:
        raise _no_container(arn_or_name, made_by)
    return str(answer["VersionId"])


def schedule_deletion(session: Session, arns: Iterable[str]) -> tuple[str, ...]:
    """Have AWS delete the secrets after their recovery window; gives those that were there."""
    going = []
    for arn in arns:
        known = session.ask("secretsmanager", "describe_secret", absent=ABSENT, SecretId=arn)
        if known and not known.get("DeletedDate"):
            session.ask(
                "secretsmanager",
                "delete_secret",
                SecretId=arn,
                RecoveryWindowInDays=RECOVERY_DAYS,
            )
        if known:
            going.append(arn)
    return tuple(going)


def keep(
    session: Session,
    name: str,
    value: str,
    *,
    token: str,
    tags: Mapping[str, str],
    policy: str,
) -> tuple[str, str]:
    """A secret of that name with that value, guarded by the policy before the value is in it.

    Gives ARN and version id. The version's id is `token`, so a repeat makes nothing new.
    """
    session.ask(
        "secretsmanager",
        "create_secret",
        absent=EXISTS,
        Name=name,
        Tags=[{"Key": key, "Value": text} for key, text in tags.items()],
    )
    session.ask(
        "secretsmanager",
        "put_resource_policy",
        SecretId=name,
        ResourcePolicy=policy,
        BlockPublicPolicy=True,
    )
    made = session.ask(
        "secretsmanager",
        "put_secret_value",
        SecretId=name,
        SecretString=value,
        ClientRequestToken=token,
    )
    return str(made["ARN"]), str(made["VersionId"])


def remove(session: Session, arn_or_name: str) -> bool:
    """Delete the secret at once and for good; false if there was none.

    It is looked for first: the role's right to delete depends on a tag of the secret, so one that
    is not there would be refused, not missed.
    """
    if not session.ask("secretsmanager", "describe_secret", absent=ABSENT, SecretId=arn_or_name):
        return False
    gone = session.ask(
        "secretsmanager",
        "delete_secret",
        absent=ABSENT,
        SecretId=arn_or_name,
        ForceDeleteWithoutRecovery=True,
    )
    return bool(gone)


def _current(session: Session, arn: str) -> list[str]:
    found = session.ask("secretsmanager", "describe_secret", absent=ABSENT, SecretId=arn)
    if not found:
        raise _no_container(arn)
    stages: dict[str, list[str]] = found.get("VersionIdsToStages") or {}
    return [version for version, names in stages.items() if "AWSCURRENT" in names]


def _no_container(name: str, made_by: str = "byoc deployment up") -> NotFound:
    return NotFound(
        "secret",
        wanted="an existing secret",
        got=name,
        next_step=f"The stack makes the container: run `{made_by}` first.",
    )

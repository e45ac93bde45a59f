"""Secret values go inwards, once; none is ever read back, returned or logged.

The engine makes the containers. Values are written here, because whatever passes through an
engine stays in its state.
"""

import json
import secrets
import uuid

from byoc_infra.aws.session import Session, ambient
from byoc_infra.errors import NotFound, SecretWithoutValue, SpecError

__all__ = ["ensure_redis_password", "has_value", "put_value", "require_value"]

ABSENT = frozenset({"ResourceNotFoundException"})
EXISTS = frozenset({"ResourceExistsException"})
VERSIONS = uuid.UUID("5b0f0ad4-6a2c-4d35-9a0e-6c3a4d0f6d11")
"""Name space of the version ids that say for which host a password was made."""
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


def has_value(session: Session, arn: str) -> bool:
    """Whether the secret has a current version."""
    return bool(_current(session, arn))


def put_value(session: Session, arn_or_name: str, value: str) -> str:
    """Make `value` the secret's current one; gives the version's id."""
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
        raise _no_container(arn_or_name)
    return str(answer["VersionId"])


def _current(session: Session, arn: str) -> list[str]:
    found = session.ask("secretsmanager", "describe_secret", absent=ABSENT, SecretId=arn)
    if not found:
        raise _no_container(arn)
    stages: dict[str, list[str]] = found.get("VersionIdsToStages") or {}
    return [version for version, names in stages.items() if "AWSCURRENT" in names]


def _no_container(name: str) -> NotFound:
    return NotFound(
        "secret",
        wanted="an existing secret",
        got=name,
        next_step="The deployment's stack makes the container: run `byoc deployment up` first.",
    )

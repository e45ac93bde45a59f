"""API keys, the tenant and its audit rows in the API."""

import datetime
import uuid
from typing import Literal

from pydantic import AwareDatetime, Field

from byoc_infra.control_plane.caller import Scope
from byoc_infra.control_plane.models._base import Answer, Asked

__all__ = ["AuditEntry", "Key", "KeyCreate", "KeyCreated", "Tenant"]


class KeyCreate(Asked):
    """A key that is asked for."""

    name: str = Field(pattern=r"^[\w .@+=,-]{1,64}$")
    """Whose it is; CloudTrail shows it as the source identity of what the key asks for."""
    scope: Scope
    """`read`, `deploy` or `admin`; each may do what the one before may."""
    expires_at: AwareDatetime | None = None
    """Never when absent."""


class Key(Answer):
    """A key as it is known afterwards."""

    id: uuid.UUID
    name: str
    prefix: str
    """How the key begins, by which it can be told from others."""
    scope: Scope
    status: Literal["usable", "expired", "revoked"]
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    last_used_at: datetime.datetime | None
    """To the minute."""
    revoked_at: datetime.datetime | None


class KeyCreated(Key):
    """The new key; `key` is shown this once."""

    key: str


class Tenant(Answer):
    """Whoever the key belongs to."""

    id: uuid.UUID
    name: str
    deployments: int
    """How many there are."""
    deployment_limit: int
    """How many there may be; the control plane's operator sets it."""
    created_at: datetime.datetime


class AuditEntry(Answer):
    """Who did what to what."""

    seq: int
    at: datetime.datetime
    actor: str
    """The id of an API key, or `operator`."""
    action: str
    object_type: str
    object_id: str
    request_id: str
    operation_id: str | None
    before_sha256: str | None
    """Of the object's row before, as canonical JSON."""
    after_sha256: str | None

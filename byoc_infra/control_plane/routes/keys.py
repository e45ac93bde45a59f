"""API keys over HTTP."""

import datetime
import uuid
from typing import Any

from fastapi import APIRouter, status

from byoc_infra.control_plane.context import Admin, Context
from byoc_infra.control_plane.models._base import Listed
from byoc_infra.control_plane.models.keys import Key, KeyCreate, KeyCreated
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.routes._pages import Limit, Offset
from byoc_infra.control_plane.store.tables import ApiKeyRow
from byoc_infra.errors import Conflict, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/keys", tags=["keys"])


@router.post("", summary="Make an API key", status_code=status.HTTP_201_CREATED)
def create_key(caller: Admin, services: Context, asked: KeyCreate) -> KeyCreated:
    """The key is in this answer and in no other."""
    row, key = services.keys.create(
        caller, name=asked.name, scope=asked.scope, expires_at=asked.expires_at
    )
    return KeyCreated(**_fields(row), key=key.get_secret_value())


@router.get("", summary="List API keys")
def list_keys(
    caller: Admin, services: Context, limit: Limit = 20, offset: Offset = 0
) -> Listed[Key]:
    """The tenant's, oldest first, revoked and expired ones too."""
    found = services.keys.of_tenant(caller, limit=limit, offset=offset)
    return Listed(resources=[Key(**_fields(one)) for one in found], offset=offset + len(found))


@router.get("/{key_id}", summary="Look at an API key", responses=documented(NotFound))
def get_key(caller: Admin, services: Context, key_id: uuid.UUID) -> Key:
    """Whose it is, what it may do, when it was last used."""
    return Key(**_fields(services.keys.get(caller, key_id)))


@router.post(
    "/{key_id}/revoke", summary="Revoke an API key", responses=documented(NotFound, Conflict)
)
def revoke_key(caller: Admin, services: Context, key_id: uuid.UUID) -> Key:
    """At once and for good; the tenant's last key of scope admin stays."""
    return Key(**_fields(services.keys.revoke(caller, key_id)))


def _fields(row: ApiKeyRow) -> dict[str, Any]:
    same = Key.model_fields.keys() - {"status"}
    return {**{name: getattr(row, name) for name in same}, "status": _status(row)}


def _status(row: ApiKeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    ended = row.expires_at is not None and row.expires_at <= datetime.datetime.now(datetime.UTC)
    return "expired" if ended else "usable"

"""Accounts as the platform's API knows them: listeners, which its own clients choose from.

Only connections that deployments can go to are listeners.
"""

import uuid
from collections.abc import Sequence
from typing import Any, NoReturn

from fastapi import APIRouter, Body

from byoc_infra.control_plane.context import Admin, Context, Read, Services
from byoc_infra.control_plane.models._base import Listed
from byoc_infra.control_plane.models.accounts import Listener, ListenerPatch
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.routes._pages import Limit, Offset
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import NotFound, Unsupported

__all__ = ["router"]

router = APIRouter(prefix="/v2/listeners", tags=["listeners"])


@router.get("", summary="List listeners")
def list_listeners(
    caller: Read, services: Context, limit: Limit = 20, offset: Offset = 0
) -> Listed[Listener]:
    """The tenant's active connections."""
    found: Sequence[AccountRow] = services.accounts.of_tenant(
        caller, limit=limit, offset=offset, status="active"
    )
    return Listed(resources=[_shown(one, services) for one in found], offset=offset + len(found))


@router.get("/{listener_id}", summary="Look at a listener", responses=documented(NotFound))
def get_listener(caller: Read, services: Context, listener_id: uuid.UUID) -> Listener:
    """A connection, whatever its status."""
    return _shown(services.accounts.get(caller, listener_id), services)


@router.patch("/{listener_id}", summary="Change a listener", responses=documented(NotFound))
def change_listener(
    caller: Admin, services: Context, listener_id: uuid.UUID, _asked: ListenerPatch
) -> Listener:
    """Takes the platform's body; its only field has a single value here, so nothing changes."""
    return _shown(services.accounts.get(caller, listener_id), services)


@router.post(
    "",
    summary="Create a listener (not supported)",
    status_code=Unsupported.http_status,
    response_model=None,
    responses=documented(Unsupported),
)
def create_listener(_caller: Admin, _asked: dict[str, Any] = Body()) -> NoReturn:  # noqa: B008
    """An account is connected by `POST /byoc/v1/accounts`."""
    raise Unsupported(
        "listener",
        wanted="a connection to an AWS account",
        got="a listener, which is a program in a Kubernetes cluster",
        next_step="Send POST /byoc/v1/accounts, or run `byoc connection create`.",
    )


@router.delete(
    "/{listener_id}",
    summary="Delete a listener (not supported)",
    status_code=Unsupported.http_status,
    response_model=None,
    responses=documented(NotFound, Unsupported),
)
def delete_listener(caller: Admin, services: Context, listener_id: uuid.UUID) -> NoReturn:
    """A connection is deleted by `DELETE /byoc/v1/accounts/{id}`."""
    account = services.accounts.get(caller, listener_id)
    raise Unsupported(
        "listener",
        wanted="the connection to be deleted as what it is",
        got=account.name,
        next_step=f"Send DELETE /byoc/v1/accounts/{account.id}.",
    )


def _shown(row: AccountRow, services: Services) -> Listener:
    return Listener(
        id=row.id,
        compute_id=row.name,
        version=services.settings.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )

"""Who did what, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from byoc_infra.control_plane.context import Admin, Context
from byoc_infra.control_plane.models._base import Listed
from byoc_infra.control_plane.models.keys import AuditEntry
from byoc_infra.control_plane.routes._pages import Limit, Offset

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/audit", tags=["audit"])


@router.get("", summary="Who did what")
def list_audit(
    caller: Admin,
    services: Context,
    limit: Limit = 20,
    offset: Offset = 0,
    object_id: Annotated[str | None, Query(max_length=64, pattern=r"^[\w-]+$")] = None,
) -> Listed[AuditEntry]:
    """The tenant's entries, newest first; of one object, if one is named."""
    with services.store.begin() as tx:
        found = tx.audit.of_tenant(
            caller.tenant_id, limit=limit, offset=offset, object_id=object_id
        )
    entries = [AuditEntry.model_validate(one) for one in found]
    return Listed(resources=entries, offset=offset + len(found))

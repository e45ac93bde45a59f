"""The caller's tenant over HTTP."""

from fastapi import APIRouter

from byoc_infra.control_plane.context import Context, Read
from byoc_infra.control_plane.models.keys import Tenant

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/tenant", tags=["tenant"])


@router.get("", summary="Look at the key's tenant")
def get_tenant(caller: Read, services: Context) -> Tenant:
    """Whose key it is, and how many deployments the tenant has and may have."""
    with services.store.begin() as tx:
        row = tx.tenants.get(caller.tenant_id)
        count = tx.deployments.count(caller.tenant_id)
    return Tenant(
        id=row.id,
        name=row.name,
        deployments=count,
        deployment_limit=row.deployment_limit,
        created_at=row.created_at,
    )

"""What a tenant may have: one number, the deployments at a time."""

import uuid

from byoc_infra.control_plane.store import Transaction
from byoc_infra.errors import QuotaReached

__all__ = ["take"]


def take(tx: Transaction, tenant_id: uuid.UUID) -> None:
    """Refuse one deployment too many; holds others of the tenant back until the transaction
    ends, so that two requests do not both take the last place.
    """
    tenant = tx.tenants.get(tenant_id, lock=True)
    count = tx.deployments.count(tenant_id)
    if count >= tenant.deployment_limit:
        raise QuotaReached(
            "deployments",
            wanted=f"fewer than {tenant.deployment_limit} deployments of this tenant",
            got=str(count),
            next_step="Delete one, or ask the control plane's operator for a higher limit.",
        )

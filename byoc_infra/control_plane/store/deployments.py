"""Deployments in the store."""

import uuid

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun, missing
from byoc_infra.control_plane.store.tables import DeploymentRow

__all__ = ["Deployments"]


class Deployments(Noun[DeploymentRow]):
    """Rows of `deployments`; a deleted one is not there for its tenant."""

    row = DeploymentRow
    what = "deployment"

    def get(self, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool = False) -> DeploymentRow:
        """One of the tenant's deployments."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def by_id(self, id_: uuid.UUID, *, lock: bool = False) -> DeploymentRow:
        """A deployment of whomever, deleted or not: for workflows, which act for all tenants."""
        found = self._session.get(DeploymentRow, id_, with_for_update=lock)
        if found is None:
            raise missing(self.what, id_)
        return found

    def gone(self, deployment: DeploymentRow) -> None:
        """It is deleted: its name is free again, and its tenant does not find it any more."""
        if deployment.deleted_at is None:
            deployment.deleted_at = sa.func.now()

    def count(self, tenant_id: uuid.UUID) -> int:
        """How many the tenant has, which its quota limits."""
        return (
            self._session.scalar(
                sa.select(sa.func.count())
                .select_from(DeploymentRow)
                .where(DeploymentRow.tenant_id == tenant_id, DeploymentRow.deleted_at.is_(None))
            )
            or 0
        )

    def _find(
        self, tenant_id: uuid.UUID, id_: uuid.UUID | str, *, lock: bool = False
    ) -> DeploymentRow | None:
        found = super()._find(tenant_id, id_, lock=lock)
        return None if found is None or found.deleted_at is not None else found

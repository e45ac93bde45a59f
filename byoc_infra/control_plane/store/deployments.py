"""Deployments in the store."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from byoc_infra.control_plane.store._base import Noun, missing
from byoc_infra.control_plane.store.tables import DeploymentRow
from byoc_infra.errors import Conflict

__all__ = ["Deployments", "Which"]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which of a tenant's deployments; None is any."""

    name: str | None = None
    name_contains: str | None = None
    status: str | None = None
    deployment_type: str | None = None
    ids: Collection[uuid.UUID] | None = None


class Deployments(Noun[DeploymentRow]):
    """Rows of `deployments`; a deleted one is not there for its tenant."""

    row = DeploymentRow
    what = "deployment"

    def add(self, row: DeploymentRow) -> DeploymentRow:
        """Insert the row; `Conflict` where its name is taken."""
        try:
            return super().add(row)
        except IntegrityError as taken:
            constraint = getattr(getattr(taken.orig, "diag", None), "constraint_name", "") or ""
            if not constraint.endswith("name_key"):
                raise
            raise name_taken(row.name) from None

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

    def page(
        self, tenant_id: uuid.UUID, which: Which, *, limit: int, offset: int
    ) -> Sequence[DeploymentRow]:
        """Some of the tenant's deployments, newest first."""
        asked = sa.select(DeploymentRow).where(
            DeploymentRow.tenant_id == tenant_id, DeploymentRow.deleted_at.is_(None)
        )
        for column, value in (
            (DeploymentRow.name, which.name),
            (DeploymentRow.status, which.status),
            (DeploymentRow.deployment_type, which.deployment_type),
        ):
            asked = asked if value is None else asked.where(column == value)
        if which.name_contains:
            asked = asked.where(DeploymentRow.name.contains(which.name_contains, autoescape=True))
        if which.ids is not None:
            asked = asked.where(DeploymentRow.id.in_(which.ids))
        asked = asked.order_by(DeploymentRow.created_at.desc(), DeploymentRow.id.desc())
        return self._session.scalars(asked.limit(limit).offset(offset)).all()

    def named(self, tenant_id: uuid.UUID, name: str) -> DeploymentRow | None:
        """The tenant's deployment of that name."""
        return self._session.scalars(
            sa.select(DeploymentRow).where(
                DeploymentRow.tenant_id == tenant_id,
                DeploymentRow.name == name,
                DeploymentRow.deleted_at.is_(None),
            )
        ).one_or_none()

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


def name_taken(name: str) -> Conflict:
    """The refusal of a name that another deployment has, or has not given up yet."""
    return Conflict(
        "name",
        wanted="a name that no deployment of the tenant has",
        got=name,
        next_step="Update that deployment, choose another name, or wait until it is deleted.",
    )

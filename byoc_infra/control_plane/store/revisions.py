"""Revisions in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import RevisionRow

__all__ = ["Revisions"]


class Revisions(Noun[RevisionRow]):
    """Rows of `revisions`."""

    row = RevisionRow
    what = "revision"

    def get(self, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool = False) -> RevisionRow:
        """One of the tenant's revisions."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def next_number(self, deployment_id: uuid.UUID) -> int:
        """The number of the deployment's next revision; hold the deployment's row locked."""
        newest = self._session.scalar(
            sa.select(sa.func.max(RevisionRow.number)).where(
                RevisionRow.deployment_id == deployment_id
            )
        )
        return (newest or 0) + 1

    def follower(self, revision: RevisionRow) -> RevisionRow | None:
        """The one that took the place of `revision`, if one has."""
        return self._session.scalars(
            sa.select(RevisionRow)
            .where(
                RevisionRow.deployment_id == revision.deployment_id,
                RevisionRow.number > revision.number,
                RevisionRow.status == "DEPLOYED",
            )
            .order_by(RevisionRow.number)
            .limit(1)
        ).one_or_none()

    def numbered(self, deployment_id: uuid.UUID, number: int) -> RevisionRow | None:
        """The deployment's revision of that number."""
        return self._session.scalars(
            sa.select(RevisionRow).where(
                RevisionRow.deployment_id == deployment_id, RevisionRow.number == number
            )
        ).one_or_none()

    def secrets_of(self, deployment_id: uuid.UUID) -> Sequence[str]:
        """The ARNs of the secrets that the deployment's revisions have their values in."""
        return self._session.scalars(
            sa.select(RevisionRow.secrets_arn)
            .where(RevisionRow.deployment_id == deployment_id, RevisionRow.secrets_arn.is_not(None))
            .distinct()
            .order_by(RevisionRow.secrets_arn)
        ).all()  # type: ignore[return-value]  # none of them is None

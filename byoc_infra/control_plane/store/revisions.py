"""Revisions in the store."""

import uuid
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun, missing
from byoc_infra.control_plane.store.tables import RevisionRow

__all__ = ["Revisions"]


class Revisions(Noun[RevisionRow]):
    """Rows of `revisions`."""

    row = RevisionRow
    what = "revision"

    def get(
        self,
        tenant_id: uuid.UUID,
        id_: uuid.UUID,
        *,
        deployment_id: uuid.UUID | None = None,
        lock: bool = False,
    ) -> RevisionRow:
        """One of the tenant's revisions, of that deployment where it is named."""
        found = self._of_tenant(tenant_id, id_, lock=lock)
        if deployment_id is not None and found.deployment_id != deployment_id:
            raise missing(self.what, id_)
        return found

    def page(
        self,
        deployment_id: uuid.UUID,
        *,
        limit: int,
        offset: int,
        statuses: Collection[str] | None = None,
    ) -> Sequence[RevisionRow]:
        """Some of the deployment's revisions, newest first."""
        asked = sa.select(RevisionRow).where(RevisionRow.deployment_id == deployment_id)
        if statuses is not None:
            asked = asked.where(RevisionRow.status.in_(statuses))
        asked = asked.order_by(RevisionRow.number.desc())
        return self._session.scalars(asked.limit(limit).offset(offset)).all()

    def by_ids(self, ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, RevisionRow]:
        """The revisions of these ids, in one query."""
        found = self._session.scalars(sa.select(RevisionRow).where(RevisionRow.id.in_(ids)))
        return {row.id: row for row in found}

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

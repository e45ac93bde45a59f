"""Leases on stacks in the store."""

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import LeaseRow

__all__ = ["Leases"]


class Leases(Noun[LeaseRow]):
    """Rows of `leases`."""

    row = LeaseRow
    what = "lease"

    def is_abandoned(self, operation_id: str, *, host: str, pid: int, for_s: float) -> bool:
        """Whether that process's lease for the operation ended a while ago and it is still the
        newest: it neither renewed nor let go.
        """
        since = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, for_s)
        found = self._session.scalars(
            sa.select(LeaseRow.stack).where(
                LeaseRow.operation_id == operation_id,
                LeaseRow.host == host,
                LeaseRow.pid == pid,
                LeaseRow.clean.is_(False),
                LeaseRow.expires_at < since,
            )
        )
        return found.first() is not None

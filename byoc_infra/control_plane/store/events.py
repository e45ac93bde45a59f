"""What happened in operations, in the store."""

from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import EventRow

__all__ = ["Events"]


class Events(Noun[EventRow]):
    """Rows of `events`."""

    row = EventRow
    what = "event"

    def after(self, operation_id: str, seq: int, *, limit: int) -> Sequence[EventRow]:
        """An operation's events that come after one, oldest first."""
        return self._session.scalars(
            sa.select(EventRow)
            .where(EventRow.operation_id == operation_id, EventRow.seq > seq)
            .order_by(EventRow.seq)
            .limit(limit)
        ).all()

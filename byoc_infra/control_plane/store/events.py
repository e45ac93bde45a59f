"""What happened in operations, in the store."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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

    def tell(self, operation_id: str, told: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Add events, each a kind and its data, in this order."""
        rows = [
            {"operation_id": operation_id, "kind": kind, "data": dict(data)} for kind, data in told
        ]
        if rows:
            self._session.execute(sa.insert(EventRow), rows)

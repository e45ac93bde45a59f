"""Worker processes in the store."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import WorkerRow

__all__ = ["Workers"]


class Workers(Noun[WorkerRow]):
    """Rows of `workers`."""

    row = WorkerRow
    what = "worker"

    def beat(self, worker: WorkerRow) -> None:
        """The worker lives: its row is there, and as young as the database's clock says."""
        told = {
            "host": worker.host,
            "pid": worker.pid,
            "process_started": worker.process_started,
            "version": worker.version,
            "heartbeat_at": sa.func.clock_timestamp(),
        }
        self._session.execute(
            insert(WorkerRow)
            .values(id=worker.id, **told)
            .on_conflict_do_update(index_elements=[WorkerRow.id], set_=told)
        )

    def all(self) -> Sequence[WorkerRow]:
        """Every worker that has told that it lives and has not been forgotten."""
        return self._session.scalars(sa.select(WorkerRow).order_by(WorkerRow.id)).all()

    def forget(self, ids: Sequence[str]) -> None:
        """They are gone, or have to tell again that they live."""
        self._session.execute(sa.delete(WorkerRow).where(WorkerRow.id.in_(ids)))

    def lead(self) -> bool:
        """Whether this transaction may act for all workers: one at a time may."""
        asked = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtext("byoc.reaper")))
        return bool(self._session.scalar(asked))

"""Worker processes in the store."""

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import WorkerRow

__all__ = ["Workers"]


class Workers(Noun[WorkerRow]):
    """Rows of `workers`."""

    row = WorkerRow
    what = "worker"

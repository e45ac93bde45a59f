"""Leases on stacks in the store."""

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import LeaseRow

__all__ = ["Leases"]


class Leases(Noun[LeaseRow]):
    """Rows of `leases`."""

    row = LeaseRow
    what = "lease"

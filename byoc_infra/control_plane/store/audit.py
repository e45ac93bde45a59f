"""Who did what, in the store."""

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import AuditRow

__all__ = ["Audit"]


class Audit(Noun[AuditRow]):
    """Rows of `audit`."""

    row = AuditRow
    what = "entry"

"""Requests that may come again, in the store."""

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import IdempotencyRow

__all__ = ["Idempotency"]


class Idempotency(Noun[IdempotencyRow]):
    """Rows of `idempotency_keys`."""

    row = IdempotencyRow
    what = "request"

"""Who did what: one row for each change, written in the transaction that makes it.

A row says which object was changed and proves what it was, by hash; what it was is not repeated.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import AuditRow, Base

__all__ = ["OPERATOR", "note", "state"]

OPERATOR = "operator"
"""The actor of a command on the server itself."""


def state(row: Base) -> dict[str, Any]:
    """The row's columns as they are now; taken before a change, for `note`."""
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def note(
    tx: Transaction,
    caller: Caller | None,
    action: str,
    row: Base,
    *,
    before: Mapping[str, Any] | None = None,
    operation_id: str | None = None,
) -> AuditRow:
    """One entry: `action` (`account.create`) has made `row` what it is.

    `before` is the row's `state` before the change, where there was one; without a caller it was
    the operator.
    """
    tx.session.flush()  # so that what the database fills in is known
    now = state(row)
    return tx.audit.add(
        AuditRow(
            tenant_id=now.get("tenant_id", now["id"]),
            actor=caller.actor if caller else OPERATOR,
            action=action,
            object_type=action.partition(".")[0],
            object_id=str(now["id"]),
            request_id=caller.request_id if caller else f"cmd-{uuid.uuid4().hex[:16]}",
            operation_id=operation_id,
            before_sha256=_sha256(before) if before is not None else None,
            after_sha256=_sha256(now),
        )
    )


def _sha256(columns: Mapping[str, Any]) -> str:
    """Of the row as canonical JSON."""
    text = json.dumps(columns, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)

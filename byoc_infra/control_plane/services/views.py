"""What a row looks like to whoever asks."""

from typing import Any

from byoc_infra.control_plane.models.logs import LogEntry
from byoc_infra.control_plane.models.operations import Event, Failure, Operation
from byoc_infra.control_plane.store.tables import EventRow, OperationRow

__all__ = ["event", "event_entry", "operation"]

LEVELS = {"FAILED": "ERROR", "WAITING": "WARNING", "AWAITING_APPROVAL": "WARNING"}


def operation(row: OperationRow) -> Operation:
    """An operation as the API shows it."""
    return Operation(
        id=row.id,
        kind=row.kind,  # type: ignore[arg-type]  # the column's own words
        status=row.status,  # type: ignore[arg-type]  # likewise
        deployment_id=row.deployment_id,
        revision_id=row.revision_id,
        attempt=row.attempt,
        requested_by=row.source_identity,
        request_id=row.request_id,
        plan=row.plan,
        approved_by=row.approved_by,
        cancel_requested_at=row.cancel_requested_at,
        result=row.result,
        failure=failure(row.failure),
        created_at=row.created_at,
        updated_at=row.updated_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def failure(fields: dict[str, Any] | None) -> Failure | None:
    """An error's fields, as they were recorded."""
    return None if fields is None else Failure.model_validate(fields)


def event(row: EventRow) -> Event:
    """An event as the API shows it."""
    return Event(
        seq=row.seq, operation_id=row.operation_id, at=row.at, kind=row.kind, data=row.data
    )


def event_entry(row: EventRow) -> LogEntry | None:
    """An event as a line in the platform's form of logs; none where it has no words."""
    words = _words(row.kind, row.data)
    if not words:
        return None
    level = LEVELS.get(str(row.data.get("status") or ""), "INFO")
    return LogEntry(id=str(row.seq), timestamp=row.at, level=level, message=words)


def _words(kind: str, data: dict[str, Any]) -> str:
    if kind == "status":
        why = data.get("failure") or {}
        told = (data.get("status"), data.get("message") or why.get("got"), why.get("next_step"))
        return ": ".join(str(one) for one in told if one)
    if text := data.get("message") or data.get("text"):
        return str(text)
    return " ".join(str(data[key]) for key in ("op", "type", "name") if data.get(key))

"""Operations over HTTP: what is being done, live, and what one may decide about it."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from byoc_infra.control_plane.context import Context, Deploy, Read
from byoc_infra.control_plane.models._base import Listed
from byoc_infra.control_plane.models.operations import (
    FailureNow,
    Operation,
    OperationKind,
    OperationStatus,
)
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.services import views
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.errors import Conflict, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/operations", tags=["operations"])

POLL_S = 0.5
LONGEST_S = 900.0
"""After which a stream ends: a client goes on with Last-Event-ID, and its key is checked anew."""
AT_ONCE = 200

OperationId = Annotated[
    str, Path(pattern=r"^op-[0-9a-f]{16}$", description="`op-` and 16 hex digits.")
]


@router.get("", summary="List operations, newest first")
def list_operations(
    caller: Read,
    services: Context,
    *,
    deployment_id: uuid.UUID | None = None,
    kind: OperationKind | None = None,
    status: Annotated[list[OperationStatus], Query(max_length=8)] = [],  # noqa: B006 - never changed
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Listed[Operation]:
    rows = services.operations.page(
        caller, limit=limit, offset=offset, deployment_id=deployment_id, kind=kind, status=status
    )
    return Listed[Operation](
        resources=[views.operation(row) for row in rows], offset=offset + len(rows)
    )


@router.get("/{operation_id}", summary="Get an operation", responses=documented(NotFound))
def get_operation(caller: Read, services: Context, operation_id: OperationId) -> Operation:
    return views.operation(services.operations.get(caller, operation_id))


def _of_caller(caller: Read, services: Context, operation_id: OperationId) -> OperationRow:
    return services.operations.get(caller, operation_id)


@router.get(
    "/{operation_id}/events",
    summary="Follow an operation's events",
    description="Server-sent events, from the first or from behind `Last-Event-ID`, until the "
    "operation has ended: then an event `end` tells its status. A stream ends after 15 minutes in "
    "any case; go on with the last id.",
    response_class=EventSourceResponse,
    responses=documented(NotFound),
)
async def follow_events(
    services: Context,
    operation: Annotated[OperationRow, Depends(_of_caller)],
    last_event_id: Annotated[int, Header(ge=0, le=2**63 - 1)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    seq, ends = last_event_id, time.monotonic() + LONGEST_S
    while time.monotonic() < ends:
        row, events = await run_in_threadpool(
            services.operations.events, operation.id, seq, limit=AT_ONCE
        )
        for event in events:
            seq = event.seq
            yield ServerSentEvent(
                data=views.event(event).model_dump(mode="json"), event=event.kind, id=str(seq)
            )
        if len(events) == AT_ONCE:
            continue
        if row.finished_at is not None:
            yield ServerSentEvent(
                data=views.operation(row).model_dump(mode="json"), event="end", id=str(seq)
            )
            return
        await asyncio.sleep(POLL_S)


@router.get(
    "/{operation_id}/failure",
    summary="Say why an operation failed",
    description="What was recorded, and what the account still knows at this moment: the tasks "
    "that ended, and their last lines, which are fetched for this answer and not kept.",
    responses=documented(NotFound),
)
def get_failure(caller: Read, services: Context, operation_id: OperationId) -> FailureNow:
    return services.failures.now(caller, operation_id)


@router.post(
    "/{operation_id}/cancel",
    summary="Cancel an operation",
    description="One that nobody works on ends at once; a running one ends when what is in flight "
    "is done, and what ran before goes on serving.",
    responses=documented(NotFound, Conflict),
)
def cancel_operation(caller: Deploy, services: Context, operation_id: OperationId) -> Operation:
    return views.operation(services.operations.cancel(caller, operation_id))


@router.post(
    "/{operation_id}/approve",
    summary="Approve what an operation's plan would replace or delete",
    responses=documented(NotFound, Conflict),
)
def approve_operation(caller: Deploy, services: Context, operation_id: OperationId) -> Operation:
    return views.operation(services.operations.approve(caller, operation_id))


@router.post(
    "/{operation_id}/reject",
    summary="Reject an operation's plan",
    responses=documented(NotFound, Conflict),
)
def reject_operation(caller: Deploy, services: Context, operation_id: OperationId) -> Operation:
    return views.operation(services.operations.reject(caller, operation_id))

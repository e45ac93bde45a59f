"""The queue of operations: one at a time for a stack, a few at a time on a worker.

An operation is enqueued in the transaction that writes its row, so that there is never one
without the other.
"""

import uuid
from typing import Protocol

from dbos import DBOSClient, EnqueueOptions

from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import OperationRow

__all__ = [
    "APPLICATION",
    "OPERATE",
    "STACKS",
    "Enqueues",
    "Queue",
    "attempt_of",
    "workflow_id",
]

APPLICATION = "byoc"
"""DBOS's name of this application."""
STACKS = "stacks"
"""The queue, partitioned by deployment: each partition runs one operation at a time."""
OPERATE = "operate"
"""The workflow, which takes an operation's id."""
AGAIN, FIRST = 1, 2
"""Priorities: what had begun comes before what was asked for later."""


class Enqueues(Protocol):
    """Whoever can put an operation into the queue."""

    def enqueue(
        self, tx: Transaction, operation_id: str, *, deployment_id: uuid.UUID, attempt: int
    ) -> None:
        """Once the transaction commits, a worker takes the operation up."""


class Queue:
    """The queue as those see it who put something in."""

    def __init__(self, url: str) -> None:
        """`url` is the store's; DBOS's tables are in the same database."""
        self._client = DBOSClient(system_database_url=url, application_name=APPLICATION, lazy=True)

    def enqueue(
        self,
        tx: Transaction,
        operation_id: str,
        *,
        deployment_id: uuid.UUID,
        attempt: int,
        retries: int = 0,
        delay_s: float = 0.0,
    ) -> None:
        """Once the transaction commits, a worker takes the operation up.

        The same attempt enqueued again changes nothing. `retries` counts how often the operation
        has ended with an error that may pass; `delay_s` is the least time until it runs.
        """
        options: EnqueueOptions = {
            "workflow_name": OPERATE,
            "queue_name": STACKS,
            "workflow_id": workflow_id(operation_id, attempt),
            "queue_partition_key": str(deployment_id),
            "priority": FIRST if attempt == 1 else AGAIN,
        }
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        self._client.enqueue_in_transaction(tx.session, options, operation_id, retries)

    def again(
        self,
        tx: Transaction,
        operation: OperationRow,
        *,
        retries: int = 0,
        delay_s: float = 0.0,
    ) -> None:
        """A new attempt at an operation whose row the caller has locked; the attempt before it
        has no say any more.
        """
        operation.attempt += 1
        operation.status = "QUEUED"
        self.enqueue(
            tx,
            operation.id,
            deployment_id=operation.deployment_id,
            attempt=operation.attempt,
            retries=retries,
            delay_s=delay_s,
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.destroy()


def workflow_id(operation_id: str, attempt: int) -> str:
    """What one attempt at an operation is called in DBOS."""
    return f"{operation_id}.{attempt}"


def attempt_of(workflow: str) -> tuple[str, int]:
    """The operation and the attempt that a workflow's id says."""
    operation_id, _, attempt = workflow.rpartition(".")
    return operation_id, int(attempt)

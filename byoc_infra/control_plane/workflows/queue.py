"""The queue of operations: one at a time for a stack, a few at a time on a worker.

An operation is enqueued in the transaction that writes its row, so that there is never one
without the other.
"""

import uuid
from typing import Protocol

from dbos import DBOSClient

from byoc_infra.control_plane.store import Transaction

__all__ = ["APPLICATION", "OPERATE", "STACKS", "Enqueues", "Queue", "workflow_id"]

APPLICATION = "byoc"
"""DBOS's name of this application."""
STACKS = "stacks"
"""The queue, partitioned by deployment: each partition runs one operation at a time."""
OPERATE = "operate"
"""The workflow, which takes an operation's id."""


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
        self, tx: Transaction, operation_id: str, *, deployment_id: uuid.UUID, attempt: int
    ) -> None:
        """Once the transaction commits, a worker takes the operation up."""
        self._client.enqueue_in_transaction(
            tx.session,
            {
                "workflow_name": OPERATE,
                "queue_name": STACKS,
                "workflow_id": workflow_id(operation_id, attempt),
                "queue_partition_key": str(deployment_id),
            },
            operation_id,
        )

    def close(self) -> None:
        """Close its connections."""
        self._client.destroy()


def workflow_id(operation_id: str, attempt: int) -> str:
    """What one attempt at an operation is called in DBOS."""
    return f"{operation_id}.{attempt}"

"""The workflow of an operation: begin, apply, finish.

Each step may run again after its process was killed, so each first looks at what the row says. An
attempt that is not the row's newest has no say: a worker that was thought dead and wakes up
changes nothing.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import tenacity
from dbos import DBOS

from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.control_plane.workflows import statuses
from byoc_infra.control_plane.workflows.outcome import Ended
from byoc_infra.control_plane.workflows.queue import OPERATE, Queue, attempt_of
from byoc_infra.errors import SupervisorDied

__all__ = ["Operate", "Retries", "Runs", "register"]

T = TypeVar("T")
OUTAGE_PAUSE_S = 5.0
"""The longest time between two tries while the database is away."""

log = logging.getLogger(__name__)


class Runs(Protocol):
    """Whatever has an operation done: the lanes."""

    def run(self, operation: str, attempt: int) -> Ended:
        """Do it, and say how it ended."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often and when an operation is tried again that ended with an error which may pass."""

    first_s: float = 5.0
    longest_s: float = 300.0
    attempts: int = 8

    def pause_s(self, retries: int) -> float | None:
        """How long to wait before the next try after `retries` of them, or None: it has failed."""
        if retries + 1 >= self.attempts:
            return None
        return min(self.first_s * 2.0**retries, self.longest_s)


@dataclass(frozen=True, kw_only=True)
class Operate:
    """What the workflow's steps do."""

    store: Store
    queue: Queue
    lanes: Runs
    retries: Retries = Retries()
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the worker ends: nothing is waited for any more."""
    running: set[str] = field(default_factory=set)
    """The workflows that this process really runs."""

    @contextmanager
    def seen(self, workflow: str) -> Iterator[None]:
        """Within the block this process really runs the workflow."""
        self.running.add(workflow)
        try:
            yield
        finally:
            self.running.discard(workflow)

    def begin(self, operation_id: str, attempt: int) -> Literal["RUN", "OVER"]:
        """Say that it runs, unless it is not to run any more."""
        return self._patiently(lambda: self._begin(operation_id, attempt))

    def apply(self, operation_id: str, attempt: int) -> Ended:
        """Have a supervisor do it, and come back when the database can be told how it ended: DBOS
        does not wait for one that is away, and all of it would be done once more.
        """
        ended = self._run(operation_id, attempt)
        self._patiently(lambda: self._look(operation_id))
        return ended

    def _run(self, operation_id: str, attempt: int) -> Ended:
        try:
            return self.lanes.run(operation_id, attempt)
        except OSError as error:
            log.exception("no supervisor for %s", operation_id)
            died = SupervisorDied(
                operation_id,
                wanted="a supervisor process",
                got=f"none: {os.strerror(error.errno or 0)}",
                next_step="It is tried again; see to the worker's memory and process limits.",
            )
            return Ended("RETRY", died.as_dict())

    def finish(self, operation_id: str, attempt: int, retries: int, ended: Ended) -> str:
        """Write down how it ended, and what comes next; the status that it has then."""
        return self._patiently(lambda: self._finish(operation_id, attempt, retries, ended))

    def _look(self, operation_id: str) -> None:
        with self.store.begin() as tx:
            tx.operations.by_id(operation_id)

    def _begin(self, operation_id: str, attempt: int) -> Literal["RUN", "OVER"]:
        with self.store.begin() as tx:
            operation = _mine(tx, operation_id, attempt)
            if operation is None:
                return "OVER"
            if operation.cancel_requested_at is not None:
                statuses.end(tx, operation, "CANCELLED")
                return "OVER"
            if operation.kind == "deploy" and tx.operations.is_superseded(operation):
                statuses.end(tx, operation, "SKIPPED")
                return "OVER"
            statuses.begin(tx, operation)
            return "RUN"

    def _finish(self, operation_id: str, attempt: int, retries: int, ended: Ended) -> str:
        with self.store.begin() as tx:
            operation = _mine(tx, operation_id, attempt)
            if operation is None:
                return "OVER"
            match ended.ended:
                case "WAITING":
                    statuses.wait_for_account(tx, operation, ended.error)
                case "AWAITING_APPROVAL":
                    statuses.wait_for_approval(tx, operation)
                case "HANDED_ON":
                    self.queue.again(tx, operation, retries=retries)
                    statuses.tell(tx, operation)
                case "RETRY":
                    self._retry(tx, operation, retries, ended)
                case terminal:
                    statuses.end(tx, operation, terminal, ended.error)
            return operation.status

    def _retry(self, tx: Transaction, operation: OperationRow, retries: int, ended: Ended) -> None:
        if ended.after_s is not None:
            self.queue.again(tx, operation, retries=retries, delay_s=ended.after_s)
            statuses.tell(tx, operation, retry_in_s=ended.after_s)
            return
        pause_s = self.retries.pause_s(retries)
        if pause_s is None:
            statuses.end(tx, operation, "FAILED", ended.error)
            return
        operation.failure = ended.error
        self.queue.again(tx, operation, retries=retries + 1, delay_s=pause_s)
        statuses.tell(tx, operation, retry_in_s=pause_s)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Try again while the database is away: nobody else may end the operation meanwhile."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_outage),
            wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=OUTAGE_PAUSE_S),
            stop=tenacity.stop_when_event_set(self.stopping),
            reraise=True,
        )(work)


def register(steps: Operate) -> None:
    """Make the workflow known to DBOS, which has one instance a process."""

    @DBOS.workflow(name=OPERATE, max_recovery_attempts=None)
    def operate(operation_id: str, retries: int = 0) -> str:
        workflow = DBOS.workflow_id or ""
        attempt = attempt_of(workflow)[1]
        with steps.seen(workflow):
            begun = _step("begin", lambda: steps.begin(operation_id, attempt))
            if begun == "OVER":
                return begun
            ended = _step("apply", lambda: steps.apply(operation_id, attempt))
            return _step("finish", lambda: steps.finish(operation_id, attempt, retries, ended))


def _step(name: str, work: Callable[[], T]) -> T:
    """A step of the workflow. DBOS keeps what it raises: that has no words of the database's."""

    def plainly() -> T:
        try:
            return work()
        except Exception as error:
            log.exception("step %s of %s", name, DBOS.workflow_id)
            raise RuntimeError(
                f"{name}: {type(error).__name__}; the worker's log has more"
            ) from None

    return DBOS.run_step({"name": name}, plainly)


def _mine(tx: Transaction, operation_id: str, attempt: int) -> OperationRow | None:
    operation = tx.operations.by_id(operation_id, lock=True)
    if operation is None or operation.finished_at is not None or operation.attempt != attempt:
        return None
    return operation

"""The reaper: takes up what dead workers, other versions and closed accounts have left lying.

Every worker has one. DBOS brings back only what a process of the same name and version had
begun; here, whatever no living worker can go on with is enqueued as the operation's next attempt.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dbos import DBOS, WorkflowStatus

from byoc_infra.control_plane.processes import ProcessId
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow, OperationRow, WorkerRow
from byoc_infra.control_plane.workflows import statuses
from byoc_infra.control_plane.workflows.queue import OPERATE, Queue, attempt_of, workflow_id
from byoc_infra.errors import AccessRefused, ByocError, ServerFailed

__all__ = ["Patience", "Reaper"]

BATCH = 500
ATTEMPTS_AT_MOST = 50
"""Of one operation that ends again and again without a result: then it has failed."""
ACTIVE = ("PENDING", "ENQUEUED", "DELAYED")

log = logging.getLogger(__name__)

Probe = Callable[[AccountRow], None]
"""Assumes the account's role; raises what stands in the way."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the reaper waits before it acts."""

    silent_s: float = 30.0
    """A worker that has not told for so long that it lives is taken for dead."""
    untouched_s: float = 20.0
    """An operation in whose row nothing has happened for so long is looked at."""
    probe_soonest_s: float = 15.0
    probe_latest_s: float = 600.0
    """Between two tries of a disconnected account's role."""


@dataclass(kw_only=True)
class Reaper:
    """One worker's part in it."""

    store: Store
    queue: Queue
    probe: Probe
    executor_id: str
    version: str
    running: set[str]
    """The workflows that this process really runs."""
    patience: Patience = Patience()
    clock_s: Callable[[], float] = time.monotonic
    _heard: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    """Each worker's last heartbeat, and when it came by this process's clock."""
    _missed: set[str] = field(default_factory=set)

    def reap(self) -> None:
        """One round."""
        try:
            self._take_up(self._claimed_and_lost())
            with self.store.begin() as leading:  # holds the reapers' lock and nothing else
                silent = self._silent(leading.workers.all())
                if leading.workers.lead():
                    living = self._bury(silent)
                    self._promote(living)
                    self._take_up(self._left_behind(living))
                    self._take_up_untold()
        except Exception:
            self._heard.clear()  # while the database is away no worker can tell that it lives
            raise

    def _silent(self, known: Sequence[WorkerRow]) -> set[str]:
        """Workers that have not told for long that they live.

        Not by the age of what they told last: after an outage all of it is old.
        """
        now = self.clock_s()
        told = {worker.id: (worker.heartbeat_at, now) for worker in known}
        for id_, (heartbeat, _) in told.items():
            if (before := self._heard.get(id_)) is not None and before[0] == heartbeat:
                told[id_] = before
        self._heard = told
        return {id_ for id_, (_, since) in told.items() if now - since > self.patience.silent_s}

    def _bury(self, silent: set[str]) -> Sequence[WorkerRow]:
        """Forget dead workers; the living ones."""
        with self.store.begin() as tx:
            known = tx.workers.all()
            gone = {w.id for w in known if ProcessId(w.host, w.pid, w.process_started).is_gone}
            dead = gone | silent
            for worker_id in sorted(dead):
                log.warning("worker %s is gone", worker_id)
            tx.workers.forget(sorted(dead))
        return [worker for worker in known if worker.id not in dead]

    def _promote(self, living: Sequence[WorkerRow]) -> None:
        """Only workers of the newest version take what was enqueued. Where none of it lives, as
        after going back to an older release, this worker's version is to be the newest.
        """
        newest = DBOS.get_latest_application_version()["version_name"]
        if newest != self.version and newest not in {worker.version for worker in living}:
            log.warning("no worker of version %s lives: %s takes over", newest, self.version)
            DBOS.set_latest_application_version(self.version)

    def _left_behind(self, living: Sequence[WorkerRow]) -> list[WorkflowStatus]:
        """Workflows that a dead worker ran, or that only workers of a dead version could run."""
        executors = {worker.id for worker in living}
        versions = {worker.version for worker in living}
        begun = [w for w in _workflows(["PENDING"]) if w.executor_id not in executors]
        known = {version["version_name"] for version in DBOS.list_application_versions()}
        if not known - versions:
            return begun
        return begun + _workflows(["ENQUEUED", "DELAYED"], app_version=sorted(known - versions))

    def _claimed_and_lost(self) -> list[WorkflowStatus]:
        """Workflows that this process has taken from the queue and, since the database's answer
        was lost, does not run: twice seen so, because between claim and start there is a moment.
        """
        claimed = _workflows(["PENDING"], executor_id=self.executor_id)
        idle = {w.workflow_id: w for w in claimed if w.workflow_id not in self.running}
        lost = [workflow for id_, workflow in idle.items() if id_ in self._missed]
        self._missed = set(idle)
        return lost

    def _take_up(self, workflows: Sequence[WorkflowStatus]) -> None:
        """Enqueue the next attempt, then cancel the one before: until then it keeps others out of
        its stack's turn. Killed in between, the next round only cancels.
        """
        for workflow in workflows:
            self._next_attempt(*attempt_of(workflow.workflow_id))
            DBOS.cancel_workflow(workflow.workflow_id)

    def _take_up_untold(self) -> None:
        """Operations that ought to run and have no workflow that could bring them to an end."""
        after = ""
        while True:
            with self.store.begin() as tx:
                found = tx.operations.untouched(
                    for_s=self.patience.untouched_s, after=after, limit=BATCH
                )
            if not found:
                return
            after = found[-1].id
            attempts = {workflow_id(o.id, o.attempt): o for o in found}
            for active in _workflows(list(ACTIVE), workflow_ids=list(attempts)):
                del attempts[active.workflow_id]
            for operation in attempts.values():
                self._next_attempt(operation.id, operation.attempt)

    def _next_attempt(self, operation_id: str, attempt: int) -> None:
        with self.store.begin() as tx:
            operation = tx.operations.by_id(operation_id, lock=True)
            if operation is not None and _is_attempted(operation, attempt):
                self._again(tx, operation)

    def _again(self, tx: Transaction, operation: OperationRow) -> None:
        log.warning("attempt %d at %s ended without a result", operation.attempt, operation.id)
        if operation.attempt < ATTEMPTS_AT_MOST:
            self.queue.again(tx, operation)
            statuses.tell(tx, operation)
            return
        error = ServerFailed(
            operation.id,
            wanted="an attempt that ends with a result",
            got=f"{operation.attempt} that did not",
            next_step="Read the workers' log, then ask for it again.",
        )
        statuses.end(tx, operation, "FAILED", error.as_dict())

    def reconnect(self) -> None:
        """Try disconnected accounts' roles, now and then; go on where one lets us in.

        It asks AWS, which may take long to answer: nothing else waits for it.
        """
        with self.store.begin() as tx:
            back = list(tx.accounts.with_waiting())
            claimed = tx.accounts.claim_to_probe(
                soonest_s=self.patience.probe_soonest_s, latest_s=self.patience.probe_latest_s
            )
        back += [account for account in claimed if self._lets_us_in(account)]
        for account in back:
            self._go_on(account)

    def _lets_us_in(self, account: AccountRow) -> bool:
        refusal: ByocError | None = None
        try:
            self.probe(account)
        except ByocError as refused:
            refusal = refused
        with self.store.begin() as tx:
            row = tx.accounts.get(account.tenant_id, account.id, lock=True)
            if row.status != "disconnected":
                return row.status == "active"
            if refusal is None:
                log.info("account %s is back", row.id)
                tx.accounts.reconnect(row)
            elif isinstance(refusal, AccessRefused):
                row.status_message = refusal.got
        return refusal is None

    def _go_on(self, account: AccountRow) -> None:
        with self.store.begin() as tx:
            for operation in tx.operations.waiting_for(account.id):
                self.queue.again(tx, operation)
                statuses.tell(tx, operation)


def _is_attempted(operation: OperationRow, attempt: int) -> bool:
    return (
        operation.finished_at is None
        and operation.attempt == attempt
        and operation.status in ("QUEUED", "RUNNING")
    )


def _workflows(
    status: list[str],
    *,
    executor_id: str | None = None,
    app_version: list[str] | None = None,
    workflow_ids: list[str] | None = None,
) -> list[WorkflowStatus]:
    """Without what went in and came out, which nobody needs here."""
    return DBOS.list_workflows(
        name=OPERATE,
        status=status,
        executor_id=executor_id,
        app_version=app_version,
        workflow_ids=workflow_ids,
        load_input=False,
        load_output=False,
    )

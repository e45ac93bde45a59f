"""One operation from its id to how it ended: load, lease, flow, result."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from byoc_infra.control_plane.processes import this_process
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.leases import Seen
from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.control_plane.supervisor import rows, takeover
from byoc_infra.control_plane.supervisor.keeper import Keeper
from byoc_infra.control_plane.supervisor.kinds import KINDS
from byoc_infra.control_plane.supervisor.lease import (
    Lease,
    StillHeld,
    StoreShelf,
    acquire,
    lost,
)
from byoc_infra.control_plane.supervisor.reins import Reins
from byoc_infra.control_plane.supervisor.telling import Teller
from byoc_infra.control_plane.supervisor.witness import Witness
from byoc_infra.engine import Engine
from byoc_infra.errors import (
    AccessRefused,
    ApprovalNeeded,
    ByocError,
    Cancelled,
    DeadlineExceeded,
    EngineFailed,
)
from byoc_infra.flows import reading
from byoc_infra.flows.work import Work
from byoc_infra.redaction import scrub

__all__ = ["Answer", "Conductor"]

Ending = Literal["SUCCEEDED", "FAILED", "CANCELLED", "WAITING", "AWAITING_APPROVAL", "RETRY"]
WRITE_PAUSE_S = 1.0
PATIENCE = 1.5
"""Of the lease: how long a stack that somebody has is waited for here, where others wait too."""
MAY_BE_LOCKED_OUT = (AccessRefused, EngineFailed)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How an operation ended here."""

    ended: Ending
    error: Mapping[str, Any] | None = None
    after_s: float | None = None
    """Try it again in so long, as often as needed: nothing has failed."""


@dataclass(kw_only=True)
class Conductor:
    """Conducts operations, one after the other."""

    store: Store
    engine: Engine
    settings: Settings
    env: Mapping[str, str] = field(repr=False)
    closing: bool = False
    """Nobody listens any more: what runs is to stop, and nothing is begun."""
    _reins: Reins | None = None

    def close(self) -> None:
        """Stop what runs: what is in flight may finish."""
        self.closing = True
        if self._reins is not None:
            self._reins.pull("closing")

    def conduct(self, operation_id: str, attempt: int) -> Answer:
        """Do the operation; never raises."""
        try:
            return self._conduct(operation_id, attempt)
        except ByocError as error:
            return _answer(error)
        except StillHeld as held:
            said = _scrubbed(held.error().as_dict())
            return Answer(ended="RETRY", error=said, after_s=held.after_s)
        except Exception as error:
            if is_outage(error):
                log.warning("%s: %s", operation_id, type(error).__name__)
                return _answer(lost(operation_id))
            log.exception("%s", operation_id)
            return Answer(ended="FAILED", error=_unexpected(error))

    def _conduct(self, operation_id: str, attempt: int) -> Answer:
        task = rows.load(self.store, operation_id, session_s=self.settings.session_s)
        _proven(task)
        stack = str(task.operation.deployment_id)
        self._reins = reins = Reins(self.engine, stack)
        if self.closing:
            reins.pull("closing")
        reins.check()
        lease = acquire(
            StoreShelf(self.store),
            stack,
            operation_id=operation_id,
            me=this_process(),
            lease_s=self.settings.lease_s,
            pause=self._waits(operation_id, reins),
            end=takeover.end,
            waiting=lambda seen: self._say_whom(operation_id, seen),
            patience_s=self.settings.lease_s * PATIENCE,
        )
        # As it is now that nobody else can change it.
        task = rows.load(self.store, operation_id, session_s=self.settings.session_s)
        operation = task.operation
        if operation.attempt != attempt or operation.finished_at is not None:
            lease.give_back(clean=not lease.unclean)
            raise lost(stack)
        if operation.result is not None:  # done by one who could not say so any more
            lease.give_back(clean=not lease.unclean)
            return Answer(ended="SUCCEEDED")
        return self._hold(task, lease, reins)

    def _hold(self, task: rows.Task, lease: Lease, reins: Reins) -> Answer:
        """The flow, with the lease kept around it and given back after it."""
        operation_id = task.operation.id
        teller = Teller(self.store, operation_id, stack=lease.stack, token=lease.token)
        witness = Witness(task, lease, reins, teller)
        with Keeper(lease, reins, cancelled=lambda: self._cancelled(operation_id)):
            try:
                with teller:
                    return self._run(task, lease, witness)
            except Exception as error:
                failure = reins.error() or error
                if not isinstance(failure, ByocError):
                    raise
                return self._judge(task, lease, witness, failure)
            finally:
                self._give_back(lease, witness)

    def _run(self, task: rows.Task, lease: Lease, witness: Witness) -> Answer:
        work = Work(
            engine=self.engine,
            env=self.env,
            report=witness.said,
            overseer=witness,
            operation=task.operation.id,
            deadline_s=self.settings.deadline_s,
            health_deadline_s=self.settings.health_deadline_s,
        )
        found = KINDS[task.operation.kind](task, work)
        self._write(task, lease, **found)
        return Answer(ended="SUCCEEDED")

    def _judge(self, task: rows.Task, lease: Lease, witness: Witness, error: ByocError) -> Answer:
        if isinstance(error, ApprovalNeeded):
            self._write(task, lease, plan=witness.plan)
        if isinstance(error, MAY_BE_LOCKED_OUT) and (refused := self._locked_out(task)):
            return _answer(refused)
        return _answer(error)

    def _locked_out(self, task: rows.Task) -> AccessRefused | None:
        """What the role says now: one that was taken away shows in many ways in mid-run."""
        if task.spec is None:
            return None
        try:
            reading.reach(task.spec, task.access, self.env).close()
        except AccessRefused as refused:
            return refused
        except ByocError:
            return None
        return None

    def _write(self, task: rows.Task, lease: Lease, **found: object) -> None:
        """Write under the lease; while the database is away as long as the lease lasts."""
        until = time.monotonic() + self.settings.lease_s
        while True:
            try:
                rows.write(self.store, lease, task.operation.id, **found)
            except Exception as away:
                if not is_outage(away) or time.monotonic() >= until:
                    raise
                time.sleep(WRITE_PAUSE_S)
            else:
                return

    def _give_back(self, lease: Lease, witness: Witness) -> None:
        stack = witness.stack
        clean = not lease.unclean if stack is None else self.engine.settled(stack)
        try:
            lease.give_back(clean=clean)
        except Exception as away:
            if not is_outage(away):
                raise
            log.warning("lease of %s: %s; it runs out by itself", lease.stack, type(away).__name__)

    def _cancelled(self, operation_id: str) -> bool:
        with self.store.begin() as tx:
            operation = tx.operations.by_id(operation_id)
            return operation is not None and operation.cancel_requested_at is not None

    def _say_whom(self, operation_id: str, seen: Seen) -> None:
        log.info("%s waits for %s on %s", operation_id, seen.operation_id, seen.host)
        said = f"Waiting until {seen.operation_id} lets go of the stack"
        with self.store.begin() as tx:
            tx.events.tell(operation_id, [("progress", {"message": said})])

    def _waits(self, operation_id: str, reins: Reins) -> Callable[[float], None]:
        def pause(seconds: float) -> None:
            reins.pause(seconds)
            if self._cancelled(operation_id):
                reins.pull("cancelled")

        return pause


def _proven(task: rows.Task) -> None:
    """A connection that was ended, or has lost its proof, is not used: the operation waits."""
    if task.connection not in ("active", "disconnected"):
        raise AccessRefused(
            "role_arn",
            wanted="a connection that is active",
            got=f"one that is {task.connection}",
            next_step="Activate the connection again; the operation goes on by itself.",
        )


def _answer(error: ByocError) -> Answer:
    return Answer(ended=_ending(error), error=_scrubbed(error.as_dict()))


def _ending(error: ByocError) -> Ending:
    if isinstance(error, ApprovalNeeded):
        return "AWAITING_APPROVAL"
    if isinstance(error, Cancelled):
        return "CANCELLED"
    if isinstance(error, AccessRefused) and error.field == "role_arn":
        return "WAITING"
    # What did not come in its time is not asked for again: each try would take as long.
    if error.retryable and not isinstance(error, DeadlineExceeded):
        return "RETRY"
    return "FAILED"


def _scrubbed(error: Mapping[str, object]) -> dict[str, object]:
    return {k: scrub(v).replace("\0", "") if isinstance(v, str) else v for k, v in error.items()}


def _unexpected(error: Exception) -> dict[str, object]:
    """An error that nobody thought of: its kind, and not its words, which may hold anything."""
    return {
        "code": "INTERNAL",
        "field": "operation",
        "wanted": "a run without errors",
        "got": type(error).__name__,
        "next_step": "Look into the worker's log under the operation's id.",
        "retryable": False,
    }

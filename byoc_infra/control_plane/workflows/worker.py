"""A worker: a process that takes operations from the queue and has them done.

Any number of them work on one database; DBOS shares the queue out. Killed at any moment, a
worker's operations are taken up by the others, or by itself when it is started again.
"""

import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from dbos import DBOS, DBOSConfig

from byoc_infra.control_plane.processes import this_host, this_process
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.control_plane.store.tables import AccountRow, WorkerRow
from byoc_infra.control_plane.workflows import schema
from byoc_infra.control_plane.workflows.lanes import SUPERVISOR, Lanes
from byoc_infra.control_plane.workflows.operate import Operate, Retries, register
from byoc_infra.control_plane.workflows.queue import APPLICATION, STACKS, Queue
from byoc_infra.control_plane.workflows.reaper import Patience, Reaper
from byoc_infra.errors import SpecError
from byoc_infra.spec import AccessSpec

__all__ = ["Tuning", "run"]

BEATS_IN_A_LEASE = 12
ROUND_S = 2.0
"""At least, between two looks at what others have left behind: each is some ten queries."""
PROBER = "byoc-reaper"
"""In the customer's CloudTrail: who tries a role that has refused us."""
SESSION_S = 900
"""The shortest session that STS gives."""
DBOS_CONNECTIONS = 8
DBOS_THREADS = "dbos-executor"
DBOS_ENDS_S = 15.0
"""For its own threads."""
HAND_ON_S = 10.0
"""For writing down that an operation is handed on, once its supervisor's input has ended."""
LOOK_S = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What only tests and benchmarks set otherwise."""

    command: Sequence[str] = SUPERVISOR
    """How a supervisor is started."""
    retries: Retries = field(default_factory=Retries)
    patience: Patience | None = None
    """By default worked out from the lease."""
    poll_s: float = 0.5
    """How often the queue is looked at; each look is some milliseconds of work for nothing."""
    drain_s: float = 10.0
    """How long operations may go on by themselves once the worker is asked to end."""


def run(
    settings: Settings, *, env: Mapping[str, str] | None = None, tuning: Tuning | None = None
) -> None:
    """Work until SIGTERM or SIGINT; then stop what runs, so that others go on with it.

    `env` stands for the process's environment, which supervisors get whole.
    """
    worker = _Worker(settings, dict(os.environ if env is None else env), tuning or Tuning())
    with _told_to_end() as asked:
        worker.work(asked)
    if any(thread.name.startswith(DBOS_THREADS) for thread in threading.enumerate()):
        # They wait for a database that is away, without end, and Python would wait for them.
        logging.shutdown()
        os._exit(0)


@dataclass
class _Worker:
    settings: Settings
    env: dict[str, str]
    tuning: Tuning
    stopping: threading.Event = field(default_factory=threading.Event)
    """No more from the queue."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Not even a heartbeat."""

    def work(self, asked_to_end: Callable[[], bool]) -> None:
        with ExitStack() as closing:
            store = Store(self.url, pool_size=self.settings.concurrency + 4)
            closing.callback(store.close)
            store.migrate()
            schema.migrate(self.url)
            queue = Queue(self.url)
            closing.callback(queue.close)
            lanes = Lanes(
                self.settings.concurrency,
                env={**self.env, "BYOC_DATABASE_URL": self.url},
                command=self.tuning.command,
                hangs=partial(self._hangs, store),
            )
            closing.callback(lanes.close)
            me = _row(self.version)
            steps = Operate(
                store=store,
                queue=queue,
                lanes=lanes,
                retries=self.tuning.retries,
                stopping=self.stopping,
            )
            self._serve(me, steps, lanes, asked_to_end)

    @property
    def url(self) -> str:
        if self.settings.database_url is None:
            raise SpecError(
                "BYOC_DATABASE_URL",
                wanted="the address of the server's PostgreSQL",
                got="nothing",
                next_step="Set it as on the server; `byoc server` has a worker of its own.",
            )
        return self.settings.database_url.get_secret_value()

    @property
    def version(self) -> str:
        return self.settings.version

    def _serve(
        self, me: WorkerRow, steps: Operate, lanes: Lanes, asked_to_end: Callable[[], bool]
    ) -> None:
        beat_s = self.settings.lease_s / BEATS_IN_A_LEASE
        reaper = self._reaper(me, steps)
        _beat(steps.store, me)
        self._launch(me, steps)
        heart = _every(beat_s, "heartbeat", lambda: _beat(steps.store, me), until=self.ended)
        _every(max(beat_s, ROUND_S), "reaper", reaper.reap, until=self.stopping)
        _every(max(beat_s, ROUND_S), "accounts", reaper.reconnect, until=self.stopping)
        log.info("worker %s takes operations", me.id)
        while not asked_to_end():
            time.sleep(LOOK_S)
        log.info("worker %s ends", me.id)
        self.stopping.set()
        self._drain(lanes, steps)
        self.ended.set()
        heart.join(beat_s)
        _forget(steps.store, me)

    def _reaper(self, me: WorkerRow, steps: Operate) -> Reaper:
        silent_s = self.settings.lease_s / 2
        patience = Patience(silent_s=silent_s, untouched_s=silent_s / 2)
        return Reaper(
            store=steps.store,
            queue=steps.queue,
            probe=self._probe,
            executor_id=me.id,
            version=me.version,
            running=steps.running,
            patience=self.tuning.patience or patience,
        )

    def _launch(self, me: WorkerRow, steps: Operate) -> None:
        # A logger with a handler gets none of DBOS's own, which writes past our redaction.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self.url,
            "application_version": me.version,
            "executor_id": me.id,
            "sys_db_pool_size": DBOS_CONNECTIONS,
            "db_engine_kwargs": {"hide_parameters": True},
            "log_level": "WARNING",
        }
        DBOS(config=config)
        register(steps)
        DBOS.launch()
        DBOS.register_queue(
            STACKS,
            partition_concurrency=1,
            worker_concurrency=self.settings.concurrency,
            polling_interval_sec=self.tuning.poll_s,
        )

    def _drain(self, lanes: Lanes, steps: Operate) -> None:
        """No more from the queue; what runs gets a little time, and is then handed on."""
        whole_s = round(self.tuning.drain_s + HAND_ON_S)
        ending = threading.Thread(
            target=lambda: DBOS.destroy(workflow_completion_timeout_sec=whole_s), daemon=True
        )
        ending.start()
        deadline = time.monotonic() + self.tuning.drain_s
        while steps.running and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        lanes.stop()
        ending.join(HAND_ON_S + DBOS_ENDS_S)

    def _hangs(self, store: Store, operation: str, pid: int) -> bool:
        """Whether that supervisor has let its lease run out and long done nothing about it."""
        try:
            with store.begin() as tx:
                return tx.leases.is_abandoned(
                    operation, host=this_host(), pid=pid, for_s=self.settings.lease_s
                )
        except Exception as error:
            if is_outage(error):
                return False
            raise

    def _probe(self, account: AccountRow) -> None:
        # Few workers ever meet an account that has refused us, and all would load boto3.
        from byoc_infra.aws import preflight  # noqa: PLC0415
        from byoc_infra.aws.session import open_session  # noqa: PLC0415

        access = AccessSpec(
            role_arn=account.role_arn,
            external_id=account.external_id,
            source_identity=PROBER,
            duration_s=SESSION_S,
        )
        operation = f"probe-{account.id.hex[:16]}"
        # With tags, as operations do it: a trust that refuses only these refuses operations too.
        tags = {"byoc:operation": operation, "byoc:installation": account.installation}
        session = open_session(
            access, region=account.region, env=self.env, operation=operation, tags=tags
        )
        try:
            preflight.check(session, aws_account_id=account.aws_account_id, region=account.region)
        finally:
            session.close()


def _row(version: str) -> WorkerRow:
    process = this_process()
    return WorkerRow(
        id=f"{socket.gethostname()}-{process.pid}-{uuid.uuid4().hex[:8]}",
        host=process.host,
        pid=process.pid,
        process_started=process.started,
        version=version,
    )


def _beat(store: Store, me: WorkerRow) -> None:
    with store.begin() as tx:
        tx.workers.beat(me)


def _forget(store: Store, me: WorkerRow) -> None:
    try:
        with store.begin() as tx:
            tx.workers.forget([me.id])
    except Exception as error:
        if not is_outage(error):
            raise
        log.warning("the database is away: worker %s is found to be gone later", me.id)


def _every(
    pause_s: float, name: str, work: Callable[[], None], *, until: threading.Event
) -> threading.Thread:
    def again() -> None:
        while not until.wait(pause_s):
            try:
                work()
            except Exception as error:
                if is_outage(error):
                    log.warning("%s: the database is away", name)
                else:
                    log.exception("%s", name)

    thread = threading.Thread(target=again, name=name, daemon=True)
    thread.start()
    return thread


@contextmanager
def _told_to_end() -> Iterator[Callable[[], bool]]:
    """Whether a signal has asked the process to end; an event may not be set in a handler."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda got, _: asked.append(got))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

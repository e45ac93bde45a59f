"""The process: a line of JSON in for each operation, a line of JSON out for how it ended.

When its input ends it lets its engine finish what is in flight, gives the stack back, and exits.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import IO, Protocol
from urllib.parse import urlsplit

import structlog

from byoc_infra.control_plane import logs
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.supervisor import backend, takeover
from byoc_infra.control_plane.supervisor.conduct import Answer, Conductor
from byoc_infra.errors import SpecError
from byoc_infra.flows.work import Backend, open_engine
from byoc_infra.redaction import hide

__all__ = ["Desk", "main"]

ORPHAN_GRACE = 0.6
"""Of the lease: how long an engine may go on whose supervisor was killed. The lease was renewed at
a third, so it lasts longer."""
POOL = 5
NOT_PASSED_ON = ("BYOC_DATABASE_URL", "BYOC_SECRET_KEY")
"""What the engine's processes do not need to know."""

log = logging.getLogger("byoc_infra.control_plane.supervisor")


def main(env: Mapping[str, str] | None = None) -> None:
    """Serve until standard input ends."""
    answers = _own_stdout()
    settings = Settings.of(env)
    logs.configure(settings.log_level)
    url = _database_url(settings)
    environment = backend.environment(settings, dict(os.environ if env is None else env))
    _hide(settings, environment, url)
    kept = Backend.of(environment)
    journal = None if kept.url.startswith("file://") else settings.data_dir / "journal"
    store = Store(url, pool_size=POOL)
    takeover.mark()
    for name in NOT_PASSED_ON:
        os.environ.pop(name, None)
    grace_s = settings.lease_s * ORPHAN_GRACE
    with open_engine(log.info, environment, grace_s=grace_s, state_dir=journal) as engine:
        conductor = Conductor(store=store, engine=engine, settings=settings, env=environment)
        desk = Desk(conductor, answers)
        for number in (signal.SIGTERM, signal.SIGINT):
            # A handler may not wait for a lock that the thread which it interrupts may hold.
            signal.signal(number, lambda *_: threading.Thread(target=desk.close).start())
        desk.serve(sys.stdin)
    store.close()


class Conducts(Protocol):
    """Whatever does what is ordered."""

    closing: bool

    def conduct(self, operation_id: str, attempt: int) -> Answer:
        """Do it; never raises."""

    def close(self) -> None:
        """Stop what runs."""


class Desk:
    """Takes orders, has them conducted one after the other, and answers each."""

    def __init__(self, conductor: Conducts, answers: IO[str]) -> None:
        self._conductor = conductor
        self._answers = answers
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def close(self) -> None:
        """End what runs, and begin nothing any more."""
        self._conductor.close()
        self._waiting.put(None)

    def serve(self, orders: Iterable[str]) -> None:
        """Until the orders end, which also ends what runs."""
        reader = threading.Thread(target=self._read, args=(orders,), name="orders", daemon=True)
        reader.start()
        while not self._conductor.closing and (line := self._waiting.get()) is not None:
            if (order := _order(line)) is None:
                log.error("a line that is no order was left out")
                continue
            with structlog.contextvars.bound_contextvars(operation_id=order[0]):
                answer = self._conductor.conduct(*order)
            if not self._say(order[0], answer):
                return

    def _read(self, orders: Iterable[str]) -> None:
        for line in orders:
            self._waiting.put(line)
        self.close()

    def _say(self, operation_id: str, answer: Answer) -> bool:
        try:
            self._answers.write(json.dumps(_told(operation_id, answer)) + "\n")
            self._answers.flush()
        except OSError:
            log.warning("%s ended %s, and nobody listens", operation_id, answer.ended)
            return False
        return True


def _told(operation_id: str, answer: Answer) -> dict[str, object]:
    told: dict[str, object] = {
        "operation": operation_id,
        "ended": answer.ended,
        "error": answer.error,
    }
    return told | ({} if answer.after_s is None else {"after_s": answer.after_s})


def _order(line: str) -> tuple[str, int] | None:
    try:
        order = json.loads(line)
        return str(order["operation"]), int(order["attempt"])
    except (ValueError, TypeError, KeyError):
        return None


def _own_stdout() -> IO[str]:
    """Standard output for answers alone: whatever else is printed goes where the log goes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SpecError(
            "BYOC_DATABASE_URL",
            wanted="the address of the control plane's PostgreSQL",
            got="nothing",
            next_step="A worker gives it to its supervisors; set it where you start one yourself.",
        )
    return settings.database_url.get_secret_value()


def _hide(settings: Settings, env: Mapping[str, str], url: str) -> None:
    key = settings.secret_key and settings.secret_key.get_secret_value()
    for value in (key, env.get("PULUMI_CONFIG_PASSPHRASE"), urlsplit(url).password):
        if value:
            hide(value)

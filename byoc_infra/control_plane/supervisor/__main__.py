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
from dataclasses import asdict
from typing import IO, Any
from urllib.parse import urlsplit

import structlog

from byoc_infra.control_plane import logs
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.supervisor import backend
from byoc_infra.control_plane.supervisor.conduct import Answer, Conductor
from byoc_infra.errors import SpecError
from byoc_infra.flows.work import Backend, open_engine
from byoc_infra.redaction import hide

__all__ = ["main", "serve"]

ORPHAN_GRACE = 0.6
"""Of the lease: how long an engine may go on whose supervisor was killed. The lease was renewed at
a third, so it lasts longer."""
POOL = 5

log = logging.getLogger("byoc_infra.control_plane.supervisor")


def main(env: Mapping[str, str] | None = None) -> None:
    """Serve until standard input ends."""
    answers = _own_stdout()
    settings = Settings.of(env)
    logs.configure(settings.log_level)
    url = _database_url(settings)
    environment = backend.environment(settings, dict(os.environ if env is None else env))
    _hide(environment, url)
    Backend.of(environment)
    store = Store(url, pool_size=POOL)
    grace_s = settings.lease_s * ORPHAN_GRACE
    with open_engine(log.info, environment, grace_s=grace_s) as engine:
        conductor = Conductor(store=store, engine=engine, settings=settings, env=environment)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _apart(conductor.close))
        serve(conductor, sys.stdin, answers)
    store.close()


def serve(conductor: Conductor, orders: Iterable[str], answers: IO[str]) -> None:
    """Conduct what is ordered, one after the other; the end of the orders also ends what runs."""
    waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in orders:
            waiting.put(line)
        conductor.close()
        waiting.put(None)

    threading.Thread(target=read, name="orders", daemon=True).start()
    while not conductor.closing and (line := waiting.get()) is not None:
        if (order := _order(line)) is None:
            log.error("a line that is no order was left out")
            continue
        with structlog.contextvars.bound_contextvars(operation_id=order[0]):
            answer = conductor.conduct(*order)
        try:
            answers.write(_line(order[0], answer))
            answers.flush()
        except OSError:
            log.warning("%s ended %s, and nobody listens", order[0], answer.ended)
            return


def _order(line: str) -> tuple[str, int] | None:
    try:
        order = json.loads(line)
        return str(order["operation"]), int(order["attempt"])
    except (ValueError, TypeError, KeyError):
        return None


def _line(operation_id: str, answer: Answer) -> str:
    return json.dumps({"operation": operation_id, **asdict(answer)}) + "\n"


def _own_stdout() -> IO[str]:
    """Standard output for answers alone: whatever else is printed goes where the log goes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _apart(work: Any) -> None:  # noqa: ANN401  # a callable without arguments
    threading.Thread(target=work, daemon=True).start()  # a handler may not wait for a lock


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SpecError(
            "BYOC_DATABASE_URL",
            wanted="the address of the control plane's PostgreSQL",
            got="nothing",
            next_step="A worker gives it to its supervisors; set it where you start one yourself.",
        )
    return settings.database_url.get_secret_value()


def _hide(env: Mapping[str, str], url: str) -> None:
    for value in (env.get("PULUMI_CONFIG_PASSPHRASE"), urlsplit(url).password):
        if value:
            hide(value)


if __name__ == "__main__":
    main()

"""`byoc server` and `byoc worker`: the control plane's processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from byoc_infra.cli import output

__all__ = ["server", "worker"]


def server(
    host: Annotated[str | None, typer.Option(help="In place of BYOC_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="In place of BYOC_PORT.")] = None,
) -> None:
    """Run the whole control plane: the API, a worker and, without BYOC_DATABASE_URL, PostgreSQL."""
    import os

    from byoc_infra.control_plane import logs, main
    from byoc_infra.control_plane.settings import Settings

    given = {"BYOC_HOST": host, "BYOC_PORT": None if port is None else str(port)}
    env = {**os.environ, **{name: value for name, value in given.items() if value is not None}}
    settings = Settings.of(env)
    logs.configure(settings.log_level)
    spoken = output.current()

    def listening(url: str) -> None:
        spoken.result({"url": url}, lambda: spoken.text(f"Listening on {url}"))

    with _ended_by_signals():
        main.serve(settings, env, listening)


def worker(
    *,
    until_stdin_ends: Annotated[
        bool, typer.Option("--until-stdin-ends", help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Run one more worker on the database of BYOC_DATABASE_URL, or this machine's embedded one."""
    import os

    from byoc_infra.control_plane import logs
    from byoc_infra.control_plane.foundation import answering, opened
    from byoc_infra.control_plane.settings import Settings
    from byoc_infra.control_plane.workflows.worker import run

    settings = Settings.of()
    logs.configure(settings.log_level)
    with _ended_by_signals(), answering(), opened(settings, os.environ) as foundation:
        if until_stdin_ends:
            _end_with_stdin()
        run(foundation.settings, env=foundation.env)


def _end_with_stdin() -> None:
    """Whoever started this process holds the other end of its standard input, and has gone."""
    import os
    import signal
    import sys
    import threading

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):  # a buffered read would hold a lock at exit
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="stdin", daemon=True).start()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGINT end the block in order, and what it holds is let go of once."""
    import signal

    def end(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

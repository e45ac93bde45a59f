"""`--forks N`: N processes run the tests that one has collected.

Workers that start from nothing each import and collect all there is, which takes longer than most
files' tests. A fork of the collected session has it at once, and as all of them share one queue of
files, they end together. For tests that leave no thread behind when they are imported.
"""

import json
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, groupby
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NoReturn

import pytest

__all__ = ["pytest_addoption", "pytest_runtestloop"]

Files = list[list[pytest.Item]]
NUMBER = 4
"""The bytes of a file's place in the queue."""


class _Queue:
    """Places of files, each taken once, by whichever process asks first."""

    def __init__(self, places: Sequence[int]) -> None:
        self._end, write = os.pipe()  # its buffer has room for 16,000
        os.write(write, b"".join(place.to_bytes(NUMBER) for place in places))
        os.close(write)

    def __iter__(self) -> Iterator[int]:
        while taken := os.read(self._end, NUMBER):
            yield int.from_bytes(taken)


class _Sender:
    """Tells the first process what there is to report, and at the end of how many tests."""

    def __init__(self, config: pytest.Config, end: int) -> None:
        self._config = config
        self._out = os.fdopen(end, "w")
        self._all = config.getoption("durations") is not None
        self.ended = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line each, unless all that it says is that a fixture did what it should."""
        self.ended += report.when == "teardown"
        if self._all or not report.passed or report.when == "call":
            hook = self._config.hook
            self.send(hook.pytest_report_to_serializable(config=self._config, report=report))

    def send(self, what: object) -> None:
        """At once."""
        print(json.dumps(what), file=self._out, flush=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    """None unless it is asked for."""
    parser.addoption("--forks", type=int, default=0, help="run in so many forked processes")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run in several processes, if that is asked for and there is something that can run."""
    number = session.config.getoption("--forks")
    if not number or session.testsfailed or session.config.option.collectonly:
        return None
    _run(session, number)
    return True


def _run(session: pytest.Session, number: int) -> None:
    assert threading.active_count() == 1, threading.enumerate()
    files = [list(items) for _, items in groupby(session.items, lambda item: item.path)]
    queues = [_Queue(places) for places in _by_what_they_start(files)]
    basetemp = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # as xdist does
    workers = [
        _forked(session, files, queues if which % 2 else queues[::-1], basetemp / f"fork{which}")
        for which in range(number)
    ]
    try:
        done = sum(_reported(session, [end for _, end in workers]))
    except BaseException:
        for pid, _ in workers:
            os.kill(pid, signal.SIGTERM)
        raise
    finally:
        ended = [os.waitpid(pid, 0)[1] for pid, _ in workers]
    if any(ended) or done != len(session.items):
        raise RuntimeError(f"{done} of {len(session.items)} tests ended, and the workers: {ended}")


def _by_what_they_start(files: Files) -> tuple[list[int], list[int]]:
    """Those that need a PostgreSQL, which then is mostly started by one process alone; and others,
    with those first that look at the whole project, since each takes long. Else as they came.
    """
    control_plane = [n for n, items in enumerate(files) if "control_plane" in items[0].path.parts]
    others = [n for n in range(len(files)) if n not in control_plane]
    return control_plane, sorted(others, key=lambda n: files[n][0].path.parent.name != "tests")


def _forked(
    session: pytest.Session, files: Files, queues: list[_Queue], basetemp: Path
) -> tuple[int, int]:
    """A process that runs what it finds in the queues, and the end at which it reports."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        _work(session, files, queues, basetemp, write)
    os.close(write)
    return pid, read


def _work(
    session: pytest.Session, files: Files, queues: list[_Queue], basetemp: Path, end: int
) -> NoReturn:
    config = session.config
    status = 1
    sender = _Sender(config, end)
    try:
        basetemp.mkdir()
        config._tmp_path_factory._basetemp = basetemp  # type: ignore[attr-defined]  # same
        _be_silent(config)
        config.pluginmanager.register(sender)
        items = chain.from_iterable(files[place] for place in chain.from_iterable(queues))
        item = next(items, None)
        while item is not None:
            following = next(items, None)
            config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            item = following
        sender.send({"ended": sender.ended})
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the first process tells it
        with suppress(OSError):
            sender.send({"failed": traceback.format_exc()})
    os._exit(status)


def _be_silent(config: pytest.Config) -> None:
    """The first process speaks; and what tests print is caught in a file of this process alone."""
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    capture.stop_global_capturing()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    capture.start_global_capturing()
    capture.suspend_global_capture()


def _reported(session: pytest.Session, ends: list[int]) -> Iterator[int]:
    """Each report, to whoever listens here; how many tests each process has ended."""
    config = session.config
    for line in _lines(ends):
        told = json.loads(line)
        if "failed" in told:
            raise RuntimeError(told["failed"])
        if "ended" in told:
            yield told["ended"]
            continue
        report = config.hook.pytest_report_from_serializable(config=config, data=told)
        config.hook.pytest_runtest_logreport(report=report)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)


def _lines(ends: list[int]) -> Iterator[bytes]:
    """What comes from all of these pipes, until the last is closed."""
    begun = dict.fromkeys(ends, b"")
    with DefaultSelector() as selector:
        for end in ends:
            selector.register(end, EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                got = os.read(key.fd, 1 << 16)
                *lines, begun[key.fd] = (begun[key.fd] + got).split(b"\n")
                yield from lines
                if not got:
                    selector.unregister(key.fd)
                    os.close(key.fd)

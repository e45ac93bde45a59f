"""Find and end every process of a local cloud, by the mark in its environment.

Nothing here needs the emulator: it may have been killed, with its children living on.
"""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from byoc_infra.local.world import OWNER_VARIABLE, PART_VARIABLE

__all__ = ["end", "owned"]

GRACE_S = 5.0
ROUNDS = 4
"""A process may start another while it is being ended: look again, but not for ever."""


def owned(directory: Path, *, parts_only: bool = False) -> list[psutil.Process]:
    """The live processes that carry this directory's mark, and what they have started.

    With `parts_only`, those that an emulator has started, not who works with the cloud. Never the
    caller, nor one of its ancestors: a shell may carry the mark too, and what else it has started
    is not the cloud's.
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid not in spared and _belongs(process, str(directory), parts_only):
            found[process.pid] = process
            found.update((child.pid, child) for child in _children(process))
    return [one for one in found.values() if _alive(one)]


def end(directory: Path, *, grace_s: float = GRACE_S, parts_only: bool = False) -> int:
    """End them all, asking first; how many there were."""
    ended: set[int] = set()
    for _ in range(ROUNDS):
        found = owned(directory, parts_only=parts_only)
        if not found:
            break
        ended.update(process.pid for process in found)
        _end(found, grace_s)
    return len(ended)


def _end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    processes = list(processes)
    for process in processes:
        _send(process, _polite_signal(process))
    deadline = time.monotonic() + grace_s
    while any(_alive(one) for one in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        if _alive(process):
            _send(process, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=grace_s)


def _polite_signal(process: psutil.Process) -> signal.Signals:
    # PostgreSQL takes SIGTERM as "wait until every client has gone"; SIGINT ends it now.
    try:
        return signal.SIGINT if process.name() == "postgres" else signal.SIGTERM
    except psutil.Error:
        return signal.SIGTERM


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _belongs(process: psutil.Process, directory: str, parts_only: bool) -> bool:  # noqa: FBT001
    try:
        environment = process.environ()
        if environment.get(OWNER_VARIABLE) == directory:
            return not parts_only or PART_VARIABLE in environment
        # PostgreSQL's workers write their title over their environment; each of them stays in its
        # data directory.
        return process.name() == "postgres" and process.cwd().startswith(f"{directory}/rds/")
    except (psutil.Error, OSError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []

"""Ending what is left of a supervisor of this host: itself where it hangs, and its engine.

An engine whose supervisor has died ends what is in flight, saves and unlocks by itself. Nobody
else may write to the stack before it has.
"""

import logging
import os
from contextlib import suppress

import psutil

from byoc_infra.control_plane.processes import ProcessId, this_process

__all__ = ["end", "mark"]

GRACE_S = 20.0
MARK = "BYOC_SUPERVISOR"
"""The variable in which the engine's processes carry whose they are."""

log = logging.getLogger(__name__)


def mark() -> None:
    """From here on, what this process starts carries whose it is."""
    os.environ[MARK] = _sign(this_process())


def end(owner: ProcessId, *, grace_s: float = GRACE_S) -> None:
    """SIGKILL to a supervisor that hangs; SIGKILL to what is left of its engine after the grace."""
    if not owner.is_here:
        return
    if not owner.is_gone:
        log.error("process %s hangs past its lease: killed", owner.pid)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(owner.pid).kill()
    below = _of(owner)
    for one in below:
        with suppress(psutil.Error):
            one.resume()  # where all of it was stopped, it can end by itself now
    _, left = psutil.wait_procs(below, timeout=grace_s)
    for one in left:
        with suppress(psutil.Error):
            one.kill()
    psutil.wait_procs(left, timeout=5)


def _of(owner: ProcessId) -> list[psutil.Process]:
    sign, found = _sign(owner), []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == sign:
                found.append(process)
    return found


def _sign(owner: ProcessId) -> str:
    return f"{owner.pid}/{owner.started:.0f}"

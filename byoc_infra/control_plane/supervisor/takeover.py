"""Ending a supervisor of this host that hangs past its lease, and the engine under it."""

import logging
from contextlib import suppress

import psutil

from byoc_infra.control_plane.processes import ProcessId

__all__ = ["end"]

GRACE_S = 20.0
"""The engine sees that its supervisor is gone, ends what is in flight, saves and unlocks."""

log = logging.getLogger(__name__)


def end(owner: ProcessId, *, grace_s: float = GRACE_S) -> None:
    """SIGKILL to the supervisor; SIGKILL to what is left of its engine after the grace."""
    if not owner.is_here or owner.is_gone:
        return
    log.error("process %s hangs past its lease: killed", owner.pid)
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(owner.pid)
        below = process.children(recursive=True)
        process.kill()
        for one in below:
            with suppress(psutil.NoSuchProcess):
                one.resume()  # where the whole tree was stopped, it can end by itself now
        _, left = psutil.wait_procs(below, timeout=grace_s)
        for one in left:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs([process, *left], timeout=5)

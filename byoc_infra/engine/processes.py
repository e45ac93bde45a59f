"""Finding the processes of a worker's session: its CLI, and the providers of that."""

import os
import time
from contextlib import suppress

import psutil

__all__ = ["end_session", "session_processes"]


def session_processes(session: int) -> list[psutil.Process]:
    """Everything that was started in that session, but its leader.

    Providers have process groups of their own, so the session is what holds them together.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != session and os.getsid(process.pid) == session:
                found.append(process)
    return found


def end_session(session: int, *, grace_s: float) -> None:
    """Wait for what is left of a session, then end it.

    A provider whose engine was killed finishes the call that it is in. Looking before it has
    would miss an object that is only about to be made.
    """
    until = time.monotonic() + grace_s
    while left := session_processes(session):
        if time.monotonic() >= until:
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=2)
            return
        psutil.wait_procs(left, timeout=0.2)

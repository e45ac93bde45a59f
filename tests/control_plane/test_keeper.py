"""What keeps the worker beside a server alive."""

import os
import signal
import sys
from pathlib import Path

import pytest

from byoc_infra.control_plane import keeper
from byoc_infra.control_plane.foundation import Foundation
from byoc_infra.control_plane.keeper import Keeper
from byoc_infra.control_plane.settings import Settings
from tests.support.waiting import until

PATIENT = """
import os, sys
from pathlib import Path
with Path(os.environ["STARTS"]).open("a") as starts:
    starts.write(f"{os.getpid()}\\n")
sys.stdin.read()
"""
DYING = PATIENT.replace("sys.stdin.read()", "sys.exit(3)")
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + PATIENT.replace(
    "sys.stdin.read()", "import time; time.sleep(60)"
)


@pytest.fixture
def foundation(tmp_path: Path) -> Foundation:
    """An environment that says where a worker notes that it has started."""
    env = {"STARTS": str(tmp_path / "starts"), "PATH": os.environ["PATH"]}
    return Foundation(settings=Settings.of({}), env=env, embedded=None)


def starts(tmp_path: Path) -> list[int]:
    """The processes of the workers that have started."""
    path = tmp_path / "starts"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def command(program: str) -> tuple[str, ...]:
    """A worker of these lines."""
    return (sys.executable, "-c", program)


def test_a_killed_worker_is_started_again(
    foundation: Foundation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pause, and with the same environment."""
    monkeypatch.setattr(keeper, "LOOK_S", 0.02)
    with Keeper(foundation, command(PATIENT)) as kept:
        until(lambda: len(starts(tmp_path)) == 1)
        os.kill(kept.worker_pid, signal.SIGKILL)
        until(lambda: len(starts(tmp_path)) == 2)
        second = kept.worker_pid

    assert starts(tmp_path)[1] == second
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_a_worker_that_cannot_live_is_not_started_without_end(
    foundation: Foundation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pause is twice the one before."""
    monkeypatch.setattr(keeper, "LOOK_S", 0.02)
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.1)
    with Keeper(foundation, command(DYING)) as kept:
        until(lambda: kept.pause_s == 0.4)

        assert len(starts(tmp_path)) == 3


def test_a_worker_that_does_not_stop_is_killed(
    foundation: Foundation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends all the same."""
    monkeypatch.setattr(keeper, "WORKER_STOP_S", 0.2)
    with Keeper(foundation, command(STUBBORN)) as kept:
        until(lambda: len(starts(tmp_path)) == 1)
        pid = kept.worker_pid

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

"""Finding and ending what belongs to a local cloud."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from byoc_infra.local import processes
from byoc_infra.local.world import OWNER_VARIABLE, PART_VARIABLE

SLEEP = [sys.executable, "-S", "-c", "print('up', flush=True); import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); time.sleep(60)"
    ),
]


class Nursery:
    """Starts processes, and leaves none."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, command: list[str], **marks: str) -> subprocess.Popen[bytes]:
        """A process with exactly these variables, once it is up."""
        made = subprocess.Popen(
            command, env={**marks}, stdout=subprocess.PIPE, start_new_session=True
        )
        self.started.append(made)
        assert made.stdout is not None
        made.stdout.readline()
        return made

    def close(self) -> None:
        """End what a test has left."""
        for one in self.started:
            one.kill()
            one.wait()
            assert one.stdout is not None
            one.stdout.close()


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """Starts processes for a test."""
    made = Nursery()
    yield made
    made.close()


def test_what_carries_the_mark_is_ended(nursery: Nursery, tmp_path: Path) -> None:
    """And nothing else is, not even of another cloud."""
    ours = nursery.start(SLEEP, **{OWNER_VARIABLE: str(tmp_path)})
    others = nursery.start(SLEEP, **{OWNER_VARIABLE: f"{tmp_path}-other"})

    assert processes.end(tmp_path) == 1
    assert ours.poll() is not None
    assert others.poll() is None


def test_who_does_not_listen_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    """After a moment of grace."""
    stubborn = nursery.start(STUBBORN, **{OWNER_VARIABLE: str(tmp_path)})

    processes.end(tmp_path, grace_s=0.2)

    assert stubborn.poll() is not None


def test_a_new_emulator_ends_parts_and_leaves_guests(nursery: Nursery, tmp_path: Path) -> None:
    """An engine run carries the mark too, and goes on."""
    guest = nursery.start(SLEEP, **{OWNER_VARIABLE: str(tmp_path)})
    part = nursery.start(SLEEP, **{OWNER_VARIABLE: str(tmp_path), PART_VARIABLE: "1"})

    assert processes.end(tmp_path, parts_only=True) == 1
    assert part.poll() is not None
    assert guest.poll() is None


def test_twice_does_nothing(tmp_path: Path) -> None:
    """It is idempotent."""
    assert processes.end(tmp_path) == 0


def test_neither_caller_nor_its_ancestors_are_found(tmp_path: Path) -> None:
    """A shell may carry the mark."""
    code = (
        "import sys; from pathlib import Path; from byoc_infra.local import processes;"
        "print([one.pid for one in processes.owned(Path(sys.argv[1]))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, OWNER_VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.strip() == "[]"


def test_what_else_an_ancestor_has_started_is_spared(tmp_path: Path) -> None:
    """`byoc local down` in a marked shell ends nothing of that shell's but what is marked."""
    ask = (
        "import sys; from pathlib import Path; from byoc_infra.local import processes;"
        "print([one.pid for one in processes.owned(Path(sys.argv[1]))])"
    )
    shell = (
        "import subprocess, sys; other = subprocess.Popen([sys.executable, '-S', '-c',"
        " 'import time; time.sleep(60)'], env={}); print(other.pid, flush=True);"
        f"subprocess.run([sys.executable, '-c', {ask!r}, sys.argv[1]]);"
        "print(other.poll()); other.kill()"
    )
    done = subprocess.run(
        [sys.executable, "-c", shell, str(tmp_path)],
        env={**os.environ, OWNER_VARIABLE: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    _other, found, ended = done.stdout.splitlines()
    assert (found, ended) == ("[]", "None")


def test_children_of_the_marked_are_found_without_a_mark(nursery: Nursery, tmp_path: Path) -> None:
    """They may have been started with another environment."""
    code = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c',"
        " 'import time; time.sleep(60)'], env={}); print('up', flush=True); time.sleep(60)"
    )
    parent = nursery.start([sys.executable, "-S", "-c", code], **{OWNER_VARIABLE: str(tmp_path)})
    child = psutil.Process(parent.pid).children()[0]

    assert processes.end(tmp_path) == 2
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE

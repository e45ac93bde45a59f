"""Servers that were forked are to everybody what new processes are, in life and in death."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from byoc_infra.local.compute import nursery
from byoc_infra.local.compute.forks import Fork, Nursery
from byoc_infra.local.compute.launcher import SITE
from byoc_infra.local.compute.resolver import ADDRESS_VARIABLE, HOSTS_VARIABLE
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import OWNER_VARIABLE, Addresses, Hosts, World
from tests.support.waiting import until

SCRIPT = """#!{python}
import json, os, socket, sys, time
print(json.dumps({{
    "forked": "probe" in sys.modules, "argv": sys.argv[1:], "name": __name__, "cwd": os.getcwd(),
    "path": sys.path[:3], "session": os.getsid(0), "variables": dict(os.environ),
    "localhost": socket.getaddrinfo("localhost", 80)[0][4][0], "uvloop": sys.modules["uvloop"],
}}), flush=True)
if "stay" in sys.argv:
    time.sleep(60)
sys.exit(7)
"""
EMULATOR = """
import subprocess, sys, time
print(subprocess.Popen(sys.argv[1:]).pid, flush=True)
time.sleep(60)
"""


class Lab:
    """A nursery that has loaded the module `probe`, and a `langhost` that tells what it is."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.environment = ServerEnvironment(here / "venv")
        bare, version = Path(sys.executable).resolve(), ".".join(map(str, sys.version_info[:2]))
        packages = self.environment.path / "lib" / f"python{version}" / "site-packages"
        packages.mkdir(parents=True)
        (packages / "probe.py").write_text("import os\nos.environ.get('PROBE')\n")
        (self.environment.path / "pyvenv.cfg").write_text(f"home = {bare.parent}\n")
        self.environment.python.parent.mkdir()
        self.environment.python.symlink_to(bare)
        self.environment.langhost.write_text(SCRIPT.format(python=bare))
        self.environment.langhost.chmod(0o755)
        world = World(here, "eu-west-1", Addresses(97), Hosts(here / "hosts.json"))
        self.nursery = Nursery(world, ["probe"])

    def begin(self) -> None:
        """Wait until it is ready."""
        self.nursery.begin(self.environment)
        until(self.nursery.place.exists)

    def fork(self, *words: str, **variables: str) -> Fork | None:
        """A server as the launcher asks for one."""
        own = {
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": f"{SITE}:{self.here}",
            "HOME": str(self.here),
            ADDRESS_VARIABLE: "127.97.0.9",
            HOSTS_VARIABLE: str(self.here / "hosts.json"),
        }
        command = [str(self.environment.langhost), *words]
        log = self.here / "log"
        log.unlink(missing_ok=True)
        return self.nursery.fork(command, env={**own, **variables}, cwd=self.here, log=log)

    def stay(self) -> Fork:
        """A server that runs until it is ended."""
        fork = self.fork("stay")
        assert fork is not None
        until(lambda: (self.here / "log").read_text().endswith("\n"))
        return fork

    def told(self, fork: Fork | None) -> dict[str, Any]:
        """What it said until its own end."""
        assert fork is not None
        assert fork.wait(60) == 7
        told: dict[str, Any] = json.loads((self.here / "log").read_text())
        return told


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Everything of it ends with the test."""
    made = Lab(tmp_path)
    yield made
    made.nursery.end()


def test_a_fork_is_what_a_new_process_is(lab: Lab) -> None:
    """Its words, folder, environment and names are the task's; its session is its own."""
    lab.begin()
    fork = lab.stay()
    shown = psutil.Process(fork.pid).environ()
    told = json.loads((lab.here / "log").read_text())
    os.killpg(fork.pid, signal.SIGKILL)

    assert told["forked"]
    assert (told["argv"], told["name"], told["cwd"]) == (["stay"], "__main__", str(lab.here))
    assert told["path"] == [str(lab.environment.path / "bin"), str(SITE), str(lab.here)]
    assert (told["localhost"], told["uvloop"], told["session"]) == ("127.97.0.9", None, fork.pid)
    assert shown == told["variables"]
    assert shown[OWNER_VARIABLE] == str(lab.here)
    assert "ROOM" not in shown
    assert fork.wait(60) == -signal.SIGKILL


def test_how_a_fork_ended_is_told(lab: Lab) -> None:
    """By itself or by a signal, to who asks and to who waits."""
    lab.begin()
    by_itself, stopped = lab.fork(), lab.stay()

    assert by_itself is not None
    assert by_itself.wait(60) == by_itself.poll() == 7
    assert stopped.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        stopped.wait(0.01)
    stopped.terminate()
    assert stopped.wait(60) == -signal.SIGTERM


@pytest.mark.parametrize(
    "variables",
    [
        {"PROBE": "read while it was loaded"},
        {"PYTHONHASHSEED": "0"},
        {"LC_ALL": "POSIX"},
        {"PYTHONPATH": f"{SITE}:{{here}}/own"},
        {"BIG": "." * 110_000},
    ],
)
def test_what_would_have_been_loaded_otherwise_is_run_anew(
    lab: Lab, variables: dict[str, str]
) -> None:
    """Another value of what was read, or a package of one's own; it sees its own environment."""
    (lab.here / "own" / "probe").mkdir(parents=True)
    (lab.here / "own" / "probe" / "__init__.py").touch()
    given = {name: value.format(here=lab.here) for name, value in variables.items()}
    lab.begin()

    told = lab.told(lab.fork(**given))

    assert not told["forked"]
    assert told["variables"].items() >= given.items()
    assert lab.told(lab.fork(OTHER="x"))["forked"]


def test_without_a_nursery_nothing_is_forked(lab: Lab) -> None:
    """Before it is ready and after it has died; its servers die with it."""
    before = lab.fork()
    lab.begin()
    fork = lab.stay()
    assert lab.nursery.process is not None
    lab.nursery.process.kill()
    lab.nursery.process.wait()

    assert before is None
    assert fork.wait(60) == -signal.SIGKILL
    until(lambda: not _runs(psutil.Process(fork.pid)) if psutil.pid_exists(fork.pid) else True)
    assert lab.fork() is None


def test_a_nursery_ends_with_its_emulator(lab: Lab) -> None:
    """Nobody tells it."""
    with subprocess.Popen(
        [sys.executable, "-c", EMULATOR, sys.executable, nursery.__file__, str(lab.nursery.place)],
        stdout=subprocess.PIPE,
        text=True,
    ) as emulator:
        assert emulator.stdout is not None
        own = psutil.Process(int(emulator.stdout.readline()))
        until(lab.nursery.place.exists)
        emulator.kill()

    until(lambda: not _runs(own))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

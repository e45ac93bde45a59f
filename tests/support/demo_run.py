"""Starts the demo as a process of its own, kills it, and looks for what is left behind.

Or another command of a person's whose local cloud is then taken down.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from byoc_infra.local.world import OWNER_VARIABLE

__all__ = ["BYOC", "DemoRun", "Leftovers", "down"]

BYOC = [sys.executable, "-m", "byoc_infra.cli"]


@dataclass(frozen=True)
class Leftovers:
    """What a stopped local cloud must not leave."""

    processes: list[str] = field(default_factory=list)
    listening: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.processes or self.listening or self.files)


class DemoRun:
    """A command in a temporary directory of its own, so that every file it leaves is seen."""

    def __init__(self, place: Path, command: Sequence[str] = (*BYOC, "demo")) -> None:
        self.place = place
        self.temporary = place / "tmp"
        self.temporary.mkdir(parents=True)
        self.log = place / "demo.log"
        self.environment = {
            **os.environ,
            "BYOC_LOCAL_NAME": "demo",
            "TMPDIR": str(self.temporary),
            "HOME": str(place / "home"),
            "BYOC_CACHE_DIR": os.environ.get(
                "BYOC_CACHE_DIR", str(Path.home() / ".cache" / "byoc-infra")
            ),
        }
        (place / "home").mkdir()
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=out, stderr=subprocess.STDOUT
            )

    def wait_for(self, done: Callable[[str], bool], timeout_s: float) -> bool:
        """Until `done(log)` holds; False when the demo ended first."""
        deadline = time.monotonic() + timeout_s
        while not done(self.log.read_text(errors="replace")):
            if self.process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise TimeoutError(self.log.read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        return True

    def kill(self) -> None:
        """SIGKILL to the main process alone; its children live on."""
        self.process.kill()
        self.process.wait()

    def hang(self, name: str) -> int:
        """Stop this run's processes of that name for good; how many they were."""
        named = [one for one in psutil.process_iter(["name"]) if one.info["name"] == name]
        found = [one for one in named if self._ours(one)]
        for process in found:
            process.suspend()
        return len(found)

    def leftovers(self) -> Leftovers:
        """Processes, listening addresses and files of this run that are still there."""
        processes = [p for p in psutil.process_iter() if self._ours(p)]
        return Leftovers(
            processes=[f"{p.pid} {' '.join(p.cmdline())[:100]}" for p in processes],
            listening=[
                f"{c.laddr.ip}:{c.laddr.port}"
                for p in processes
                for c in p.net_connections()
                if c.status == psutil.CONN_LISTEN and c.laddr
            ],
            files=sorted(str(p.relative_to(self.place)) for p in self._files()),
        )

    def _ours(self, process: psutil.Process) -> bool:
        try:
            environment = process.environ()
        except psutil.Error:
            return False
        place = str(self.temporary)
        return place in environment.get(OWNER_VARIABLE, "") or environment.get("TMPDIR") == place

    def _files(self) -> list[Path]:
        kept = (self.temporary, self.place / "home")
        return [p for top in kept for p in top.rglob("*") if not p.is_dir()]


def down(run: DemoRun) -> subprocess.CompletedProcess[str]:
    """`byoc local down`, as a person would type it after the demo died."""
    return subprocess.run(
        [*BYOC, "local", "down"],
        env=run.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

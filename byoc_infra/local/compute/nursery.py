"""LangGraph servers by the dozen: one process has loaded their packages and forks each of them.

`python nursery.py <socket> <modules>`, run by the interpreter of the server environment for the
emulator: it imports the standard library only, and nothing of this project. To load what the
server stands on costs thrice what all the rest of its start does. What reads its settings while
it is loaded, as the server itself does, is left to each task; a task with other values for what
was read here, or with packages of its own in place of loaded ones, is run by a new interpreter.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

__all__ = ["GO", "PID", "STATUS", "main"]

PID, STATUS = struct.Struct("!Q"), struct.Struct("!i")
"""What is said of a server to who asked for it, of two lengths: its process, and how it ended."""
GO = b"g"
"""The answer to the first: it is known now, and may run."""
OF_THE_INTERPRETER = ("PYTHON", "LD_", "LC_", "MALLOC_", "OPENSSL_", "TZ")
"""Beginnings of the variables that act before any module is loaded."""
APPLIED = ("PYTHONPATH", "HOME")
"""Whatever their values: `_run` obeys the one, and no module keeps anything of the other."""
LOOK_S = 1.0


class _Noting(type(os.environ)):  # type: ignore[misc]  # typeshed has a variable there
    """An environment that remembers what it was asked for."""

    asked: set[str] = set()  # noqa: RUF012  # one process, one environment

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return str(super().__getitem__(name))


def main(place: Path, modules: Sequence[str]) -> None:
    """Serve the emulator at the socket `place` until it has gone; in a fork, be a server."""
    emulator = os.getppid()
    _load(modules)
    hidden = place.with_suffix(".new")  # until it listens: who asked before would be refused
    hidden.unlink(missing_ok=True)
    running: dict[int, tuple[int, socket.socket]] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.bind(str(hidden))
        door.listen(64)
        hidden.rename(place)
        while os.getppid() == emulator:
            watched: list[Any] = [door, *running]
            for ready in select.select(watched, [], [], LOOK_S)[0]:
                if ready in running:
                    _tell_end(ready, *running.pop(ready))
                    continue
                asker, _ = door.accept()
                pid = os.fork()
                if not pid:
                    for handle, (_, other) in running.items():
                        os.close(handle)
                        other.close()
                    door.close()
                    _live(asker)
                    return
                running[os.pidfd_open(pid)] = (pid, asker)


def _load(modules: Sequence[str]) -> None:
    gc.disable()  # a tenth of the load
    ordinary = type(os.environ)
    os.environ.__class__ = _Noting
    for name in modules:
        importlib.import_module(name)
    os.environ.__class__ = ordinary
    gc.freeze()
    gc.enable()


def _tell_end(handle: int, pid: int, asker: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(handle)
    with asker:
        try:
            asker.sendall(STATUS.pack(os.waitstatus_to_exitcode(status)))
        except OSError:  # it wanted to know no more
            return


def _live(asker: socket.socket) -> None:
    """Be the server that was asked for, until its end, which is this process's end as well."""
    os.setsid()
    with asker:
        head, (log,), _, _ = socket.recv_fds(asker, 4, 1)
        with asker.makefile("rb") as reader:
            order = json.loads(reader.read(*struct.unpack("!I", head)))
        for number in (1, 2):
            os.dup2(log, number)
        os.close(log)
        os.chdir(order["cwd"])
        asker.sendall(PID.pack(os.getpid()))
        if asker.recv(1) != GO:
            return
    command, env = order["command"], order["env"]
    block = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47:49])
    if _differs(env) or len(block) >= end - start:
        os.execve(command[0], command, env)  # noqa: S606  # what the emulator would have started
    os.environ.clear()
    os.environ.update(env)
    # where `/proc/<pid>/environ` shows the environment with which a process began
    ctypes.memmove(start, block.ljust(end - start, b"\0"), end - start)
    _run(command)


def _differs(env: Mapping[str, str]) -> bool:
    """Whether a new interpreter with this environment would not have loaded the same."""
    early = {name for name in {*env, *os.environ} if name.startswith(OF_THE_INTERPRETER)}
    if any(env.get(name) != os.environ.get(name) for name in (early | _Noting.asked) - {*APPLIED}):
        return True
    places = env.get("PYTHONPATH", "").split(os.pathsep)
    return any(PathFinder.find_spec(top, places) for top in {n.split(".")[0] for n in sys.modules})


def _run(command: list[str]) -> None:
    """As the interpreter runs a script."""
    places = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [str(Path(command[0]).parent), *places]
    sys.modules.pop("sitecustomize", None)
    importlib.import_module("sitecustomize")
    sys.argv = command
    runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    sys.path[0] = sys.prefix  # not this folder, whose names may be those of packages
    main(Path(sys.argv[1]), sys.argv[2:])

"""LangGraph servers out of a nursery: started in a quarter of the time, and processes as any other.

Whatever goes wrong with the nursery, before it is ready or after it has died, a server is started
without it.
"""

import json
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Protocol

from byoc_infra.local.compute import nursery
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import OWNER_VARIABLE, PART_VARIABLE, World

__all__ = ["Fork", "Nursery", "Process"]

LOADED = """
    alembic.command anyio click dotenv google.protobuf.struct_pb2 grpc.aio
    grpc_health.v1.health_pb2_grpc jsonschema_rs langgraph.cache.memory
    langgraph.checkpoint.postgres.aio langgraph.graph langgraph.store.postgres.aio
    langgraph_cli.config langgraph_sdk.client opentelemetry.exporter.otlp.proto.http.metric_exporter
    pyfiglet redis.asyncio sqlalchemy.dialects.postgresql sqlalchemy.ext.asyncio sse_starlette
    starlette.applications starlette.middleware.authentication starlette.middleware.cors
    starlette.schemas starlette.staticfiles structlog tenacity truststore uvicorn zoneinfo
""".split()  # noqa: SIM905  # a line a word otherwise
"""What the server imports before it serves, but what reads its settings at once."""
ROOM = 100_000
"""Bytes of a variable over which a fork writes its own: a task definition has at most 64 KiB."""
ANSWER_S = 5.0


class Process(Protocol):
    """What is asked of a task's process, as of a `Popen`."""

    pid: int

    def poll(self) -> int | None:
        """None while it runs; its code, or -signal."""

    def wait(self, timeout: float | None = None) -> int:
        """The same at its end; TimeoutExpired."""

    def terminate(self) -> None:
        """SIGTERM."""


class Fork:
    """A child of the nursery, which tells how it ended."""

    def __init__(self, link: socket.socket, pid: int) -> None:
        self.pid = pid
        self._link = link
        self._code: int | None = None

    def poll(self) -> int | None:
        """None while it runs; its code, or -signal."""
        with suppress(TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """The same at its end; a nursery that died takes its servers with it."""
        if self._code is not None:
            return self._code
        self._link.settimeout(timeout)
        try:
            said = self._link.recv(nursery.STATUS.size)
        except (TimeoutError, BlockingIOError):
            raise TimeoutExpired("langhost", timeout or 0) from None
        except ConnectionError:
            said = b""
        self._link.close()
        if not said:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._code = int(nursery.STATUS.unpack(said)[0]) if said else -signal.SIGKILL
        return self._code

    def terminate(self) -> None:
        """SIGTERM."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)


class Nursery:
    """The nursery of one cloud, from the emulator's side."""

    def __init__(self, world: World, modules: Sequence[str] = LOADED) -> None:
        self.world = world
        self.modules = modules
        self.place = world.directory / "server.sock"
        self.process: Popen[bytes] | None = None

    def begin(self, environment: ServerEnvironment) -> None:
        """Let it load, unless it has been told before."""
        if self.process is not None or not environment.python.exists():
            return
        self.place.unlink(missing_ok=True)
        mark = {OWNER_VARIABLE: str(self.world.directory), PART_VARIABLE: "1"}
        like_a_task = {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = Popen(
            [str(environment.python), nursery.__file__, str(self.place), *self.modules],
            env={**mark, **like_a_task, "ROOM": "." * ROOM},
            stdin=DEVNULL,
            start_new_session=True,
        )

    def fork(
        self, command: list[str], *, env: Mapping[str, str], cwd: Path, log: Path
    ) -> Fork | None:
        """What `World.spawn` does, or None where that is to be asked."""
        given = {**env, OWNER_VARIABLE: str(self.world.directory), PART_VARIABLE: "1"}
        order = json.dumps({"command": command, "env": given, "cwd": str(cwd)}).encode()
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(ANSWER_S)
        try:
            link.connect(str(self.place))
            with log.open("ab") as out:
                socket.send_fds(link, [struct.pack("!I", len(order))], [out.fileno()])
            link.sendall(order)
            (pid,) = nursery.PID.unpack(link.recv(nursery.PID.size))
            link.sendall(nursery.GO)
        except (OSError, struct.error):
            link.close()
            return None
        return Fork(link, pid)

    def end(self) -> None:
        """End it, after its servers."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

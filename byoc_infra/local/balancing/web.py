"""HTTP servers on the local cloud's asyncio loop."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import uvicorn

__all__ = ["App", "Message", "Server", "serve"]

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any
]

UNPRIVILEGED = 8000
"""Added to a port that this process may not bind: 80 becomes 8080, 443 becomes 8443."""
TICK_S = 1.0
"""The `date` header is as old at most."""


class _Calm(uvicorn.Server):
    """Looks once a second for what changes by time, and at once for its end: not ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ends = asyncio.Event()

    async def main_loop(self) -> None:
        """Until it is to end."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self.ends.wait()


@dataclass
class Server:
    """One listening address."""

    address: str
    port: int
    _server: _Calm
    _task: asyncio.Task[None]

    async def close(self) -> None:
        """Stop listening, and cut what is still open."""
        self._server.should_exit = self._server.force_exit = True
        self._server.ends.set()
        await self._task


async def serve(
    app: App,
    address: str,
    port: int,
    *,
    keep_alive_s: int = 60,
    context: ssl.SSLContext | None = None,
) -> Server:
    """Serve an ASGI app on `address`; on `port` + 8000 where `port` needs rights we have not.

    With a context in TLS.
    """
    listening = _bind(address, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        interface="asgi3",
        lifespan="off",
        loop="asyncio",
        http="h11",
        ws="none",
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=1,
    )
    config.load()
    config.ssl = context  # uvicorn itself only takes files
    server = _Calm(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    return Server(address, listening.getsockname()[1], server, task)


def _bind(address: str, port: int) -> socket.socket:
    for candidate in (port, port + UNPRIVILEGED):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address, candidate))
        except OSError as refused:
            listening.close()
            if refused.errno not in (errno.EACCES, errno.EPERM):
                raise
        else:
            listening.listen(1024)
            listening.setblocking(False)  # noqa: FBT003 - the socket API
            return listening
    raise PermissionError(errno.EACCES, f"may not listen on {address}:{port}")

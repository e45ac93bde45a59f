"""TLS in front of a PostgreSQL that was built without it, as RDS puts it in front of its own.

The client's first message decides: a request for TLS is answered with TLS, anything in plain with
PostgreSQL's own refusal where the parameter group says `rds.force_ssl`.
"""

import asyncio
import contextlib
import logging
import ssl
import struct
from collections.abc import Callable
from pathlib import Path

__all__ = ["Front"]

TLS_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
LONGEST_START = 10_000
"""MAX_STARTUP_PACKET_LENGTH of PostgreSQL."""
CHUNK = 65536
log = logging.getLogger(__name__)


class Front:
    """Listens at an instance's own address and hands what it decrypts to the socket file."""

    def __init__(
        self,
        *,
        address: str,
        port: int,
        socket_path: Path,
        context: ssl.SSLContext,
        tls_only: Callable[[], bool],
    ) -> None:
        self._address = address
        self._port = port
        self._socket_path = socket_path
        self._context = context
        self._tls_only = tls_only
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, self._address, self._port)

    async def stop(self) -> None:
        """Stop listening and cut off whoever is connected."""
        if self._server is not None:
            self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        with contextlib.suppress(OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
            await self._converse(reader, writer)
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted = False
        while True:
            message, kind = await _first_message(reader)
            if kind == GSS_REQUEST:
                writer.write(b"N")
            elif kind == TLS_REQUEST and not encrypted:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._context)
                encrypted = True
            else:
                break
        if kind != CANCEL_REQUEST and not encrypted and self._tls_only():
            writer.write(_refusal(message, writer))
            await writer.drain()
            return
        await self._pass_on(message, reader, writer)

    async def _pass_on(
        self, message: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(self._socket_path))
        inner_writer.write(message)
        try:
            # Whoever of the two ends first ends both: PostgreSQL has no half-closed connections.
            ways = {
                asyncio.ensure_future(_pump(reader, inner_writer)),
                asyncio.ensure_future(_pump(inner_reader, writer)),
            }
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            inner_writer.close()


async def _first_message(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    head = await reader.readexactly(8)
    length, kind = struct.unpack("!ii", head)
    if not 8 <= length <= LONGEST_START:
        raise EOFError
    return head + await reader.readexactly(length - 8), kind


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()


def _refusal(start: bytes, writer: asyncio.StreamWriter) -> bytes:
    """What PostgreSQL says when no line of pg_hba.conf lets a client in, as RDS does."""
    words = start[8:].decode(errors="replace").split("\0")
    given = dict(zip(words[::2], words[1::2], strict=False))
    user = given.get("user", "")
    peer = writer.get_extra_info("peername")[0]
    text = (
        f'no pg_hba.conf entry for host "{peer}", user "{user}", '
        f'database "{given.get("database", user)}", no encryption'
    )
    fields = "".join(f"{key}{value}\0" for key, value in _fields(text)) + "\0"
    body = fields.encode()
    return b"E" + struct.pack("!i", len(body) + 4) + body


def _fields(text: str) -> list[tuple[str, str]]:
    return [("S", "FATAL"), ("V", "FATAL"), ("C", "28000"), ("M", text)]

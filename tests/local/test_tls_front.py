"""The local authority, and the TLS front of a database that has none of its own."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from byoc_infra.local.front import Front
from byoc_infra.local.tls import Authority

ADDRESS = "127.98.7.6"
NAME = "one.rds.amazonaws.com"
PORT = 54329
START = b"user\0langgraph\0database\0orders\0\0"


def message(code: int, rest: bytes = b"") -> bytes:
    """A first message of PostgreSQL's protocol."""
    return struct.pack("!ii", 8 + len(rest), code) + rest


@asynccontextmanager
async def front(directory: Path, *, tls_only: bool = True) -> AsyncIterator[ssl.SSLContext]:
    """A front before a server that says back what it hears; a client's settings for it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(b"heard " + data)
        writer.close()

    (directory / "state").mkdir()
    authority = Authority(directory)
    server = await asyncio.start_unix_server(echo, directory / "s")
    made = Front(
        address=ADDRESS,
        port=PORT,
        socket_path=directory / "s",
        context=authority.server_context(NAME, ADDRESS),
        tls_only=lambda: tls_only,
    )
    await made.start()
    try:
        yield ssl.create_default_context(cafile=str(authority.certificate_path))
    finally:
        await made.stop()
        server.close()


async def upgraded(
    context: ssl.SSLContext, name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection as libpq makes it."""
    reader, writer = await asyncio.open_connection(ADDRESS, PORT)
    writer.write(message(80877103))
    assert await reader.readexactly(1) == b"S"
    try:
        await writer.start_tls(context, server_hostname=name)
    except ssl.SSLError:
        writer.close()
        raise
    return reader, writer


@pytest.mark.parametrize("name", [NAME, ADDRESS])
def test_a_client_that_verifies_gets_through(tmp_path: Path, name: str) -> None:
    """By name and by address; what it says arrives in plain."""

    async def story() -> bytes:
        async with front(tmp_path) as context:
            reader, writer = await upgraded(context, name)
            writer.write(message(196608, START))
            heard = await reader.readexactly(6 + 8 + len(START))
            writer.close()
            return heard

    assert asyncio.run(story()) == b"heard " + message(196608, START)


def test_another_name_is_not_vouched_for(tmp_path: Path) -> None:
    """`verify-full` means something."""

    async def story() -> None:
        async with front(tmp_path) as context:
            await upgraded(context, "other.rds.amazonaws.com")

    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(story())


def test_plain_is_refused_in_postgresqls_words(tmp_path: Path) -> None:
    """Where the parameter group says so."""

    async def story() -> bytes:
        async with front(tmp_path):
            reader, writer = await asyncio.open_connection(ADDRESS, PORT)
            writer.write(message(196608, START))
            answer = await reader.read()
            writer.close()
            return answer

    answer = asyncio.run(story())
    assert answer[:1] == b"E"
    assert b"C28000\0" in answer
    assert b'user "langgraph", database "orders", no encryption' in answer


def test_plain_passes_where_tls_is_not_forced(tmp_path: Path) -> None:
    """It is the parameter group's decision."""

    async def story() -> bytes:
        async with front(tmp_path, tls_only=False):
            reader, writer = await asyncio.open_connection(ADDRESS, PORT)
            writer.write(message(196608, START))
            heard = await reader.readexactly(6)
            writer.close()
            return heard

    assert asyncio.run(story()) == b"heard "


def test_kerberos_is_declined_and_tls_still_offered(tmp_path: Path) -> None:
    """PostgreSQL's clients ask for the one, then for the other."""

    async def story() -> bytes:
        async with front(tmp_path):
            reader, writer = await asyncio.open_connection(ADDRESS, PORT)
            writer.write(message(80877104))
            first = await reader.readexactly(1)
            writer.write(message(80877103))
            second = await reader.readexactly(1)
            writer.close()
            return first + second

    assert asyncio.run(story()) == b"NS"


def test_the_authority_stays_over_a_restart(tmp_path: Path) -> None:
    """A client that trusts it need not be told again."""
    (tmp_path / "state").mkdir()
    first = Authority(tmp_path).certificate_path.read_bytes()

    assert Authority(tmp_path).certificate_path.read_bytes() == first
    assert (tmp_path / "state" / "tls" / "ca.key").stat().st_mode & 0o077 == 0

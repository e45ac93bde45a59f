"""A PostgreSQL that the local cloud does not know: somebody's own, beside it."""

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from byoc_infra.local.front import Front
from byoc_infra.local.postgres import Postgres
from byoc_infra.local.tls import Authority
from byoc_infra.local.world import Addresses, Hosts, World

__all__ = ["OutsidePostgres", "outside_postgres"]

NAME, USER, DATABASE = "orders.corp.internal", "app", "orders"


@dataclass(frozen=True)
class OutsidePostgres:
    """Where it is, and what its CA's certificate is."""

    address: str
    password: str
    ca_pem: str

    @property
    def uri(self) -> str:
        """What its owner would give to a deployment."""
        return f"postgresql://{USER}:{self.password}@{self.address}:5432/{DATABASE}"

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """The rows that it answers with."""
        with psycopg.connect(f"{self.uri}?sslmode=require") as connection:
            return list(connection.execute(query.encode()).fetchall())


@contextmanager
def outside_postgres(directory: Path, address: str) -> Iterator[OutsidePostgres]:
    """A server at `address`, behind TLS; its processes carry the mark of the cloud in `directory`.

    Where the cloud lives there is a copy of the programs that the server's user may run.
    """
    place = directory / "outside"
    place.mkdir()
    world = World(
        directory=directory,
        region="elsewhere",
        addresses=Addresses(0),
        hosts=Hosts(place / "hosts.json"),
    )
    server = Postgres(world, place / "server", place / "socket", "16", 100)
    password = secrets.token_urlsafe(12)
    authority = Authority(place)
    front = Front(
        address=address,
        port=5432,
        socket_path=server.socket_path,
        context=authority.server_context(NAME, address),
        tls_only=lambda: True,
    )
    try:
        server.create(user=USER, password=password, database=DATABASE)
        world.shared_loop.run(front.start())
        yield OutsidePostgres(address, password, authority.certificate_path.read_text())
    finally:
        world.shared_loop.run(_closed(front))
        world.shared_loop.stop()
        server.remove()
        shutil.rmtree(place)  # one story's is gone before the next one's


async def _closed(front: Front) -> None:
    """What was cut off has let go of its sockets."""
    await front.stop()
    await asyncio.sleep(0.2)

"""Reads at 1,000 deployments with 10,000 revisions, as multiples of those at 10 with 100.

The real application on a real PostgreSQL, without a socket between. Requests to the two take
turns, so that a busy machine slows both. `--rounds N` asks each route so often, `--deployments N`
is the larger number of deployments; below 200 rounds the middle is judged, for a p99 of few is
only the slowest.
"""

import argparse
import asyncio
import logging
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import sqlalchemy as sa
import structlog

from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.main import create_app
from byoc_infra.control_plane.services import tenants
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.control_plane.store.tables import AccountRow, DeploymentRow, RevisionRow
from byoc_infra.spec import DeploymentSpec
from tests.support.application import RememberingQueue
from tests.support.databases import Databases
from tests.support.plane import ACCOUNT, IMAGE
from tests.support.rows import deployment_row

LIMIT = 1.5
FEW, REVISIONS = 10, 10
ENOUGH_FOR_P99 = 200
DEPLOYMENT = "/v2/deployments/{deployment}"
ROUTES = (
    "/v2/deployments?limit=10",
    "/v2/deployments?limit=10&name_contains=app",
    DEPLOYMENT,
    f"{DEPLOYMENT}/revisions?limit=10",
    f"{DEPLOYMENT}/revisions/{{revision}}",
)


@dataclass
class Plane:
    """A control plane with so many deployments."""

    store: Store
    key: str
    deployment: uuid.UUID
    revision: uuid.UUID
    queries: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    asked: dict[str, list[int]] = field(default_factory=dict)
    """How many queries requests to a route have made; one a minute notes that the key is used."""

    def client(self) -> httpx.AsyncClient:
        """Somebody with a key."""
        sa.event.listen(self.store.engine, "before_cursor_execute", self._count)
        services = Services(
            settings=Settings(),
            store=self.store,
            queue=RememberingQueue(),  # reads enqueue nothing
            env={},
        )
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)),
            base_url="http://plane",
            headers={"X-Api-Key": self.key},
        )

    async def ask(self, client: httpx.AsyncClient, route: str) -> None:
        """One request, measured."""
        before, started = self.queries, time.perf_counter()
        answer = await client.get(route.format(deployment=self.deployment, revision=self.revision))
        self.seconds.setdefault(route, []).append(time.perf_counter() - started)
        self.asked.setdefault(route, []).append(self.queries - before)
        answer.raise_for_status()

    def _count(self, *_: object) -> None:
        self.queries += 1


def main() -> int:
    """Print both times, the ratio and the queries of each route; 1 when one is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--deployments", type=int, default=1000)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with ExitStack() as stack:
        databases = stack.enter_context(server())
        few, many = (
            stack.enter_context(populated(databases, number)) for number in (FEW, given.deployments)
        )
        asyncio.run(measure(few, many, given.rounds))
    return report(few, many, given.rounds)


@contextmanager
def server() -> Iterator[Databases]:
    """An embedded PostgreSQL."""
    place = Path(tempfile.mkdtemp(prefix="byoc-bench-"))
    embedded = Embedded(place, durable=False)
    embedded.open()
    try:
        yield Databases(embedded.url)
    finally:
        embedded.close()
        shutil.rmtree(place)


@contextmanager
def populated(databases: Databases, number: int) -> Iterator[Plane]:
    """A database of its own with that many deployments, and what statistics PostgreSQL keeps."""
    with databases.fresh() as url:
        store = Store(url)
        try:
            tenant, key = tenants.create(store, name="bench", deployment_limit=number)
            found = fill(store, tenant.id, number)
            with store.begin() as tx:
                tx.session.execute(sa.text("ANALYZE"))
            yield Plane(store, key.get_secret_value(), *found)
        finally:
            store.close()


def fill(store: Store, tenant_id: uuid.UUID, number: int) -> tuple[uuid.UUID, uuid.UUID]:
    """Rows as the API would have written them; a deployment in the middle, and one of its own."""
    with store.begin() as tx:
        account = tx.accounts.add(
            AccountRow(
                tenant_id=tenant_id,
                name="production",
                aws_account_id=ACCOUNT,
                region="eu-west-1",
                installation="default",
                role_arn=f"arn:aws:iam::{ACCOUNT}:role/bench",
                external_id=f"ext-{uuid.uuid4()}",
                status="active",
            )
        )
        ids = [[uuid.uuid4() for _ in range(REVISIONS)] for _ in range(number)]
        made = [deployment(account, place, own) for place, own in enumerate(ids)]
        tx.session.add_all(made)
        tx.session.flush()
        for row, own in zip(made, ids, strict=True):
            tx.session.add_all(revision(row, place, id_) for place, id_ in enumerate(own, 1))
        middle = number // 2
        return made[middle].id, ids[middle][REVISIONS // 2]


def deployment(account: AccountRow, place: int, revisions: list[uuid.UUID]) -> DeploymentRow:
    """One that serves its newest revision."""
    return deployment_row(
        account.tenant_id,
        account.id,
        f"app-{place}",
        id=uuid.uuid4(),
        status="READY",
        latest_revision_id=revisions[-1],
        active_revision_id=revisions[-1],
    )


def revision(row: DeploymentRow, number: int, id_: uuid.UUID) -> RevisionRow:
    """One that was deployed."""
    spec = DeploymentSpec(
        name=row.aws_name,
        aws_account_id=ACCOUNT,
        region="eu-west-1",
        image=IMAGE.format(number),
        environment={"NUMBER": str(number)},
    )
    return RevisionRow(
        id=id_,
        tenant_id=row.tenant_id,
        deployment_id=row.id,
        number=number,
        source=row.source,
        source_revision_config={"image_uri": IMAGE.format(number)},
        status="DEPLOYED",
        spec=spec.model_dump(mode="json"),
        secret_names=["API_TOKEN"],
    )


async def measure(few: Plane, many: Plane, rounds: int) -> None:
    """Every route in turns, once before it counts."""
    async with AsyncExitStack() as stack:
        clients = [(one, await stack.enter_async_context(one.client())) for one in (few, many)]
        for _ in range(rounds + 1):
            for route in ROUTES:
                for plane, client in clients:
                    await plane.ask(client, route)


def report(few: Plane, many: Plane, rounds: int) -> int:
    """What came out."""
    judged = "p99" if rounds >= ENOUGH_FOR_P99 else "median"
    print(f"{judged}, ms{'':>42}{'few':>8}{'many':>8}{'ratio':>8}  queries")
    wrong = 0
    for route in ROUTES:
        small, large = (percentile(one.seconds[route][1:], judged) for one in (few, many))
        asked = {statistics.mode(one.asked[route]) for one in (few, many)}
        wrong += large / small > LIMIT or len(asked) > 1
        shown = ", ".join(str(one) for one in sorted(asked))
        ratio = f"{small * 1000:8.1f}{large * 1000:8.1f}{large / small:8.2f}"
        print(f"GET {route:46}{ratio}  {shown}")
    print(f"limit {LIMIT}, and one number of queries for each route")
    return int(wrong > 0)


def percentile(seconds: list[float], judged: str) -> float:
    """The value that is judged."""
    if judged == "median":
        return statistics.median(seconds)
    return statistics.quantiles(seconds, n=100)[-1]


if __name__ == "__main__":
    sys.exit(main())

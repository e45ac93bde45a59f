"""Operations in the store, and worker processes that take them from there."""

import json
import multiprocessing
import os
import signal
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import operations
from byoc_infra.control_plane.services.operations import OperationKind
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    DeploymentRow,
    OperationRow,
    RevisionRow,
    TenantRow,
)
from byoc_infra.control_plane.workflows.queue import Queue
from tests.support import fake_supervisor, worker_process
from tests.support.rows import deployment_row

__all__ = ["Plane", "Worker", "workers"]

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([worker_process.__name__])


@dataclass
class Plane:
    """One tenant with one account, and what is asked for in its name."""

    store: Store
    queue: Queue
    tenant: TenantRow = field(init=False)
    account: AccountRow = field(init=False)

    def __post_init__(self) -> None:
        with self.store.begin() as tx:
            self.tenant = tx.tenants.add(TenantRow(name="acme"))
            self.account = tx.accounts.add(
                AccountRow(
                    tenant_id=self.tenant.id,
                    name="main",
                    aws_account_id="123456789012",
                    region="eu-central-1",
                    installation="default",
                    role_arn="arn:aws:iam::123456789012:role/byoc",
                    external_id="an-external-id-of-this-test",
                    status="active",
                )
            )

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return Caller(
            tenant_id=self.tenant.id,
            key_id=uuid.uuid4(),
            key_name="tests",
            scope="admin",
            request_id="req-1",
        )

    def deployment(self, name: str = "orders") -> DeploymentRow:
        """One that has never been deployed."""
        with self.store.begin() as tx:
            return tx.deployments.add(deployment_row(self.tenant.id, self.account.id, name))

    def ask(self, deployment: DeploymentRow, kind: OperationKind = "deploy") -> OperationRow:
        """A new revision, a preview of one, or the end of the deployment."""
        with self.store.begin() as tx:
            tx.deployments.get(self.tenant.id, deployment.id, lock=True)
            revision_id = None if kind == "delete" else self._revision(tx, deployment)
            return operations.start(
                tx,
                self.queue,
                caller=self.caller,
                deployment=deployment,
                kind=kind,
                revision_id=revision_id,
            )

    def operation(self, id_: str) -> OperationRow:
        """As it is now."""
        with self.store.begin() as tx:
            return tx.operations.get(self.tenant.id, id_)

    def revision(self, operation: OperationRow) -> RevisionRow:
        """The one that the operation is to deploy, as it is now."""
        assert operation.revision_id is not None
        with self.store.begin() as tx:
            return tx.revisions.get(self.tenant.id, operation.revision_id)

    def now(self, deployment: DeploymentRow) -> DeploymentRow:
        """As it is now."""
        with self.store.begin() as tx:
            return tx.deployments.by_id(deployment.id)

    def told(self, id_: str) -> list[str]:
        """The statuses that the operation's events have told."""
        with self.store.begin() as tx:
            return [e.data["status"] for e in tx.events.after(id_, 0, limit=100)]

    def statuses(self) -> dict[str, int]:
        """How many operations there are of each."""
        return {
            row.status: row.n
            for row in self.rows(
                "SELECT status, count(*) AS n FROM byoc.operations GROUP BY status"
            )
        }

    def rows(self, asked: str, **parameters: object) -> list[Any]:
        """What the database says."""
        with self.store.engine.connect() as connection:
            return list(connection.execute(sa.text(asked), parameters))

    def unfinished(self, ids: Collection[str]) -> int:
        """How many of these operations have not succeeded."""
        asked = "SELECT id FROM byoc.operations WHERE id = ANY(:ids) AND status <> 'SUCCEEDED'"
        return len(self.rows(asked, ids=list(ids)))

    def at_work(self, worker: int) -> int:
        """How many runs the supervisors of a worker are at."""
        asked = "SELECT 1 FROM public.runs WHERE worker = :worker AND ended IS NULL"
        return len(self.rows(asked, worker=worker))

    def runs(self) -> list[Any]:
        """What supervisors have run, in order."""
        return self.rows("SELECT * FROM public.runs ORDER BY number")

    def workflows(self) -> dict[str, str]:
        """DBOS's workflows and their statuses."""
        asked = "SELECT workflow_uuid AS id, status FROM dbos.workflow_status"
        return {row.id: row.status for row in self.rows(asked)}

    def _revision(self, tx: Any, deployment: DeploymentRow) -> uuid.UUID:
        row = RevisionRow(
            tenant_id=self.tenant.id,
            deployment_id=deployment.id,
            number=tx.revisions.next_number(deployment.id),
            source="external_docker",
            source_revision_config={},
            status="QUEUED",
            spec={},
        )
        found: uuid.UUID = tx.revisions.add(row).id
        return found


@dataclass
class Worker:
    """One worker process."""

    process: ForkServerProcess
    log: Path

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()

    def signal(self, number: signal.Signals) -> None:
        """Send it one."""
        os.kill(self.pid, number)

    def end(self, within_s: float = 30.0) -> int | None:
        """Wait for its end; its exit code."""
        self.process.join(within_s)
        return self.process.exitcode

    def said(self) -> str:
        """Its log."""
        return self.log.read_text()


class Workers:
    """Starts workers on one database, and ends them all.

    They are forked off a process that has the modules loaded and does nothing else.
    """

    def __init__(self, url: str, logs: Path) -> None:
        self._url = url
        self._logs = logs
        self._all: list[Worker] = []

    def start(
        self,
        *,
        plan: Mapping[str, object] | None = None,
        version: str = "1",
        concurrency: int = 2,
        **tuning: object,
    ) -> Worker:
        """One more; its log is in the test's directory."""
        log = self._logs / f"worker-{len(self._all)}.log"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(ROOT),
            "BYOC_DATABASE_URL": self._url,
            "BYOC_LEASE_S": "6",
            "BYOC_CONCURRENCY": str(concurrency),
            "BYOC_APPLICATION_VERSION": version,
            "FAKE_PLAN": json.dumps(plan or {}),
            "TUNING": json.dumps(tuning),
        }
        log.touch()
        process = FORKS.Process(target=worker_process.begin, args=(env, str(log)))
        process.start()
        self._all.append(Worker(process, log))
        return self._all[-1]

    def end(self) -> None:
        """All of them, whatever they do."""
        for worker in self._all:
            worker.process.kill()
            worker.process.join()


@contextmanager
def workers(plane: Plane, logs: Path) -> Iterator[Workers]:
    """Where workers come from; none is left at the end."""
    with plane.store.engine.begin() as connection:
        connection.execute(sa.text(fake_supervisor.TABLE))
    started = Workers(plane.store.url, logs)
    try:
        yield started
    finally:
        started.end()

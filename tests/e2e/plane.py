"""Supervisors over a local cloud, with the rows that the API would have written."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import sqlalchemy as sa

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    DeploymentRow,
    OperationRow,
    RevisionRow,
    TenantRow,
)
from byoc_infra.flows.work import new_operation
from tests.e2e.stage import Stage
from tests.support.rows import deployment_row

__all__ = ["Plane", "Supervisor"]

ANSWER_S = 200.0
SAID = "strpos(data::text, :word) > 0"
BEGUN = (
    "starts_with(data->>'type', :type) AND data->>'state' = 'started'"
    " AND data->>'op' IN ('create', 'update', 'replace', 'create-replacement')"
)
"""What events tell; asked of the database, since an attempt has hundreds of them."""
RENAMED = (
    "import os, socket, sys;socket.sethostname('elsewhere'); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Gives the machine another name, in a name space of its own, and goes on as another program."""


class Supervisor:
    """One supervisor process, spoken to as a worker does."""

    def __init__(self, env: Mapping[str, str], before: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "byoc_infra.control_plane.supervisor"],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.log: list[str] = []
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_log)
        ]
        for reader in self._readers:
            reader.start()

    def tell(self, operation_id: str, attempt: int = 1) -> None:
        """Order it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"operation": operation_id, "attempt": attempt}) + "\n")
        self.process.stdin.flush()

    def answer(self, within_s: float = ANSWER_S) -> dict[str, Any]:
        """The next answer."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            with suppress(queue.Empty):
                return self._answers.get(timeout=0.5)
            if self.process.poll() is not None and self._answers.empty():
                break
        raise AssertionError(f"no answer within {within_s:g} s; its log:\n{''.join(self.log)}")

    @property
    def answered(self) -> bool:
        """Whether an answer waits to be read."""
        return not self._answers.empty()

    def conduct(self, operation_id: str, attempt: int = 1) -> dict[str, Any]:
        """Order it, and wait for how it ends."""
        self.tell(operation_id, attempt)
        return self.answer()

    def family(self) -> list[psutil.Process]:
        """It and all that it started, the engine's processes included."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def part(self, word: str) -> list[psutil.Process]:
        """Those of its family whose command line has this word."""
        found = []
        for one in self.family():
            with suppress(psutil.Error):
                if any(word in part for part in one.cmdline()):
                    found.append(one)
        return found

    def close(self) -> int:
        """End its input, as a worker's death does; its exit code."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.process.wait(120)

    def forget(self) -> None:
        """It is dead: close what was its."""
        self.process.wait(10)
        for reader in self._readers:
            reader.join(10)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as answers:
            for line in answers:
                self._answers.put(json.loads(line))

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as log:
            self.log.extend(log)


@dataclass
class Plane:
    """The store, and what runs on it."""

    stage: Stage
    store: Store
    lease_s: float = 20.0
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """One tenant with one active account: the stage's."""
        access = self.stage.access()
        with self.store.begin() as tx:
            self.tenant = tx.tenants.add(TenantRow(id=uuid.uuid4(), name="acme"))
            self.account = tx.accounts.add(
                AccountRow(
                    tenant_id=self.tenant.id,
                    name="customer",
                    aws_account_id=self.stage.cloud.customer.id,
                    region=self.stage.cloud.region,
                    installation="default",
                    role_arn=access.role_arn,
                    external_id=access.external_id,
                    status="active",
                )
            )

    def env(self) -> dict[str, str]:
        """A supervisor's whole environment: the state lies in the store's PostgreSQL."""
        cloud = self.stage.cloud
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PULUMI_"))}
        ambient = {**cloud.env("vendor"), **cloud.reserve_owner_env()}
        del ambient["PULUMI_BACKEND_URL"], ambient["PULUMI_CONFIG_PASSPHRASE"]
        return {
            **kept,
            **ambient,
            "BYOC_DATABASE_URL": self.store.url,
            "BYOC_SECRET_KEY": "k" * 64,
            "BYOC_LEASE_S": str(self.lease_s),
            "BYOC_HEALTH_DEADLINE_S": "120",
            "BYOC_DATA_DIR": str(cloud.directory / "data"),
            **self.settings,
        }

    @contextmanager
    def supervisor_elsewhere(self) -> Iterator[Supervisor]:
        """One that takes this machine for another: its name differs, and it shares no folder."""
        other = ["unshare", "--uts", sys.executable, "-c", RENAMED]
        data = str(self.stage.cloud.directory / "data-elsewhere")
        with self.supervisor(before=other, BYOC_DATA_DIR=data) as supervisor:
            yield supervisor

    @contextmanager
    def supervisor(self, *, before: Sequence[str] = (), **env: str) -> Iterator[Supervisor]:
        """A supervisor, ended at the end of the block with all that it started."""
        started = Supervisor({**self.env(), **env}, before)
        try:
            yield started
        finally:
            family = started.family() if started.process.poll() is None else []
            with suppress(subprocess.TimeoutExpired):
                started.close()
            for one in family:
                with suppress(psutil.Error):
                    one.kill()
            started.forget()

    def deployment(self, name: str) -> DeploymentRow:
        """A deployment's row."""
        with self.store.begin() as tx:
            return tx.deployments.add(deployment_row(self.tenant.id, self.account.id, name))

    def revision(self, deployment: DeploymentRow, image: str, **changes: object) -> RevisionRow:
        """Its next revision."""
        spec = self.stage.deployment(deployment.aws_name, image, **changes)
        with self.store.begin() as tx:
            row = tx.revisions.add(
                RevisionRow(
                    tenant_id=self.tenant.id,
                    deployment_id=deployment.id,
                    number=tx.revisions.next_number(deployment.id),
                    source="external_docker",
                    source_revision_config={},
                    status="QUEUED",
                    spec=spec.model_dump(mode="json"),
                )
            )
            tx.deployments.get(self.tenant.id, deployment.id).latest_revision_id = row.id
            return row

    def operation(
        self, kind: str, deployment: DeploymentRow, revision: RevisionRow | None = None
    ) -> str:
        """An operation's row; its id."""
        with self.store.begin() as tx:
            return tx.operations.add(
                OperationRow(
                    id=new_operation(),
                    tenant_id=self.tenant.id,
                    account_id=self.account.id,
                    deployment_id=deployment.id,
                    revision_id=revision.id if revision else None,
                    kind=kind,
                    status="RUNNING",
                    source_identity="tester",
                    request_id="req-1",
                )
            ).id

    def row(self, operation_id: str) -> OperationRow:
        """The operation as it is now."""
        with self.store.begin() as tx:
            found = tx.operations.by_id(operation_id)
        assert found is not None
        return found

    def times_told(self, operation_id: str, word: str) -> int:
        """How many events have the word in them."""
        return self._events(operation_id, SAID, word=word)

    def told(self, operation_id: str, word: str) -> bool:
        """Whether one has."""
        return self.times_told(operation_id, word) > 0

    def times_begun(self, operation_id: str, type_: str = "aws:") -> int:
        """How often the engine has begun to make or change something of that type."""
        return self._events(operation_id, BEGUN, type=type_)

    def _events(self, operation_id: str, which: str, **given: str) -> int:
        asked = f"SELECT count(*) FROM byoc.events WHERE operation_id = :id AND {which}"  # noqa: S608 - ours
        with self.store.engine.connect() as connection:
            return connection.scalar(sa.text(asked), {"id": operation_id, **given}) or 0

    def succeeded(self, operation_id: str) -> None:
        """Write down what the workflow's last step does after a success."""
        with self.store.begin() as tx:
            operation = tx.operations.by_id(operation_id)
            assert operation is not None
            operation.status = "SUCCEEDED"
            operation.finished_at = operation.updated_at
            if operation.kind == "deploy":
                deployment = tx.deployments.get(self.tenant.id, operation.deployment_id)
                deployment.active_revision_id = operation.revision_id
                deployment.status = "READY"

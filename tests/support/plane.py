"""The control plane's API in process, on a real PostgreSQL, with a queue that only remembers."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from fastapi.testclient import TestClient
from pydantic import SecretStr

from byoc_infra.aws.session import Session
from byoc_infra.control_plane.caller import Caller, Scope
from byoc_infra.control_plane.services import keys
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    AuditRow,
    DeploymentRow,
    EventRow,
    OperationRow,
    RevisionRow,
    TenantRow,
)
from byoc_infra.flows.work import new_operation
from byoc_infra.spec import DeploymentSpec
from tests.support.application import Bound, RememberingQueue, ServicesOnto
from tests.support.rows import deployment_row

__all__ = ["ACCOUNT", "IMAGE", "Plane"]

ACCOUNT = "222222222222"
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/agents@sha256:{{:064x}}"
SETTINGS = Settings(
    secret_key=SecretStr("of the tests, and long enough for them"),
    vendor_principal_arn="arn:aws:iam::111111111111:user/control-plane",
)
NO_AWS = AssertionError("nobody has said that this test asks AWS")


class FixedReach(Reach):
    """Gives one session, or fails with one error."""

    def __init__(self, given: Session | Exception) -> None:
        super().__init__({})
        self._given = given

    @contextmanager
    def session(self, account: AccountRow, caller: Caller, **_: str | None) -> Iterator[Session]:
        """The one."""
        if isinstance(self._given, Exception):
            raise self._given
        yield self._given


class Plane:
    """A tenant with an account, and a client of the API for each scope."""

    def __init__(self, store: Store, *, session: Session | Exception = NO_AWS) -> None:
        self.store = store
        self.queue = RememberingQueue()
        services = ServicesOnto(
            settings=SETTINGS, store=store, queue=self.queue, env={}, onto=FixedReach(session)
        )
        self.app = Bound(services, quiet=True)
        self.tenant = self._tenant()
        self.account = self._account(self.tenant)

    def client(self, scope: Scope = "admin", tenant: TenantRow | None = None) -> TestClient:
        """Whoever has a key of this scope."""
        with self.store.begin() as tx:
            _, key = keys.issue(
                tx, None, tenant_id=(tenant or self.tenant).id, name=f"{scope} key", scope=scope
            )
        return TestClient(self.app, headers={"X-Api-Key": key.get_secret_value()})

    def stranger(self) -> TestClient:
        """An administrator of another tenant."""
        return self.client("admin", self._tenant())

    def deployment(self, name: str = "chat", **columns: object) -> DeploymentRow:
        """A deployment that has not been given a revision."""
        row = deployment_row(self.tenant.id, self.account.id, name, **columns)
        with self.store.begin() as tx:
            return tx.deployments.add(row)

    def revision(self, deployment: DeploymentRow, **columns: object) -> RevisionRow:
        """Its next revision, DEPLOYED unless said otherwise."""
        with self.store.begin() as tx:
            row = tx.deployments.get(self.tenant.id, deployment.id, lock=True)
            number = tx.revisions.next_number(row.id)
            spec = DeploymentSpec(
                name=row.aws_name,
                aws_account_id=ACCOUNT,
                region="eu-west-1",
                image=IMAGE.format(number),
                environment={"NUMBER": str(number)},
            )
            values = {
                "tenant_id": row.tenant_id,
                "deployment_id": row.id,
                "number": number,
                "source": row.source,
                "source_revision_config": {"image_uri": IMAGE.format(number)},
                "status": "DEPLOYED",
                "spec": spec.model_dump(mode="json"),
                "secret_names": ["API_TOKEN"],
                "secrets_arn": f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:r{number}",
                **columns,
            }
            revision = tx.revisions.add(RevisionRow(**values))
            row.latest_revision_id = revision.id
            if revision.status == "DEPLOYED":
                row.active_revision_id, row.status = revision.id, "READY"
            return revision

    def operation(
        self, deployment: DeploymentRow, revision: RevisionRow | None = None, **columns: object
    ) -> OperationRow:
        """An operation on it, QUEUED unless said otherwise."""
        values = {
            "id": new_operation(),
            "tenant_id": deployment.tenant_id,
            "account_id": deployment.account_id,
            "deployment_id": deployment.id,
            "revision_id": revision.id if revision else None,
            "kind": "deploy",
            "status": "QUEUED",
            "source_identity": "tester@1",
            "request_id": "req-1",
            **columns,
        }
        with self.store.begin() as tx:
            return tx.operations.add(OperationRow(**values))

    def event(self, operation: OperationRow, kind: str = "progress", **data: object) -> EventRow:
        """Something that happened in it."""
        with self.store.begin() as tx:
            return tx.events.add(EventRow(operation_id=operation.id, kind=kind, data=data))

    def audited(self) -> list[tuple[str, str | None]]:
        """The tenant's entries in the audit: action and operation."""
        with self.store.begin() as tx:
            rows = tx.session.scalars(
                sa.select(AuditRow)
                .where(AuditRow.tenant_id == self.tenant.id)
                .order_by(AuditRow.seq)
            )
            return [(row.action, row.operation_id) for row in rows]

    def _tenant(self) -> TenantRow:
        with self.store.begin() as tx:
            return tx.tenants.add(TenantRow(name=f"tenant {uuid.uuid4()}"))

    def _account(self, tenant: TenantRow) -> AccountRow:
        with self.store.begin() as tx:
            return tx.accounts.add(
                AccountRow(
                    tenant_id=tenant.id,
                    name="production",
                    aws_account_id=ACCOUNT,
                    region="eu-west-1",
                    installation="default",
                    role_arn=f"arn:aws:iam::{ACCOUNT}:role/{uuid.uuid4()}",
                    external_id=f"ext-{uuid.uuid4()}",
                    status="active",
                )
            )

"""The platform's API in process: a real PostgreSQL, a customer's account in memory, no worker."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from fastapi.testclient import TestClient
from pydantic import SecretStr

from byoc_infra.aws.session import Session
from byoc_infra.control_plane.caller import Caller, Scope
from byoc_infra.control_plane.services import keys
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import AccountRow, Base, TenantRow
from tests.support.application import Bound, RememberingQueue, ServicesOnto
from tests.support.customer_aws import ACCOUNT, DIGEST, REPOSITORY, CustomerAws

__all__ = ["Api", "a_request", "everything", "secrets"]


class OneAccount(Reach):
    """Leads into the account in memory."""

    def __init__(self, aws: CustomerAws) -> None:
        super().__init__({})
        self.aws = aws
        self.refused: Exception | None = None

    @contextmanager
    def session(self, account: AccountRow, caller: Caller, **_: str | None) -> Iterator[Session]:
        """Its session, or what it is refused with."""
        if self.refused is not None:
            raise self.refused
        yield self.aws


class Api:
    """A tenant with one active account, and a client with a key of scope `deploy`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queue = RememberingQueue()
        self.aws = CustomerAws()
        self.reach = OneAccount(self.aws)
        services = ServicesOnto(
            settings=Settings(secret_key=SecretStr("k" * 32)),
            store=store,
            queue=self.queue,
            env={},
            onto=self.reach,
        )
        self.app = Bound(services)
        self._numbers = itertools.count(1)
        self.tenant = self.new_tenant()
        self.account = self.new_account()
        self.http = self.client("deploy")

    def new_tenant(self) -> TenantRow:
        """Another one."""
        with self.store.begin() as tx:
            return tx.tenants.add(TenantRow(name=f"tenant {next(self._numbers)}"))

    def new_account(self, tenant: TenantRow | None = None, **columns: Any) -> AccountRow:
        """A connection, active unless said otherwise."""
        number = next(self._numbers)
        values = {
            "tenant_id": (tenant or self.tenant).id,
            "name": f"account-{number}",
            "aws_account_id": ACCOUNT,
            "region": "eu-west-1",
            "installation": "default" if number < 3 else f"i{number}",
            "role_arn": f"arn:aws:iam::{ACCOUNT}:role/LangGraphCloudBYOCRole"
            + ("" if number < 3 else f"-i{number}"),
            "external_id": f"ext-{uuid.uuid4()}",
            "status": "active",
            **columns,
        }
        with self.store.begin() as tx:
            return tx.accounts.add(AccountRow(**values))

    def client(self, scope: Scope = "deploy", tenant: TenantRow | None = None) -> TestClient:
        """Whoever has a key of this scope."""
        with self.store.begin() as tx:
            _, key = keys.issue(
                tx, None, tenant_id=(tenant or self.tenant).id, name=f"{scope} key", scope=scope
            )
        return TestClient(
            self.app,
            headers={"X-Api-Key": key.get_secret_value()},
            raise_server_exceptions=False,
        )

    def create(self, name: str = "chat", **parts: Any) -> dict[str, Any]:
        """A deployment that was accepted."""
        return accepted(self.http.post("/v2/deployments", json=a_request(name, **parts)), 201)

    def patch(self, deployment: dict[str, Any], **parts: Any) -> dict[str, Any]:
        """The deployment after a change that was accepted."""
        path = f"/v2/deployments/{deployment['id']}"
        return accepted(self.http.patch(path, json=parts), 200)

    def spec(self, deployment: dict[str, Any]) -> dict[str, Any]:
        """What its latest revision is made of."""
        with self.store.begin() as tx:
            id_ = uuid.UUID(deployment["latest_revision_id"])
            return tx.revisions.get(self.tenant.id, id_).spec

    def value(self, deployment: dict[str, Any], name: str) -> str:
        """What a task of its latest revision gets as variable `name`."""
        reference = self.spec(deployment)["secrets"][name]
        return self.aws.of_revision(reference["arn"]).read(reference["version_id"])[
            reference["json_key"]
        ]


def a_request(name: str = "chat", **parts: Any) -> dict[str, Any]:
    """What the stock CLI sends for an image of one's own."""
    return {
        "name": name,
        "source": "external_docker",
        "source_config": {"resource_spec": {}},
        "source_revision_config": {"image_uri": f"{REPOSITORY}@{DIGEST}"},
        "secrets": [],
        **parts,
    }


def accepted(answer: Any, status: int) -> dict[str, Any]:
    """The body of an answer that has the status."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def everything(store: Store) -> list[dict[str, Any]]:
    """Every row of every table, oldest first within one."""
    with store.engine.connect() as connection:
        return [
            dict(row._mapping)
            for table in Base.metadata.sorted_tables
            for row in connection.execute(sa.select(table))
        ]


def secrets(**values: str) -> list[dict[str, str]]:
    """As the API takes them."""
    return [{"name": name, "value": value} for name, value in values.items()]

"""The control plane's API in process: all of its routes on a real database, and a tenant's keys."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from pydantic import SecretStr

from byoc_infra.control_plane.caller import Scope
from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.services.keys import issue
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import TenantRow
from tests.support.application import Bound, RememberingQueue, ServicesOnto
from tests.support.customer import Customer

__all__ = ["VENDOR", "Api", "Tenant", "services"]

VENDOR = "arn:aws:iam::111111111111:user/control-plane"


def services(store: Store, customer: Customer) -> ServicesOnto:
    """What the API is made of, in front of the customer."""
    return ServicesOnto(
        settings=Settings(vendor_principal_arn=VENDOR, secret_key=SecretStr("k" * 32)),
        store=store,
        queue=RememberingQueue(),
        env={},
        onto=customer,
    )


@dataclass(frozen=True)
class Tenant:
    """A tenant and a key of each scope."""

    id: uuid.UUID
    keys: Mapping[Scope, str]


class _Keys(dict[Scope, str]):
    """A tenant's, of which most tests use one."""

    def __init__(self, store: Store, tenant_id: uuid.UUID) -> None:
        super().__init__()
        self._store = store
        self._tenant_id = tenant_id

    def __missing__(self, scope: Scope) -> str:
        with self._store.begin() as tx:
            _, key = issue(tx, None, tenant_id=self._tenant_id, name=scope, scope=scope)
        return self.setdefault(scope, key.get_secret_value())


class Api:
    """A client of the API that speaks for one tenant after the other."""

    def __init__(
        self, store: Store, customer: Customer, *, made_of: Services | None = None
    ) -> None:
        """`made_of` stands for the services in front of the customer, where AWS is another."""
        self.store = store
        self.customer = customer
        self.services = made_of or services(store, customer)
        self.app = Bound(self.services)
        self.http = TestClient(self.app, raise_server_exceptions=False)

    def tenant(self, name: str = "acme") -> Tenant:
        """A new tenant; each of its keys is made when it is first used."""
        with self.store.begin() as tx:
            row = tx.tenants.add(TenantRow(name=name))
        return Tenant(row.id, _Keys(self.store, row.id))

    def send(
        self,
        tenant: Tenant,
        method: str,
        path: str,
        json: Any = None,
        *,
        scope: Scope = "admin",
        **headers: str,
    ) -> Any:  # the client's own class of answers differs between versions of starlette
        """One request with the tenant's key of the scope."""
        given = {"X-Api-Key": tenant.keys[scope], **headers}
        return self.http.request(method, path, json=json, headers=given)

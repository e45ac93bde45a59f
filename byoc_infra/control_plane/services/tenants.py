"""Tenants: made by the operator, with a first key for the tenant's administrator."""

import re

from pydantic import SecretStr

from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.services.keys import issue
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import TenantRow
from byoc_infra.errors import DuplicateName, SpecError

__all__ = ["create"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")
FIRST_KEY = "first"


def create(store: Store, *, name: str, deployment_limit: int) -> tuple[TenantRow, SecretStr]:
    """A tenant, and a key of scope `admin`, which nobody can get a second time."""
    if not NAME.fullmatch(name):
        raise SpecError(
            "name",
            wanted="1 to 63 letters, digits, spaces, dots, hyphens and underscores",
            got=repr(name),
            next_step="Give another name.",
        )
    with store.begin() as tx:
        tx.tenants.lock()  # two that make the same one see each other
        if tx.tenants.named(name) is not None:
            raise DuplicateName(
                "name",
                wanted="a name that no tenant has",
                got=repr(name),
                next_step="See `byoc tenant list`; a lost key is replaced with another of the "
                "tenant's admin keys.",
            )
        tenant = tx.tenants.add(TenantRow(name=name, deployment_limit=deployment_limit))
        audit.note(tx, None, "tenant.create", tenant)
        _, key = issue(tx, None, tenant_id=tenant.id, name=FIRST_KEY, scope="admin")
    return tenant, key

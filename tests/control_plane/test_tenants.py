"""Tenants: what the operator makes, and the key that comes with one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.services import tenants
from byoc_infra.control_plane.services.keys import Keys
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import AuditRow
from byoc_infra.errors import DuplicateName, SpecError
from byoc_infra.redaction import scrub


def test_a_tenant_comes_with_a_key_that_may_do_all_in_it(store: Store) -> None:
    """So that its administrator can make the others."""
    tenant, key = tenants.create(store, name="acme", deployment_limit=3)

    caller = Keys(store).caller(key.get_secret_value(), tenant=None, request_id="r")
    assert (caller.tenant_id, caller.scope) == (tenant.id, "admin")
    with store.begin() as tx:
        assert tx.tenants.get(tenant.id).deployment_limit == 3
        entries = tx.session.scalars(sa.select(AuditRow).order_by(AuditRow.seq)).all()
    assert [(one.action, one.actor) for one in entries] == [
        ("tenant.create", "operator"),
        ("key.create", "operator"),
    ]


def test_a_key_is_known_as_a_secret_by_its_form(store: Store) -> None:
    """Its public part may be told, wherever it turns up."""
    _, key = tenants.create(store, name="acme", deployment_limit=3)
    public = "_".join(key.get_secret_value().split("_")[:2])

    assert scrub(f"tried {key.get_secret_value()}!") == f"tried {public}_…!"


def test_of_many_that_make_the_same_tenant_one_does(store: Store) -> None:
    """The others are told, and leave no key."""

    def make(_: int) -> str:
        try:
            tenants.create(store, name="acme", deployment_limit=1)
        except DuplicateName as refused:
            return refused.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(make, range(4)))

    assert said == ["DUPLICATE_NAME"] * 3 + ["made"]
    with store.begin() as tx:
        (tenant,) = tx.tenants.all()
        assert len(tx.keys.of_tenant(tenant.id, limit=10, offset=0)) == 1


@pytest.mark.parametrize("name", ["", " acme", "a" * 64, "acme\n", "ac/me"])
def test_a_name_that_cannot_work_is_refused(store: Store, name: str) -> None:
    """It stands in tables and log lines."""
    with pytest.raises(SpecError, match="name"):
        tenants.create(store, name=name, deployment_limit=1)

"""The audit rows: what they prove, and that nobody alters them."""

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import TenantRow


def noted(store: Store) -> TenantRow:
    """A tenant that was made by the operator."""
    with store.begin() as tx:
        tenant = tx.tenants.add(TenantRow(name="acme"))
        audit.note(tx, None, "tenant.create", tenant)
    return tenant


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE byoc.audit SET actor = 'nobody'",
        "DELETE FROM byoc.audit",
        "TRUNCATE byoc.audit",
    ],
)
def test_the_database_refuses_to_alter_an_entry(store: Store, statement: str) -> None:
    """Also for whoever speaks SQL with the control plane's own user."""
    tenant = noted(store)
    with (
        pytest.raises(sa.exc.DBAPIError, match="only added to"),
        store.engine.begin() as connection,
    ):
        connection.execute(sa.text(statement))
    with store.begin() as tx:
        (entry,) = tx.audit.of_tenant(tenant.id, limit=10, offset=0)

    assert (entry.actor, entry.action) == ("operator", "tenant.create")


def test_an_entry_that_is_rolled_back_with_its_change_is_gone(store: Store) -> None:
    """The two are one transaction: neither is ever there alone."""
    tenant = noted(store)
    with pytest.raises(ZeroDivisionError):
        _change_that_fails(store, tenant)
    with store.begin() as tx:
        entries = tx.audit.of_tenant(tenant.id, limit=10, offset=0)
        limit = tx.tenants.get(tenant.id).deployment_limit

    assert [one.action for one in entries] == ["tenant.create"]
    assert limit == 100


def _change_that_fails(store: Store, tenant: TenantRow) -> None:
    with store.begin() as tx:
        row = tx.tenants.get(tenant.id)
        before = audit.state(row)
        row.deployment_limit = 7
        audit.note(tx, None, "tenant.change", row, before=before)
        raise ZeroDivisionError

"""Which account a deployment goes to; the platform's API calls it a listener."""

import uuid

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.deployments import SourceConfig
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import ConnectionUnusable, NotFound, SpecError

__all__ = ["NAMESPACE", "chosen", "usable"]

NAMESPACE = "default"
"""What an account shows as its one namespace."""
FIELD = "source_config.listener_id"


def chosen(tx: Transaction, caller: Caller, asked: SourceConfig) -> AccountRow:
    """The account that is named, else the tenant's only one."""
    _check_namespace(asked)
    if asked.listener_id is not None:
        return usable(_named(tx, caller, asked.listener_id))
    known = tx.accounts.of_tenant(caller.tenant_id, limit=100, offset=0)
    candidates = [one for one in known if one.status == "active"]
    candidates = candidates or [one for one in known if one.status == "disconnected"]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise ConnectionUnusable(
            FIELD,
            wanted="an active connection to an account",
            got="none",
            next_step="Connect one: `byoc connection create`, then `byoc connection activate`.",
        )
    names = ", ".join(f"{one.id} ({one.name})" for one in candidates[:10])
    # The stock CLI looks for the words "listener_id' is required" (langgraph-cli 0.4.40).
    raise ConnectionUnusable(
        FIELD,
        wanted="one account: 'listener_id' is required where several are connected",
        got="none",
        next_step=f"Choose one of {names}.",
    )


def usable(account: AccountRow) -> AccountRow:
    """The account, if something may be deployed to it; one that is out of reach is tried."""
    if account.status in ("active", "disconnected"):
        return account
    raise ConnectionUnusable(
        FIELD,
        wanted="an active connection",
        got=f"{account.name}, which is {account.status}",
        next_step="Activate it: `byoc connection activate`.",
    )


def _named(tx: Transaction, caller: Caller, listener_id: uuid.UUID) -> AccountRow:
    try:
        return tx.accounts.get(caller.tenant_id, listener_id)
    except NotFound:
        raise SpecError(
            FIELD,
            wanted="the id of one of the tenant's listeners",
            got=str(listener_id),
            next_step="List them: `langgraph deploy listeners list`.",
        ) from None


def _check_namespace(asked: SourceConfig) -> None:
    namespace = asked.listener_config and asked.listener_config.k8s_namespace
    if namespace not in (None, NAMESPACE):
        raise SpecError(
            "source_config.listener_config.k8s_namespace",
            wanted=NAMESPACE,
            got="another",
            next_step="Leave it out: an account has one namespace.",
        )

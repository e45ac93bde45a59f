"""Connections to customers' accounts: asked for, looked at, ended.

What proves that one works is in `activation`; how its external id is replaced in `rotation`.
"""

import datetime
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.accounts import (
    AccountCreate,
    AccountPatch,
    AccountStatus,
    Setup,
)
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.services.platform_secrets import PlatformSecrets, Removal
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.services.setup import kept, setup_of, vendor_principal
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import Conflict
from byoc_infra.naming import AccountNames, Place

__all__ = ["Accounts", "new_external_id"]


def new_external_id() -> str:
    """One that nobody can guess; 160 random bits."""
    return f"byoc-{secrets.token_hex(20)}"


@dataclass(frozen=True)
class Accounts:
    """What requests do with connections."""

    store: Store
    reach: Reach
    vendor_principal_arn: str | None
    """As the settings say, if they do."""

    def create(self, caller: Caller, asked: AccountCreate) -> tuple[AccountRow, Setup]:
        """A connection whose role has still to be made, and how it is made."""
        principal = self._principal(asked.region)
        names = AccountNames.of(asked.installation, asked.region, asked.first_region)
        account = AccountRow(
            tenant_id=caller.tenant_id,
            name=asked.name,
            aws_account_id=asked.aws_account_id,
            region=asked.region,
            installation=asked.installation,
            role_arn=Place(asked.aws_account_id, asked.region).role_arn(names.access_role),
            external_id=new_external_id(),
            status="requested",
            default_deployment_type=asked.default_deployment_type,
            setup=kept(asked),
        )
        with self.store.begin() as tx:
            _free(tx, caller, asked.name)
            tx.accounts.add(account)
            audit.note(tx, caller, "account.create", account)
        return account, setup_of(account, principal)

    def of_tenant(
        self, caller: Caller, *, limit: int, offset: int, status: AccountStatus | None = None
    ) -> Sequence[AccountRow]:
        """The tenant's connections, oldest first; deleted ones only by that status."""
        with self.store.begin() as tx:
            return tx.accounts.of_tenant(
                caller.tenant_id, limit=limit, offset=offset, status=status
            )

    def get(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """One of the tenant's connections."""
        with self.store.begin() as tx:
            return tx.accounts.get(caller.tenant_id, account_id)

    def setup(self, caller: Caller, account_id: uuid.UUID) -> Setup:
        """What the customer needs for the set-up stack, as things are now."""
        account = self.get(caller, account_id)
        return setup_of(account, self._principal(account.region))

    def change(self, caller: Caller, account_id: uuid.UUID, asked: AccountPatch) -> AccountRow:
        """Another name, or another default."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            before = audit.state(account)
            if asked.name is not None and asked.name != account.name:
                _free(tx, caller, asked.name)
                account.name = asked.name
            if asked.default_deployment_type is not None:
                account.default_deployment_type = asked.default_deployment_type
            if audit.state(account) != before:
                audit.note(tx, caller, "account.change", account, before=before)
            return account

    def revoke(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """Use the role no more; what runs in the account goes on running."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            if account.status == "revoked":
                return account
            before = audit.state(account)
            account.status = "revoked"
            account.status_message = "Ended by the tenant; activate it to use it again."
            audit.note(tx, caller, "account.revoke", account, before=before)
            return account

    def delete(self, caller: Caller, account_id: uuid.UUID) -> Removal:
        """Forget a connection without deployments, and take back the secrets given through it."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id)
            _empty(tx, account)
        removal = PlatformSecrets(self.store, self.reach).take_back(caller, account)
        with self.store.begin() as tx:
            tx.tenants.get(caller.tenant_id, lock=True)  # holds new deployments back
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            _empty(tx, account)
            before = audit.state(account)
            account.status, account.status_message = "deleted", ""
            account.deleted_at = datetime.datetime.now(datetime.UTC)
            audit.note(tx, caller, "account.delete", account, before=before)
        return removal

    def _principal(self, region: str) -> str:
        return vendor_principal(self.vendor_principal_arn, self.reach, region)


def _free(tx: Transaction, caller: Caller, name: str) -> None:
    tx.tenants.get(caller.tenant_id, lock=True)  # two requests do not both find the name free
    if tx.accounts.named(caller.tenant_id, name) is not None:
        raise Conflict(
            "name",
            wanted="a name that no connection of the tenant has",
            got=name,
            next_step="Choose another, or use the connection that there is.",
        )


def _empty(tx: Transaction, account: AccountRow) -> None:
    count = tx.accounts.deployments(account.id)
    if count:
        raise Conflict(
            "account",
            wanted="a connection without deployments",
            got=f"{count} in {account.name}",
            next_step="Delete them first; or revoke the connection, which leaves them running.",
        )

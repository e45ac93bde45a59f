"""Platform secrets: what a connection gives to each of its deployments, such as a licence.

The value goes into the customer's account within the request and nowhere else. The row says where
it is; each changes alone, and a deployment takes it with its next revision.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import get_args

from byoc_infra.aws import secrets
from byoc_infra.aws.session import Session
from byoc_infra.components._policies import secret_policy
from byoc_infra.components._tracing import RUNS_ENDPOINTS, SET_BY_THE_ACCOUNT, check_value
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.services._secrets import reached
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.services.setup import names_of, place_of
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import (
    ByocError,
    Conflict,
    ConnectionUnusable,
    NotFound,
    SpecError,
)
from byoc_infra.naming import SECRET_TAG
from byoc_infra.spec import PlatformSecret, SecretReference

__all__ = ["PlatformSecrets", "Removal"]

HTTPS = 443


@dataclass(frozen=True)
class Removal:
    """What became of the secrets in the account."""

    removed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    """By name: why it is still there."""


@dataclass(frozen=True)
class PlatformSecrets:
    """Puts values into customers' accounts, and takes them back."""

    store: Store
    reach: Reach

    def put(
        self, caller: Caller, account_id: uuid.UUID, name: PlatformSecret, value: str
    ) -> SecretReference:
        """Give `value` to all deployments of the connection, from their next revision on."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id)
        _usable(account)
        _not_the_owners(account, name)
        _check(name, value)
        with reached(self.reach, account, caller) as session:
            arn, version = self._write(session, account, name, value)
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            before = audit.state(account)
            account.platform_secrets = {
                **account.platform_secrets,
                name: {"arn": arn, "version_id": version},
            }
            audit.note(tx, caller, "account.platform_secret.put", account, before=before)
        return SecretReference(arn=arn, version_id=version)

    def remove(self, caller: Caller, account_id: uuid.UUID, name: PlatformSecret) -> None:
        """Give it to no further revision.

        The value stays in the account while there are deployments, because a task that is
        replaced needs what its revision names; it goes with the connection.
        """
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            if name not in account.platform_secrets:
                raise NotFound(
                    "name",
                    wanted="a platform secret that the connection gives",
                    got=name,
                    next_step=f"There are: {', '.join(account.platform_secrets) or 'none'}.",
                )
            before = audit.state(account)
            rest = {k: v for k, v in account.platform_secrets.items() if k != name}
            account.platform_secrets = rest
            audit.note(tx, caller, "account.platform_secret.remove", account, before=before)

    def take_back(self, caller: Caller, account: AccountRow) -> Removal:
        """Delete all of them in the account, also those that were given earlier."""
        if account.activated_at is None:
            return Removal()  # nothing was ever written there
        removal = Removal()
        names: tuple[PlatformSecret, ...] = get_args(PlatformSecret)
        try:
            with self.reach.session(account, caller, external_id=account.external_id) as session:
                for name in names:
                    if secrets.remove(session, container(account, name)):
                        removal.removed.append(name)
        except ByocError as error:
            left = [name for name in account.platform_secrets if name not in removal.removed]
            return Removal(removal.removed, dict.fromkeys(left, f"{error.code}: {error.got}"))
        return removal

    def _write(
        self, session: Session, account: AccountRow, name: PlatformSecret, value: str
    ) -> tuple[str, str]:
        names = names_of(account)
        return secrets.keep(
            session,
            container(account, name),
            value,
            token=str(uuid.uuid4()),
            tags={**names.tags(), SECRET_TAG: account.installation},
            policy=json.dumps(secret_policy(place_of(account).role_arn(names.execution_role))),
        )


def container(account: AccountRow, name: PlatformSecret) -> str:
    """The secret's name: under the prefix within which the role may make secrets."""
    return f"{names_of(account).secrets}account-{account.id.hex[:8]}/{name}"


def _not_the_owners(account: AccountRow, name: PlatformSecret) -> None:
    """What the account file gives to all deployments wins; both at once is refused by the stack."""
    found = account.network or {}
    owners = set(found.get("platform_secrets", ()))
    if found.get("tracing_endpoint") or RUNS_ENDPOINTS in owners:
        owners.update(SET_BY_THE_ACCOUNT)
    if name in owners:
        raise Conflict(
            "name",
            wanted="a secret that the account's owner does not give to all deployments",
            got=name,
            next_step="Leave it to the owner (`byoc account secrets put`); when it is taken out of "
            "the account file, activate the connection again.",
        )


def _check(name: PlatformSecret, value: str) -> None:
    try:
        check_value(name, value, (HTTPS,))
    except SpecError as refused:
        raise SpecError(
            "value", wanted=refused.wanted, got=refused.got, next_step=refused.next_step
        ) from None


def _usable(account: AccountRow) -> None:
    if account.status != "active":
        raise ConnectionUnusable(
            "account",
            wanted="an active connection",
            got=f"{account.name}: {account.status}",
            next_step="Activate it first; nothing was stored.",
        )

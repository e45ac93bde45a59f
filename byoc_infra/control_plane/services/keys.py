"""API keys: made once, shown once, known only by their hash.

A key is `byoc_<id>_<random>`: the id finds the row, and the random part has 256 bits, which is why
a plain SHA-256 is enough. Secret scanners know it by its beginning.
"""

import datetime
import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import SecretStr

from byoc_infra.control_plane.caller import Caller, Scope
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import ApiKeyRow
from byoc_infra.errors import Conflict, Forbidden, SpecError, Unauthorized

__all__ = ["Keys", "issue"]

FORMAT = re.compile(r"(byoc_[0-9a-f]{12})_[A-Za-z0-9_-]{43}")
TOUCH_EVERY = datetime.timedelta(minutes=1)
"""How exact `last_used_at` is; a row is not written at every request."""
NOBODYS = hashlib.sha256(secrets.token_bytes(32)).digest()
"""Compared with where there is no such key, so that both take the same time."""


def issue(
    tx: Transaction,
    caller: Caller | None,
    *,
    tenant_id: uuid.UUID,
    name: str,
    scope: Scope,
    expires_at: datetime.datetime | None = None,
) -> tuple[ApiKeyRow, SecretStr]:
    """A new key's row, and the key itself, which nobody can get a second time."""
    prefix = f"byoc_{secrets.token_hex(6)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    row = tx.keys.add(
        ApiKeyRow(
            tenant_id=tenant_id,
            name=name,
            prefix=prefix,
            digest=_digest(key),
            scope=scope,
            expires_at=expires_at,
        )
    )
    audit.note(tx, caller, "key.create", row)
    return row, SecretStr(key)


@dataclass(frozen=True)
class Keys:
    """What requests do with keys, and what keys say of requests."""

    store: Store

    def caller(self, given: str | None, *, tenant: str | None, request_id: str) -> Caller:
        """Who asks, by the key that was given and the tenant that was named, if one was."""
        shaped = FORMAT.fullmatch(given or "")
        with self.store.begin() as tx:
            row = tx.keys.by_prefix(shaped[1]) if shaped else None
            right = hmac.compare_digest(_digest(given or ""), row.digest if row else NOBODYS)
            if row is None or not right:
                raise _unauthorized("none" if not given else "one that is unknown")
            if row.revoked_at is not None:
                raise _unauthorized("one that was revoked")
            now = datetime.datetime.now(datetime.UTC)
            if row.expires_at is not None and row.expires_at <= now:
                raise _unauthorized("one that has expired")
            _same_tenant(row, tenant)
            if row.last_used_at is None or now - row.last_used_at > TOUCH_EVERY:
                row.last_used_at = now
        return Caller(
            tenant_id=row.tenant_id,
            key_id=row.id,
            key_name=row.name,
            scope=cast("Scope", row.scope),
            request_id=request_id,
        )

    def create(
        self,
        caller: Caller,
        *,
        name: str,
        scope: Scope,
        expires_at: datetime.datetime | None,
    ) -> tuple[ApiKeyRow, SecretStr]:
        """A new key of the caller's tenant."""
        if expires_at is not None and expires_at <= datetime.datetime.now(datetime.UTC):
            raise SpecError(
                "expires_at",
                wanted="a time that is still to come",
                got=expires_at.isoformat(),
                next_step="Give a later one, or leave it out.",
            )
        with self.store.begin() as tx:
            return issue(
                tx,
                caller,
                tenant_id=caller.tenant_id,
                name=name,
                scope=scope,
                expires_at=expires_at,
            )

    def of_tenant(self, caller: Caller, *, limit: int, offset: int) -> Sequence[ApiKeyRow]:
        """The tenant's keys, revoked ones too; none of them holds the key itself."""
        with self.store.begin() as tx:
            return tx.keys.of_tenant(caller.tenant_id, limit=limit, offset=offset)

    def get(self, caller: Caller, key_id: uuid.UUID) -> ApiKeyRow:
        """One of the tenant's keys."""
        with self.store.begin() as tx:
            return tx.keys.get(caller.tenant_id, key_id)

    def revoke(self, caller: Caller, key_id: uuid.UUID) -> ApiKeyRow:
        """End a key now and for good; the last one that may make others stays."""
        with self.store.begin() as tx:
            tx.tenants.get(caller.tenant_id, lock=True)  # two last keys do not end each other
            row = tx.keys.get(caller.tenant_id, key_id, lock=True)
            if row.revoked_at is not None:
                return row
            if row.scope == "admin" and tx.keys.usable_admins(caller.tenant_id) == {row.id}:
                raise Conflict(
                    "key_id",
                    wanted="a key that is not the tenant's last of scope admin",
                    got=row.prefix,
                    next_step="Create another key of scope admin first.",
                )
            before = audit.state(row)
            row.revoked_at = datetime.datetime.now(datetime.UTC)
            audit.note(tx, caller, "key.revoke", row, before=before)
            return row


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _same_tenant(row: ApiKeyRow, named: str | None) -> None:
    if named is None:
        return
    try:
        same = uuid.UUID(named) == row.tenant_id
    except ValueError:
        same = False
    if not same:
        raise Forbidden(
            "X-Tenant-Id",
            wanted="the tenant of the API key",
            got="another",
            next_step="Leave the header out, or use a key of that tenant.",
        )


def _unauthorized(got: str) -> Unauthorized:
    return Unauthorized(
        "X-Api-Key",
        wanted="an API key of this control plane",
        got=got,
        next_step="Ask the tenant's administrator for one.",
    )

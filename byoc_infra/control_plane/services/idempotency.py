"""The same request twice: done once, answered twice.

A request with an idempotency key claims it before anything is done. What it does and its answer
are written in one transaction, under the claim; what fails gives the key back. A process that
dies keeps its claim, which a repeat takes over after a while: the ids of what is made follow
from the key's seed, so the repeat finds what the first had made outside the database.
"""

import hashlib
import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import IdempotencyRow
from byoc_infra.errors import AlreadyRunning, KeyReused, SpecError

__all__ = ["Claim", "Idempotency", "Reply"]

KEPT = timedelta(hours=24)
"""For how long a repeat gets the first one's answer."""
TAKEN_OVER_AFTER = timedelta(minutes=3)
"""Longer than a request takes that is still at work."""
LONGEST_KEY = 255


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a request is answered with."""

    status: int
    body: dict[str, Any] | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A request that is being answered, once. Without a key it is like no other."""

    tenant_id: uuid.UUID
    key: str | None
    seed: uuid.UUID
    token: uuid.UUID

    def id(self, purpose: str) -> uuid.UUID:
        """The id of something that the request makes; the same in a repeat."""
        return uuid.uuid5(self.seed, purpose)

    def finish(self, tx: Transaction, answer: Reply) -> Reply:
        """Keep the answer in the transaction of what it tells of."""
        if self.key is not None:
            row = tx.idempotency.locked(self.tenant_id, self.key)
            if row is None or row.claim != self.token or row.status_code is not None:
                raise _running(self.key)
            row.status_code = answer.status
            row.answer = answer.body
            row.headers = dict(answer.headers)
        return answer


class Idempotency:
    """Answers a request once."""

    def __init__(self, store: Store, secret_key: bytes) -> None:
        """`secret_key` keys the hashes of requests; the same for all processes."""
        self._store = store
        self._secret_key = secret_key

    def once(
        self, caller: Caller, key: str | None, request: bytes, do: Callable[[Claim], Reply]
    ) -> Reply:
        """What `do` answers, or what it answered to the same request before.

        `request` is method, path and body: the same key with another one is `KeyReused`, and one
        that is still being answered `AlreadyRunning`.
        """
        claim = self._claim(caller.tenant_id, key, request)
        if isinstance(claim, Reply):
            return claim
        try:
            return do(claim)
        except BaseException:
            self._release(claim)
            raise

    def _claim(self, tenant_id: uuid.UUID, key: str | None, request: bytes) -> Claim | Reply:
        claim = Claim(tenant_id=tenant_id, key=key, seed=uuid.uuid4(), token=uuid.uuid4())
        if key is None:
            return claim
        _check_key(key)
        digest = hmac.digest(self._secret_key, request, hashlib.sha256)
        row = IdempotencyRow(
            tenant_id=tenant_id, key=key, request_hmac=digest, seed=claim.seed, claim=claim.token
        )
        with self._store.begin() as tx:
            tx.idempotency.drop_older_than(KEPT)
            if tx.idempotency.first(row):
                return claim
        with self._store.begin() as tx:
            return _known(tx, claim, key, digest)

    def _release(self, claim: Claim) -> None:
        if claim.key is not None:
            with self._store.begin() as tx:
                tx.idempotency.release(claim.tenant_id, claim.key, claim.token)


def _known(tx: Transaction, claim: Claim, key: str, digest: bytes) -> Claim | Reply:
    """What to do about a key that was there."""
    row = tx.idempotency.locked(claim.tenant_id, key)
    if row is None:  # its request has failed just now
        raise _running(key)
    if not hmac.compare_digest(row.request_hmac, digest):
        raise KeyReused(
            "Idempotency-Key",
            wanted="a key of its own for each request",
            got="one that came with another request before",
            next_step="Make a new key, such as a UUID.",
        )
    if row.status_code is not None:
        return Reply(status=row.status_code, body=row.answer, headers=row.headers)
    if not tx.idempotency.older_than(row, TAKEN_OVER_AFTER):
        raise _running(key)
    tx.idempotency.take_over(row, claim.token)
    return Claim(tenant_id=claim.tenant_id, key=key, seed=row.seed, token=claim.token)


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise SpecError(
            "Idempotency-Key",
            wanted=f"1 to {LONGEST_KEY} printable characters",
            got=f"{len(key)} characters",
            next_step="Make a new key, such as a UUID.",
        )


def _running(key: str) -> AlreadyRunning:
    return AlreadyRunning(
        "Idempotency-Key",
        wanted="a request that is answered",
        got=f"one with the key {key!r} that is still being worked on",
        next_step="Ask again in a few seconds.",
    )

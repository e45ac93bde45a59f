"""Who may write to a stack: a lease in PostgreSQL with a token that grows with every owner.

The owner renews it at a third of its time. A new owner takes it when the old one has given it
back; or, on this host, when the old process is gone, or hangs past its time and was killed; or,
elsewhere, when both its time and that of the credentials which it gave its engine have run out:
credentials are what keeps an old engine there from writing to AWS. From writing to its state the
token keeps it (migration 0002).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from byoc_infra.control_plane.processes import ProcessId
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.leases import Seen
from byoc_infra.errors import LeaseLost, StackBusy

__all__ = [
    "Lease",
    "Shelf",
    "Standing",
    "StillHeld",
    "StoreShelf",
    "acquire",
    "lost",
    "standing",
]

POLL_S = 0.5
LONGEST_S = 120.0
"""It may be given back before its time."""
CREDENTIALS_SLACK_S = 30.0
"""STS's clock is not the database's."""
Standing = Literal["free", "held", "hung"]


class Shelf(Protocol):
    """Where leases are kept."""

    def seen(self, stack: str) -> Seen | None:
        """The stack's lease."""

    def take(
        self, stack: str, before: Seen | None, *, operation_id: str, me: ProcessId, lease_s: float
    ) -> int | None:
        """The new owner's token; None where the lease is no longer as it was seen."""

    def renew(self, stack: str, token: int, lease_s: float) -> bool:
        """Hold on; False where somebody else holds it."""

    def lend(self, stack: str, token: int, duration_s: float) -> bool:
        """Note that credentials of so long a life are about to be given out."""

    def give_back(self, stack: str, token: int, *, clean: bool) -> bool:
        """The owner's work is over."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A lease that this process took; every call on it raises `LeaseLost` when it has gone."""

    shelf: Shelf
    stack: str
    token: int
    lease_s: float
    unclean: bool
    """What an earlier owner left open may be known only to the host that it was on."""

    def renew(self) -> None:
        """Hold it for its whole time from now."""
        if not self.shelf.renew(self.stack, self.token, self.lease_s):
            raise lost(self.stack)

    def lend(self, duration_s: float) -> None:
        """Credentials that last so long may now be given out."""
        if not self.shelf.lend(self.stack, self.token, duration_s + CREDENTIALS_SLACK_S):
            raise lost(self.stack)

    def give_back(self, *, clean: bool) -> None:
        """Let the next one have it; nothing to do where somebody already has."""
        self.shelf.give_back(self.stack, self.token, clean=clean)


class StillHeld(Exception):
    """Somebody else has the stack, and may have it for long: try again in `after_s`."""

    def __init__(self, seen: Seen, lease_s: float) -> None:
        super().__init__(seen.operation_id)
        self.seen = seen
        # Who lives renews it, and may be done at any moment; who died is waited out.
        self.after_s = min(max(seen.free_in_s, 1.0), LONGEST_S) if seen.expired else lease_s

    def error(self) -> StackBusy:
        """The same, for people."""
        return StackBusy(
            "stack",
            wanted=f"{self.seen.operation_id} to have let go of it",
            got=f"held from {self.seen.host.partition('/')[0]}",
            next_step=f"Nothing: it is tried again in {self.after_s:.0f} s.",
        )


def standing(seen: Seen | None, me: ProcessId) -> Standing:
    """What a lease means to whoever would have it next."""
    if seen is None or seen.given_back:
        return "free"
    owner = owner_of(seen)
    if owner == me:
        return "free"  # of an earlier operation here, which could not be given back
    if owner.is_here:
        if owner.is_gone:
            return "free"
        return "hung" if seen.expired else "held"
    return "free" if seen.expired and seen.credentials_ended else "held"


def owner_of(seen: Seen) -> ProcessId:
    """The process that holds it."""
    return ProcessId(seen.host, seen.pid, seen.process_started)


def acquire(
    shelf: Shelf,
    stack: str,
    *,
    operation_id: str,
    me: ProcessId,
    lease_s: float,
    pause: Callable[[float], None],
    end: Callable[[ProcessId], None],
    waiting: Callable[[Seen], None] = lambda _: None,
    patience_s: float = math.inf,
) -> Lease:
    """Wait until the stack is free, and take it; `StillHeld` when that takes too long.

    `end` leaves nothing of an owner on this host that has died or hangs; `waiting` hears once
    whom is waited for; what `pause` raises ends the waiting.
    """
    told: int | None = None
    waited_s = 0.0
    while True:
        seen = shelf.seen(stack)
        match standing(seen, me):
            case "free":
                if seen is not None and not seen.given_back and owner_of(seen) != me:
                    end(owner_of(seen))
                token = shelf.take(stack, seen, operation_id=operation_id, me=me, lease_s=lease_s)
                if token is not None:
                    unclean = seen is not None and not seen.clean
                    return Lease(
                        shelf=shelf, stack=stack, token=token, lease_s=lease_s, unclean=unclean
                    )
            case "hung" if seen is not None:
                end(owner_of(seen))
            case "held" if seen is not None and seen.token != told:
                waiting(seen)
                told = seen.token
        if seen is not None and waited_s >= patience_s:
            raise StillHeld(seen, lease_s)
        pause(POLL_S)
        waited_s += POLL_S


def lost(stack: str) -> LeaseLost:
    """The refusal of everything that the old owner still wants to do."""
    return LeaseLost(
        "stack",
        wanted=f"the lease on {stack}",
        got="another process has it, or it could not be renewed in time",
        next_step="Nothing: whoever has it goes on from where this one stopped.",
    )


class StoreShelf:
    """Leases in the store, each step a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seen(self, stack: str) -> Seen | None:
        """The stack's lease."""
        with self._store.begin() as tx:
            return tx.leases.seen(stack)

    def take(
        self, stack: str, before: Seen | None, *, operation_id: str, me: ProcessId, lease_s: float
    ) -> int | None:
        """The new owner's token; None where the lease is no longer as it was seen."""
        with self._store.begin() as tx:
            return tx.leases.take(
                stack,
                before,
                operation_id=operation_id,
                host=me.host,
                pid=me.pid,
                process_started=me.started,
                lease_s=lease_s,
            )

    def renew(self, stack: str, token: int, lease_s: float) -> bool:
        """Hold on; False where somebody else holds it."""
        with self._store.begin() as tx:
            return tx.leases.renew(stack, token, lease_s)

    def lend(self, stack: str, token: int, duration_s: float) -> bool:
        """Note that credentials of so long a life are about to be given out."""
        with self._store.begin() as tx:
            return tx.leases.lend(stack, token, duration_s)

    def give_back(self, stack: str, token: int, *, clean: bool) -> bool:
        """The owner's work is over."""
        with self._store.begin() as tx:
            return tx.leases.give_back(stack, token, clean=clean)

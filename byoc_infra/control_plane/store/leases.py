"""Leases on stacks in the store.

Every time here is the database's own clock, so that no host's clock decides who may write.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import LeaseRow

__all__ = ["Leases", "Seen"]

CLOCK = sa.func.clock_timestamp()
"""`now()` stands still within a transaction."""
NOBODY = 0
"""The process id of a lease that was given back."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A stack's lease as it was at one moment."""

    token: int
    operation_id: str
    host: str
    pid: int
    process_started: float
    expires_at: datetime
    clean: bool
    expired: bool
    credentials_ended: bool
    free_in_s: float = 0.0
    """Until both have ended, if nobody renews them."""

    @property
    def given_back(self) -> bool:
        """Its owner has ended its work itself."""
        return self.pid == NOBODY


class Leases(Noun[LeaseRow]):
    """Rows of `leases`."""

    row = LeaseRow
    what = "lease"

    def seen(self, stack: str) -> Seen | None:
        """The stack's lease; None where nobody ever had one."""
        found = self._session.execute(
            sa.select(
                LeaseRow,
                (LeaseRow.expires_at <= CLOCK).label("expired"),
                (LeaseRow.credentials_end_at <= CLOCK).label("credentials_ended"),
                sa.extract(
                    "epoch",
                    sa.func.greatest(LeaseRow.expires_at, LeaseRow.credentials_end_at) - CLOCK,
                ).label("free_in_s"),
            ).where(LeaseRow.stack == stack)
        ).one_or_none()
        if found is None:
            return None
        row, expired, credentials_ended, free_in_s = found
        return Seen(
            token=row.token,
            operation_id=row.operation_id,
            host=row.host,
            pid=row.pid,
            process_started=row.process_started,
            expires_at=row.expires_at,
            clean=row.clean,
            expired=expired,
            credentials_ended=credentials_ended,
            free_in_s=max(float(free_in_s), 0.0),
        )

    def take(
        self,
        stack: str,
        before: Seen | None,
        *,
        operation_id: str,
        host: str,
        pid: int,
        process_started: float,
        lease_s: float,
    ) -> int | None:
        """The new owner's token; None where the lease is no longer as it was seen."""
        values = {
            "operation_id": operation_id,
            "host": host,
            "pid": pid,
            "process_started": process_started,
            "expires_at": _in(lease_s),
            "credentials_end_at": CLOCK,
            "clean": False,
        }
        if before is None:
            fresh = insert(LeaseRow).values(stack=stack, token=1, **values)
            asked = fresh.on_conflict_do_nothing().returning(LeaseRow.token)
            return self._session.execute(asked).scalar_one_or_none()
        return self._session.execute(
            sa.update(LeaseRow)
            .where(
                LeaseRow.stack == stack,
                LeaseRow.token == before.token,
                LeaseRow.expires_at == before.expires_at,
            )
            .values(token=before.token + 1, **values)
            .returning(LeaseRow.token)
        ).scalar_one_or_none()

    def renew(self, stack: str, token: int, lease_s: float) -> bool:
        """Hold on for so long from now; False where somebody else holds it."""
        return self._set(stack, token, expires_at=_in(lease_s))

    def lend(self, stack: str, token: int, duration_s: float) -> bool:
        """Note that credentials of so long a life are about to be given out."""
        ends = sa.func.greatest(LeaseRow.credentials_end_at, _in(duration_s))
        return self._set(stack, token, credentials_end_at=ends)

    def give_back(self, stack: str, token: int, *, clean: bool) -> bool:
        """Nothing of the owner's work goes on; `clean` where nothing of it is left open either."""
        return self._set(
            stack, token, pid=NOBODY, expires_at=CLOCK, credentials_end_at=CLOCK, clean=clean
        )

    def holds(self, stack: str, token: int) -> bool:
        """Whether the token is the newest; the row stays locked, so that it remains so."""
        return (
            self._session.scalar(
                sa.select(LeaseRow.token)
                .where(LeaseRow.stack == stack, LeaseRow.token == token, LeaseRow.pid != NOBODY)
                .with_for_update()
            )
            is not None
        )

    def is_abandoned(self, operation_id: str, *, host: str, pid: int, for_s: float) -> bool:
        """Whether that process's lease for the operation ended a while ago and it is still the
        newest: it neither renewed nor let go.
        """
        since = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, for_s)
        found = self._session.scalars(
            sa.select(LeaseRow.stack).where(
                LeaseRow.operation_id == operation_id,
                LeaseRow.host == host,
                LeaseRow.pid == pid,
                LeaseRow.clean.is_(False),
                LeaseRow.expires_at < since,
            )
        )
        return found.first() is not None

    def _set(self, stack: str, token: int, **values: object) -> bool:
        changed = self._session.execute(
            sa.update(LeaseRow)
            .where(LeaseRow.stack == stack, LeaseRow.token == token, LeaseRow.pid != NOBODY)
            .values(**values)
            .returning(LeaseRow.token)
        ).scalar_one_or_none()
        return changed is not None


def _in(seconds: float) -> sa.ColumnElement[datetime]:
    return CLOCK + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)

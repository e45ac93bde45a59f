"""The door to PostgreSQL: transactions, and the tables' nouns within one.

Load, work, apply: a transaction is short and nobody asks the network for anything inside one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from byoc_infra.control_plane.store.accounts import Accounts
from byoc_infra.control_plane.store.audit import Audit
from byoc_infra.control_plane.store.deployments import Deployments
from byoc_infra.control_plane.store.events import Events
from byoc_infra.control_plane.store.idempotency import Idempotency
from byoc_infra.control_plane.store.keys import Keys
from byoc_infra.control_plane.store.leases import Leases
from byoc_infra.control_plane.store.operations import Operations
from byoc_infra.control_plane.store.revisions import Revisions
from byoc_infra.control_plane.store.tenants import Tenants
from byoc_infra.control_plane.store.unclaimed import UnclaimedSecrets
from byoc_infra.control_plane.store.workers import Workers

__all__ = ["MIGRATIONS", "Store", "Transaction", "newest_migration", "url_of"]

IDLE_TRANSACTION_S = 20
"""A process that is stopped within a transaction holds its locks for no longer."""
CONNECT_S = 5
MIGRATIONS = Path(__file__).with_name("migrations")
VERSIONS = "byoc.alembic_version"
IS_MADE = f"SELECT to_regclass('{VERSIONS}')"


@dataclass(frozen=True)
class Transaction:
    """The nouns, all in one database transaction."""

    session: Session
    """For DBOS, which enqueues a workflow in the transaction that writes its rows."""

    @property
    def tenants(self) -> Tenants:
        """Whose things are whose."""
        return Tenants(self.session)

    @property
    def keys(self) -> Keys:
        """API keys."""
        return Keys(self.session)

    @property
    def accounts(self) -> Accounts:
        """Connections to customers' accounts."""
        return Accounts(self.session)

    @property
    def deployments(self) -> Deployments:
        """Deployments."""
        return Deployments(self.session)

    @property
    def revisions(self) -> Revisions:
        """Revisions."""
        return Revisions(self.session)

    @property
    def operations(self) -> Operations:
        """Operations."""
        return Operations(self.session)

    @property
    def events(self) -> Events:
        """What happened in operations."""
        return Events(self.session)

    @property
    def leases(self) -> Leases:
        """Who may write to which stack."""
        return Leases(self.session)

    @property
    def workers(self) -> Workers:
        """Worker processes."""
        return Workers(self.session)

    @property
    def idempotency(self) -> Idempotency:
        """Requests that may come again."""
        return Idempotency(self.session)

    @property
    def unclaimed(self) -> UnclaimedSecrets:
        """Secrets that no revision has claimed yet."""
        return UnclaimedSecrets(self.session)

    @property
    def audit(self) -> Audit:
        """Who did what."""
        return Audit(self.session)


class Store:
    """A pool of connections to one database."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        """`url` as libpq takes it, `postgresql://…`."""
        self.url = url
        self.engine = sa.create_engine(
            url_of(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_S},
        )
        sa.event.listen(self.engine, "connect", _end_idle_transactions)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """One transaction: committed at the end of the block, rolled back by an exception."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield Transaction(session)

    def migrate(self) -> None:
        """Bring the schema up to date; safe to call at every start, from many processes."""
        if self.is_current():
            return
        # Alembic loads slowly, and few starts have anything to migrate.
        from byoc_infra.control_plane.store import _migrating  # noqa: PLC0415

        _migrating.upgrade(self.engine, MIGRATIONS)

    def is_current(self) -> bool:
        """Whether the database answers with the schema of this release."""
        with self.engine.connect() as connection:
            if connection.scalar(sa.text(IS_MADE)) is None:
                return False
            found = connection.scalars(sa.text(f"SELECT version_num FROM {VERSIONS}"))  # noqa: S608 - ours
            return list(found) == [newest_migration()]

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def newest_migration() -> str:
    """The version of this release: the number that the last migration's file begins with."""
    names = [one.name for one in (MIGRATIONS / "versions").glob("[0-9]*.py")]
    return max(names).partition("_")[0]


def url_of(url: str) -> sa.URL:
    """The address for SQLAlchemy, with the driver that this project uses."""
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def _end_idle_transactions(connection: psycopg.Connection, _: object) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'")
    connection.commit()

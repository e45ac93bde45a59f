"""What it looks like from here when PostgreSQL is away for a while, or restarts."""

import sqlalchemy.exc

__all__ = ["is_outage"]

OUTAGES = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)


def is_outage(error: BaseException) -> bool:
    """Whether the same transaction may well succeed later: the database was not there, or has
    ended the session, such as that of a process that was stopped within a transaction.
    """
    lost = isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated
    return lost or isinstance(error, OUTAGES)

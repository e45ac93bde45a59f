"""Pulumi's PostgreSQL backend, read directly: one table of keys and base64 in JSON.

Asking the CLI for the same costs half a second of processor time each.
"""

import base64
from collections.abc import Sequence
from typing import Any, LiteralString
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["Unreadable", "delete", "is_one", "keys", "read"]

TABLE = "pulumi_state"
"""The backend's own default; the URL's `table` names another."""
CONNECT_S = 10


class Unreadable(Exception):  # an answer, not an error of ours
    """The backend's records cannot be read directly."""


def is_one(backend_url: str) -> bool:
    """Whether the states are kept in PostgreSQL."""
    return backend_url.startswith(("postgres://", "postgresql://"))


def read(backend_url: str, key: str) -> str | None:
    """What is kept under `key`; None where nothing is."""
    words = "SELECT data->>'data' FROM {table} WHERE key = %s"
    found = _rows(backend_url, words, _place(backend_url) + key)
    return base64.b64decode(found[0][0]).decode() if found else None


def keys(backend_url: str, prefix: str) -> list[str]:
    """Every key that begins so."""
    place = _place(backend_url)
    words = "SELECT key FROM {table} WHERE starts_with(key, %s)"
    return [str(row[0]).removeprefix(place) for row in _rows(backend_url, words, place + prefix)]


def delete(backend_url: str, which: Sequence[str]) -> None:
    """Remove these keys."""
    if which:
        place = _place(backend_url)
        words = "DELETE FROM {table} WHERE key = ANY(%s) RETURNING key"
        _rows(backend_url, words, [place + key for key in which])


def _place(backend_url: str) -> str:
    """What every key begins with: for the backend the URL's path is a folder."""
    name = urlsplit(backend_url).path.strip("/")
    return f"{name}/" if name else ""


def _rows(backend_url: str, words: LiteralString, value: object) -> list[tuple[Any, ...]]:
    """The rows; none where the table is not there, because nothing was ever kept."""
    import psycopg  # noqa: PLC0415  # only who keeps states in PostgreSQL has it
    from psycopg import sql  # noqa: PLC0415

    parts = urlsplit(backend_url)
    query = dict(parse_qsl(parts.query))
    table = sql.Identifier(*query.pop("table", TABLE).split("."))
    address = urlunsplit(parts._replace(query=urlencode(query)))
    try:
        with psycopg.connect(address, connect_timeout=CONNECT_S) as connection:
            return connection.execute(sql.SQL(words).format(table=table), (value,)).fetchall()
    except psycopg.errors.UndefinedTable:
        return []
    except psycopg.Error:
        raise Unreadable from None  # the address has a password in it

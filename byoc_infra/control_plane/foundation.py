"""What all processes of a control plane stand on: a database and a key."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.errors import DatabaseUnreachable, SpecError
from byoc_infra.redaction import hide

__all__ = ["Foundation", "answering", "away", "opened"]

SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """Settings without gaps, and the environment that hands them on to other processes."""

    settings: Settings
    """With the database's address and the key."""
    env: Mapping[str, str] = field(repr=False)
    """The process's own environment, with what was found out added to it."""
    embedded: Embedded | None
    """The PostgreSQL that is the control plane's own, if it is."""

    @property
    def database_url(self) -> str:
        """The database's address."""
        return _value(self.settings.database_url)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store within the block, with its schema brought up to date."""
        store = Store(self.database_url)
        try:
            with answering():
                store.migrate()
            yield store
        finally:
            store.close()

    @property
    def secret_key(self) -> bytes:
        """Keys the hashes of requests."""
        return _value(self.settings.secret_key).encode()


@contextmanager
def opened(
    settings: Settings, env: Mapping[str, str], *, patience_s: float = 0.0
) -> Iterator[Foundation]:
    """The foundation: the embedded PostgreSQL runs within the block, unless there is another.

    `patience_s` is for those that still work with it at the end of the block.
    """
    if settings.database_url is not None:
        yield _complete(settings, env, settings.database_url, settings.secret_key, None)
        return
    embedded = Embedded(settings.data_dir)
    url = embedded.open()
    try:
        key = settings.secret_key or _made_once(settings)
        yield _complete(settings, env, SecretStr(url), key, embedded)
    finally:
        embedded.close(patience_s=patience_s)


@contextmanager
def answering() -> Iterator[None]:
    """Within the block the database has to answer."""
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
        raise away() from error


def away() -> DatabaseUnreachable:
    """The database does not answer."""
    return DatabaseUnreachable(
        "database",
        wanted="an answer from PostgreSQL",
        got="none",
        next_step="Try again; if it stays so, see that the database of BYOC_DATABASE_URL runs.",
    )


def _complete(
    settings: Settings,
    env: Mapping[str, str],
    url: SecretStr,
    key: SecretStr | None,
    embedded: Embedded | None,
) -> Foundation:
    if key is None:
        raise SpecError(
            "BYOC_SECRET_KEY",
            wanted="32 bytes or more, the same for every process on this database",
            got="none beside BYOC_DATABASE_URL",
            next_step="Make one, such as with `openssl rand -hex 32`, and keep it with the "
            "database's password.",
        )
    _check(url.get_secret_value())
    hide(key.get_secret_value())
    handed_on = {
        "BYOC_DATABASE_URL": url.get_secret_value(),
        "BYOC_SECRET_KEY": key.get_secret_value(),
    }
    return Foundation(
        settings=settings.model_copy(update={"database_url": url, "secret_key": key}),
        env={**env, **handed_on},
        embedded=embedded,
    )


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.password:
        hide(parts.password)
        hide(unquote(parts.password))
    if parts.scheme not in SCHEMES:
        raise SpecError(
            "BYOC_DATABASE_URL",
            wanted="postgresql://…",
            got="another kind of address",  # it may hold a password
            next_step="Give the address of a PostgreSQL database.",
        )


def _made_once(settings: Settings) -> SecretStr:
    """The key of a control plane with a PostgreSQL of its own, which is as good as its files."""
    path = settings.data_dir / "secret.key"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as beside:
            beside.write(secrets.token_hex(32))
            beside.flush()
            with suppress(FileExistsError):  # the first of several that start at once wins
                os.link(beside.name, path)
    return SecretStr(path.read_text())


def _value(secret: SecretStr | None) -> str:
    if secret is None:
        raise LookupError("a foundation without it is never made")
    return secret.get_secret_value()

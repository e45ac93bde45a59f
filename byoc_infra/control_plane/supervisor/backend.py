"""Where the control plane keeps the stacks' states when it is not told: its own PostgreSQL.

State and workflows are then one thing to back up and to restore.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from byoc_infra.control_plane.settings import Settings
from byoc_infra.flows.work import PROVIDER_VARIABLE

__all__ = ["environment", "passphrase", "state_url"]

PURPOSE = b"byoc pulumi state"


def environment(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with a state backend and what encrypts the secrets in it, where it has none."""
    found = dict(env)
    if "PULUMI_BACKEND_URL" not in found and settings.database_url is not None:
        found["PULUMI_BACKEND_URL"] = state_url(settings.database_url.get_secret_value())
    given = (PROVIDER_VARIABLE, "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
    if settings.secret_key is not None and not any(found.get(name) for name in given):
        found["PULUMI_CONFIG_PASSPHRASE"] = passphrase(settings.secret_key.get_secret_value())
    return found


def state_url(database_url: str) -> str:
    """The same database as Pulumi's driver wants it named, which asks for TLS unless told."""
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    # libpq takes TLS where it is offered; the driver knows only with or without.
    if query.get("sslmode") in (None, "prefer", "allow"):
        query["sslmode"] = "disable" if _on_this_host(parts.hostname, query) else "require"
    return urlunsplit(parts._replace(scheme="postgres", query=urlencode(query)))


def passphrase(secret_key: str) -> str:
    """One that only the holder of the control plane's key can work out."""
    return hmac.new(secret_key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def _on_this_host(host: str | None, query: Mapping[str, str]) -> bool:
    name = query.get("host") or host or ""
    return name in ("", "localhost", "::1") or name.startswith(("/", "127."))

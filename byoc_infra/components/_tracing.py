"""Where traces go, and that none goes anywhere unless the account's owner says so; pure."""

import ipaddress
import json
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from byoc_infra.components._checks import check_pattern
from byoc_infra.errors import SpecError
from byoc_infra.spec import TracingSpec

__all__ = [
    "RUNS_ENDPOINTS",
    "SET_BY_THE_ACCOUNT",
    "check_endpoint",
    "check_tracing",
    "check_value",
    "environment",
]

RUNS_ENDPOINTS = "LANGSMITH_RUNS_ENDPOINTS"
API_KEY = "LANGSMITH_API_KEY"
SET_BY_THE_ACCOUNT = ("LANGSMITH_TRACING", "LANGSMITH_ENDPOINT", API_KEY, RUNS_ENDPOINTS)
"""What a deployment may set itself only where the account's owner has said nothing of traces."""
TAG_VALUE = r"[\w +=.:/@-]{1,256}"
"""What a tag of AWS holds; the endpoint is told to deployments by one."""
PORTS = {"https": 443, "http": 80}


def environment(
    own: Mapping[str, object], *, endpoint: str | None, secrets: Collection[str], project: str
) -> dict[str, str]:
    """What the server is told of traces: off in words, because a key alone would switch them on."""
    if endpoint is None and RUNS_ENDPOINTS not in secrets:
        asked = "LANGSMITH_TRACING" in own or "LANGSMITH_TRACING" in secrets
        return {} if asked else {"LANGSMITH_TRACING": "false"}
    told = {"LANGSMITH_TRACING": "true", "LANGSMITH_PROJECT": project}
    return told if endpoint is None else {**told, "LANGSMITH_ENDPOINT": endpoint}


def check_tracing(
    tracing: TracingSpec | None, platform_secrets: Collection[str], egress_ports: Collection[int]
) -> None:
    """An endpoint goes with its key, and not with the other way of writing traces."""
    if tracing is None:
        return
    check_endpoint("tracing.endpoint", tracing.endpoint, egress_ports)
    check_pattern(
        "tracing.endpoint",
        tracing.endpoint,
        TAG_VALUE,
        wanted="at most 256 letters, digits and +=.:/@_-",
        next_step="Give the API's address without a query.",
    )
    if API_KEY not in platform_secrets:
        raise SpecError(
            "platform_secrets",
            wanted=f"{API_KEY} among them, which the endpoint asks for",
            got=", ".join(sorted(platform_secrets)) or "none",
            next_step=f"Add {API_KEY}; `byoc account secrets put` gives its value after `up`.",
        )
    if RUNS_ENDPOINTS in platform_secrets:
        raise SpecError(
            "tracing",
            wanted=f"an endpoint, or {RUNS_ENDPOINTS}: the server refuses both at once",
            got="both",
            next_step="Put the endpoint into the value of the secret, and remove `tracing`.",
        )


def check_endpoint(field: str, endpoint: str, egress_ports: Collection[int]) -> None:
    """Encrypted unless on this machine, without credentials, and on a port that is open."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        parts, port = urlsplit(""), None
    local = _is_local(parts.hostname or "")
    good = parts.scheme == "https" or (parts.scheme == "http" and local)
    if not good or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise SpecError(
            field,
            wanted="https://<host>[:port][/path], without credentials or query",
            got=f"{parts.scheme or 'no scheme'}, {'a' if parts.hostname else 'no'} host",
            next_step="Give the address of the LangSmith API; its key is a secret of its own.",
        )
    if port not in egress_ports and not local:
        raise SpecError(
            field,
            wanted=f"a port that applications may reach: {', '.join(map(str, egress_ports))}",
            got=str(port),
            next_step="Add the port to egress_ports.",
        )


def check_value(name: str, value: str, egress_ports: Collection[int]) -> None:
    """Refuse a platform secret's value that the server would drop with a warning only.

    Nothing of the value is repeated.
    """
    if name == RUNS_ENDPOINTS:
        for endpoint in _endpoints(value):
            check_endpoint(f"value of {name}", endpoint, egress_ports)
    elif not value.strip() or any(sign.isspace() for sign in value):
        raise SpecError(
            f"value of {name}",
            wanted="a key in one line, without blanks",
            got=f"{len(value)} characters with blanks" if value.strip() else "nothing",
            next_step="Copy the key again.",
        )


def _endpoints(value: str) -> list[str]:
    """The URLs of both forms (LangSmith's SDK 0.15, `run_trees`): url → key, or a list."""
    try:
        given = json.loads(value)
    except ValueError:
        given = None
    if isinstance(given, dict):
        given = [{"api_url": url, "api_key": key} for url, key in given.items()]
    listed = given if isinstance(given, list) else []
    if not listed or any(not _is_target(one) for one in listed):
        raise SpecError(
            f"value of {RUNS_ENDPOINTS}",
            wanted='JSON: {"<url>": "<key>", …} or [{"api_url": …, "api_key": …, '
            '"project_name": …}, …]',
            got="something else",
            next_step="Correct the value; project_name may be left out.",
        )
    return [one["api_url"] for one in listed]


def _is_target(one: object) -> bool:
    if not isinstance(one, dict) or not one.get("api_url") or not one.get("api_key"):
        return False
    texts = (one["api_url"], one["api_key"], one.get("project_name") or "")
    return all(isinstance(text, str) for text in texts)


def _is_local(host: str) -> bool:
    """The local cloud's own machine, where a test listens."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

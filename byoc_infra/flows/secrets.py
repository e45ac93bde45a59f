"""Putting a secret's value into its container; the value is read from no argument and not kept."""

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from byoc_infra import redaction
from byoc_infra.aws import secrets
from byoc_infra.components import _tracing
from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.components._postgres_uri import check_postgres_uri
from byoc_infra.errors import NotFound, SpecError
from byoc_infra.flows.names import names_of
from byoc_infra.flows.reading import reach
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec

__all__ = ["Stored", "put", "put_platform", "read_value"]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where a value went; not the value."""

    secret: str
    version_id: str
    next_step: str


def read_value(source: Path | None, *, prompt: Callable[[], str]) -> str:
    """From a file as it is; from stdin without its last line end; else by asking."""
    value = _file(source) if source is not None else _stdin(prompt)
    redaction.hide(value)
    return value


def put(
    spec: DeploymentSpec,
    access: AccessSpec | None,
    name: str,
    value: str,
    env: Mapping[str, str] | None = None,
    *,
    allow_loopback: bool = False,
) -> Stored:
    """Make `value` the current one of the deployment's secret `name`.

    `allow_loopback` is for the local cloud, whose databases are on this machine.
    """
    if name not in spec.secrets:
        raise NotFound(
            "name",
            wanted=f"one of the deployment's secrets: {', '.join(sorted(spec.secrets)) or 'none'}",
            got=name,
            next_step=f"Add `{name}: null` under `secrets` in the file, and run `up`.",
        )
    reference = spec.secrets[name]
    if reference is not None:
        raise SpecError(
            "name",
            wanted="a secret whose container the stack makes (null in the file)",
            got=f"{name} refers to {reference.arn}",
            next_step="Set the value of that secret where it is managed.",
        )
    if name == POSTGRES_SECRET:
        check_postgres_uri("value", value, allow_loopback=allow_loopback, tls=spec.database_tls)
    container = names_of(spec).secret(name)
    with closing(reach(spec, access, env)) as session:
        version = secrets.put_value(session, container, value)
    return Stored(
        secret=container,
        version_id=version,
        next_step="Running tasks keep the value they started with; the next roll-out takes this.",
    )


def put_platform(
    spec: AccountSpec, name: str, value: str, env: Mapping[str, str] | None = None
) -> Stored:
    """Make `value` the current one of the platform secret `name`, for all deployments."""
    if name not in spec.platform_secrets:
        listed = ", ".join(spec.platform_secrets) or "none"
        raise NotFound(
            "name",
            wanted=f"one of the account's platform secrets: {listed}",
            got=name,
            next_step=f"Add {name} under `platform_secrets` in the file, and run `up`.",
        )
    _tracing.check_value(name, value, spec.egress_ports)
    container = AccountNames(spec.installation).platform_secret(name)
    with closing(reach(spec, None, env)) as session:
        version = secrets.put_value(session, container, value, made_by="byoc account up")
    return Stored(
        secret=container,
        version_id=version,
        next_step="Each deployment takes it with its next `byoc deployment up`.",
    )


def _file(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            "from-file",
            wanted="a text file that can be read",
            got=f"{source}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",
            next_step="Give another file, or pipe the value in.",
        ) from None  # a decoding error holds the value


def _stdin(prompt: Callable[[], str]) -> str:
    if sys.stdin.isatty():
        return prompt()
    return sys.stdin.read().removesuffix("\n")

"""A deployment's log lines: passed through, never stored."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from byoc_infra.aws import logs, preflight
from byoc_infra.aws.session import Session, open_session
from byoc_infra.errors import SpecError
from byoc_infra.flows.names import names_of
from byoc_infra.flows.work import new_operation
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec

__all__ = ["Asked", "follow", "lines", "reach"]

SERVICES = ("api", "queue", "cache")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which lines."""

    minutes: float = 60
    pattern: str = ""
    limit: int | None = 500
    service: str = "api"


def reach(
    spec: AccountSpec | DeploymentSpec,
    access: AccessSpec | None,
    env: Mapping[str, str] | None = None,
) -> Session:
    """The account of `spec`, without an engine."""
    if access is not None:
        preflight.check_role(access, spec.aws_account_id)
    session = open_session(
        access,
        region=spec.region,
        env=dict(os.environ) if env is None else env,
        operation=new_operation(),
    )
    preflight.check(session, aws_account_id=spec.aws_account_id, region=spec.region)
    return session


def lines(
    spec: DeploymentSpec,
    access: AccessSpec | None,
    asked: Asked,
    env: Mapping[str, str] | None = None,
) -> list[logs.LogLine]:
    """The lines of the last minutes."""
    with closing(reach(spec, access, env)) as session:
        return logs.read(
            session,
            places(spec, asked.service),
            since_ms=_since(asked),
            pattern=asked.pattern,
            limit=asked.limit,
        )


def follow(
    spec: DeploymentSpec,
    access: AccessSpec | None,
    asked: Asked,
    env: Mapping[str, str] | None = None,
) -> Iterator[logs.LogLine]:
    """Lines as they come, until the caller has enough."""
    with closing(reach(spec, access, env)) as session:
        yield from logs.follow(
            session, places(spec, asked.service), since_ms=_since(asked), pattern=asked.pattern
        )


def places(spec: DeploymentSpec, service: str) -> Sequence[logs.LogPlace]:
    """Where the deployment's containers write, by their names."""
    if service not in (*SERVICES, "all"):
        raise SpecError(
            "service",
            wanted="api, cache or all",
            got=service,
            next_step="Choose one of them.",
        )
    group = AccountNames(spec.installation).log_group
    return [
        logs.LogPlace(container=name, group=group, prefix=names_of(spec).log_prefix)
        for name in (SERVICES if service == "all" else (service,))
    ]


def _since(asked: Asked) -> int:
    return int((time.time() - asked.minutes * 60) * 1000)

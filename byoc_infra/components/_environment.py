"""Which environment names a person may set; pure."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from byoc_infra.errors import DuplicateName, ReservedName, SpecError

__all__ = ["NAME", "POSTGRES_SECRET", "REDIS_SECRET", "RESERVED", "check_environment"]

REDIS_SECRET = "redis"  # noqa: S105 - a name
"""The container that holds the cache's password and address; no variable has its name."""

POSTGRES_SECRET = "POSTGRES_URI_CUSTOM"  # noqa: S105 - a name
"""Among a deployment's secrets it chooses an external PostgreSQL; the server never sees it."""

PLATFORM = (
    "LANGCHAIN_TRACING_V2",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_ENDPOINT",
    "LANGCHAIN_API_KEY",
    "LANGCHAIN_PROJECT",
    "LANGSMITH_PROJECT",
    "LANGSMITH_LANGGRAPH_GIT_*",
    "POSTGRES_URI",
    "POSTGRES_PASSWORD",
    "DATABASE_URI",
    "REDIS_URI",
    "LANGGRAPH_AUTH_TYPE",
    "LANGSMITH_AUTH_*",
    "LANGSMITH_TENANT_ID",
    "LANGSMITH_HOST_*",
    "LOG_JSON",
    "LOG_DICT_TRACEBACKS",
    "DD_TRACE_*_ENABLED",
    "LANGGRAPH_CLOUD_LICENSE_KEY",
)
"""Names that the platform's own deploy command refuses (langgraph-cli 0.4.40)."""
SET_BY_THE_DEPLOYMENT = (
    REDIS_SECRET,
    "PGPASSWORD",
    "PORT",
    "MOUNT_PREFIX",
    "LANGGRAPH_POSTGRES_POOL_MAX_SIZE",
    "BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS",
)
OTHER_STORES = (POSTGRES_SECRET, "REDIS_URI_CUSTOM")
"""They would win over the database and the cache that the deployment makes."""
SET_BY_ECS = ("AWS_CONTAINER_*", "ECS_CONTAINER_METADATA_URI*", "AWS_EXECUTION_ENV")
"""Amazon ECS developer guide, task metadata endpoint and task roles."""
RESERVED = PLATFORM + SET_BY_THE_DEPLOYMENT + OTHER_STORES + SET_BY_ECS
"""Names and patterns; upper and lower case differ."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_environment(environment: Mapping[str, object], secrets: Iterable[str]) -> None:
    """Refuse names that are no names, that are taken by the platform, or that are given twice."""
    secret_names = list(secrets)
    for field, names in (("environment", environment), ("secrets", secret_names)):
        for name in names:
            _check_name(f"{field}.{name}", name)
    for name in secret_names:
        if name in environment:
            raise DuplicateName(
                f"secrets.{name}",
                wanted="a name that environment does not have",
                got=name,
                next_step="Keep the secret and remove the name from environment.",
            )


def _check_name(field: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise SpecError(
            field,
            wanted="letters, digits and `_`, not beginning with a digit",
            got=repr(name),
            next_step="Rename the variable.",
        )
    taken = next((pattern for pattern in RESERVED if fnmatchcase(name, pattern)), None)
    if taken is not None:
        raise ReservedName(
            field, wanted="a name that is free", got=name, next_step=_way_out(name, taken)
        )


def _way_out(name: str, pattern: str) -> str:
    if name == "LANGGRAPH_CLOUD_LICENSE_KEY":
        return "Give it as license_key, a reference to a secret."
    if name == "MOUNT_PREFIX":
        return "Give it as mount_prefix."
    if name == POSTGRES_SECRET:
        return "Give it under `secrets`: the address of a database holds a password."
    if name in OTHER_STORES:
        return "Remove it: the deployment makes its own cache."
    return f"Remove it: the platform sets {pattern} itself."

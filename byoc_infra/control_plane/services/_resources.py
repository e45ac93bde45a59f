"""`resource_spec` on AWS: a pure table, always upwards. What has no meaning there is refused.

Kubernetes tells a request from a limit; a Fargate task has what it has, so the larger of the two
counts, and whoever asks for a limit gets at least that.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from byoc_infra.components._sizes import DATABASES, FARGATE_PAIRS, SIZES, Size
from byoc_infra.control_plane.models.deployments import ResourceSpec
from byoc_infra.errors import SpecError

__all__ = ["SizeClass", "fit"]

SizeClass = Literal["development", "production"]

FIELD = "source_config.resource_spec"
UNITS = 1024
"""CPU units of a vCPU, and MiB of a GiB."""
WITHOUT_MEANING = (
    "labels",
    "annotations",
    "image_pull_secrets",
    "volumes",
    "volume_mounts",
    "init_containers",
    "sidecars",
    "orchestrator_cpu",
    "orchestrator_cpu_limit",
    "orchestrator_memory_mb",
    "orchestrator_memory_limit_mb",
    "orchestrator_min_scale",
    "orchestrator_max_scale",
    "executor_cpu",
    "executor_cpu_limit",
    "executor_memory_mb",
    "executor_memory_limit_mb",
    "executor_min_scale",
    "executor_max_scale",
)
DATABASE_FIELDS = (
    "db_cpu",
    "db_cpu_limit",
    "db_memory_mb",
    "db_memory_limit_mb",
    "db_storage_gi",
)
CACHE = {"redis_cpu": 0.25, "redis_memory_mb": 512}
"""What every deployment's Redis has."""


def fit(
    asked: ResourceSpec | None, size: SizeClass, *, own_database: bool = False
) -> dict[str, Any]:
    """The fields of a `DeploymentSpec` that give at least what was asked for; absent: the class's.

    `labels` and the like are refused by name, and so is more than AWS or the class can be. With
    a database of the customer's own its size is the customer's.
    """
    wanted = asked or ResourceSpec()
    _refuse_kubernetes(wanted)
    of = SIZES[size]
    _check_cache(wanted)
    if not of.queue:
        _refuse_queue(wanted)
    found = _own_database(wanted) if own_database else _database(wanted, of)
    for prefix in ("", "queue_") if of.queue else ("",):
        cpu, memory_mib = _larger(wanted, prefix, "cpu"), _larger(wanted, prefix, "memory_mb")
        if cpu is not None or memory_mib is not None:
            pair = _fargate(prefix, cpu, memory_mib, _usual(found, of))
            found[f"{prefix}cpu"], found[f"{prefix}memory_mib"] = pair
        found.update(_scale(wanted, of, prefix))
    if wanted.service_account_name:
        found["task_role"] = wanted.service_account_name
    return found


def _refuse_kubernetes(asked: ResourceSpec) -> None:
    for name in WITHOUT_MEANING:
        if getattr(asked, name, None):
            raise SpecError(
                f"{FIELD}.{name}",
                wanted="nothing: it is of Kubernetes, and this runs on Amazon ECS",
                got="a value",
                next_step="Leave it out.",
            )


def _larger(asked: ResourceSpec, prefix: str, what: Literal["cpu", "memory_mb"]) -> float | None:
    """The larger of request and limit, where either is given."""
    limit = f"{prefix}cpu_limit" if what == "cpu" else f"{prefix}memory_limit_mb"
    request: float | None = getattr(asked, f"{prefix}{what}")
    most: float | None = getattr(asked, limit)
    if request is not None and most is not None and most < request:
        raise SpecError(
            f"{FIELD}.{limit}",
            wanted=f"{request:g} or more, which is asked for",
            got=f"{most:g}",
            next_step="Raise the limit or lower the request.",
        )
    given = [value for value in (request, most) if value is not None]
    return max(given) if given else None


def _usual(found: Mapping[str, Any], of: Size) -> tuple[int, int]:
    """What a service has that says nothing: the API service's, else the class's."""
    return found.get("cpu", of.cpu), found.get("memory_mib", of.memory_mib)


def _fargate(
    prefix: str, cpu: float | None, memory_mib: float | None, usual: tuple[int, int]
) -> tuple[int, int]:
    """The smallest pair that has both; what is not asked for is the usual, or less CPU's most."""
    units = usual[0] if cpu is None else math.ceil(cpu * UNITS)
    least = usual[1] if memory_mib is None else memory_mib
    for pair in _pairs():
        if pair[0] >= units and pair[1] >= least:
            return pair
    field = f"{prefix}memory_mb" if memory_mib is not None else f"{prefix}cpu"
    raise SpecError(
        f"{FIELD}.{field}",
        wanted=f"at most {max(FARGATE_PAIRS) // UNITS} cores and {_pairs_most()} MiB",
        got=f"{units / UNITS:g} cores, {least:g} MiB",
        next_step="Fargate has nothing larger: scale out with max_scale.",
    )


def _pairs() -> Iterator[tuple[int, int]]:
    for units in sorted(FARGATE_PAIRS):
        for memory in FARGATE_PAIRS[units]:
            yield units, memory


def _pairs_most() -> int:
    return max(memory for _, memory in _pairs())


def _scale(asked: ResourceSpec, of: Size, prefix: str) -> dict[str, int]:
    """Least and most replicas, each within the class's limits."""
    least = _replicas(asked, prefix, "min_scale", of)
    most = _replicas(asked, prefix, "max_scale", of)
    if least is None and most is None:
        return {}
    if least is None:
        least = min(of.replicas.least, most or of.replicas.least)
    if most is None:
        most = max(of.replicas.most, least)
    if least > most:
        raise SpecError(
            f"{FIELD}.{prefix}min_scale",
            wanted=f"at most {most}, the most there may be",
            got=str(least),
            next_step=f"Lower it, or raise {prefix}max_scale.",
        )
    return {f"{prefix}min_scale": least, f"{prefix}max_scale": most}


def _replicas(asked: ResourceSpec, prefix: str, name: str, of: Size) -> int | None:
    """What was asked for; the queue's are the API's where nothing is said."""
    field = prefix + name
    value: int | None = getattr(asked, field)
    if value is None and prefix:
        field = name
        value = getattr(asked, name)
    if value is not None and not of.limits.least <= value <= of.limits.most:
        raise SpecError(
            f"{FIELD}.{field}",
            wanted=f"{of.limits.least} to {of.limits.most} replicas",
            got=str(value),
            next_step="The deployment type decides: `prod` has up to 10, `dev` one.",
        )
    return value


def _check_cache(asked: ResourceSpec) -> None:
    """Redis keeps nothing that lasts, and has one size."""
    for name, most in CACHE.items():
        limit = f"{name}_limit" if name == "redis_cpu" else "redis_memory_limit_mb"
        for field in (name, limit):
            value = getattr(asked, field)
            if value is not None and value > most:
                raise SpecError(
                    f"{FIELD}.{field}",
                    wanted=f"at most {most:g}, which every deployment has",
                    got=f"{value:g}",
                    next_step="Leave it out.",
                )


def _database(asked: ResourceSpec, of: Size) -> dict[str, Any]:
    """The smallest instance class from the size class's own on that has all that is asked for."""
    cores = _larger(asked, "db_", "cpu") or 0
    memory = _larger(asked, "db_", "memory_mb") or 0
    connections = asked.db_max_connections or 0
    found: dict[str, Any] = {}
    classes = list(DATABASES)
    for name in classes[classes.index(of.instance_class) :]:
        has = DATABASES[name]
        if has.cores >= cores and has.memory_mib >= memory and has.max_connections >= connections:
            if name != of.instance_class:
                found["database_instance_class"] = name
            break
    else:
        most = DATABASES[classes[-1]]
        raise SpecError(
            f"{FIELD}.{_first(asked, 'db_cpu', 'db_memory_mb', 'db_max_connections')}",
            wanted=f"at most {most.cores} cores, {most.memory_mib} MiB and "
            f"{most.max_connections} connections",
            got=f"{cores:g} cores, {memory:g} MiB, {connections} connections",
            next_step="Use a PostgreSQL of your own: POSTGRES_URI_CUSTOM.",
        )
    if (asked.db_storage_gi or 0) > of.storage_gib:
        found["database_storage_gib"] = asked.db_storage_gi
    return found


def _own_database(asked: ResourceSpec) -> dict[str, Any]:
    """Only how many connections the deployment may use of it."""
    for name in DATABASE_FIELDS:
        if getattr(asked, name) is not None:
            raise SpecError(
                f"{FIELD}.{name}",
                wanted="nothing beside POSTGRES_URI_CUSTOM",
                got=str(getattr(asked, name)),
                next_step="Leave it out: your own server is as you have made it.",
            )
    if asked.db_max_connections is None:
        return {}
    return {"database_max_connections": asked.db_max_connections}


def _first(asked: ResourceSpec, *names: str) -> str:
    return next((name for name in names if getattr(asked, name)), names[0])


def _refuse_queue(asked: ResourceSpec) -> None:
    for name in type(asked).model_fields:
        if name.startswith("queue_") and getattr(asked, name) is not None:
            raise SpecError(
                f"{FIELD}.{name}",
                wanted="nothing: the type `dev` has no queue service of its own",
                got=str(getattr(asked, name)),
                next_step="Leave it out, or take the deployment type `prod`.",
            )

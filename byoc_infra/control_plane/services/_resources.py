"""`resource_spec` on AWS: a pure table, always upwards. What has no meaning there is refused.

Kubernetes tells a request from a limit; a Fargate task has what it has, so the larger of the two
counts, and whoever asks for a limit gets at least that.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from byoc_infra.components._sizes import FARGATE_PAIRS, SIZES, Size
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
CACHE = {"redis_cpu": 0.25, "redis_memory_mb": 512}
"""What every deployment's Redis has."""
DATABASE_CORES = 2
DATABASE_MEMORY_MIB = {"db.t4g.micro": 1024, "db.m7g.large": 8192}
"""Both classes have two cores (RDS user guide, DB instance classes)."""


def fit(asked: ResourceSpec | None, size: SizeClass) -> dict[str, Any]:
    """The fields of a `DeploymentSpec` that give at least what was asked for; absent: the class's.

    `labels` and the like are refused by name, and so is more than the class can be.
    """
    wanted = asked or ResourceSpec()
    _refuse_kubernetes(wanted)
    of = SIZES[size]
    _check_at_most(wanted, of)
    found: dict[str, Any] = {}
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


def _check_at_most(asked: ResourceSpec, of: Size) -> None:
    """What the class decides may be asked for as long as it has as much."""
    has: dict[str, float] = {
        **CACHE,
        "db_cpu": DATABASE_CORES,
        "db_memory_mb": DATABASE_MEMORY_MIB[of.instance_class],
        "db_storage_gi": of.storage_gib,
        "db_max_connections": of.max_connections,
    }
    for name, most in has.items():
        for field in (name, _limit_of(name)):
            value = getattr(asked, field, None)
            if value is not None and value > most:
                raise SpecError(
                    f"{FIELD}.{field}",
                    wanted=f"at most {most:g}, which the deployment type has",
                    got=f"{value:g}",
                    next_step="Leave it out, or take the deployment type `prod`.",
                )
    if not of.queue:
        _refuse_queue(asked)


def _limit_of(name: str) -> str:
    """`db_cpu` → `db_cpu_limit`, `db_memory_mb` → `db_memory_limit_mb`."""
    return name.replace("_mb", "_limit_mb") if name.endswith("_mb") else f"{name}_limit"


def _refuse_queue(asked: ResourceSpec) -> None:
    for name in type(asked).model_fields:
        if name.startswith("queue_") and getattr(asked, name) is not None:
            raise SpecError(
                f"{FIELD}.{name}",
                wanted="nothing: the type `dev` has no queue service of its own",
                got=str(getattr(asked, name)),
                next_step="Leave it out, or take the deployment type `prod`.",
            )

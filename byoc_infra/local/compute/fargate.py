"""What Fargate takes; pure (ECS developer guide, "Task definition differences for Fargate")."""

from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.local.compute.parts import check_order, check_size, check_volumes
from byoc_infra.local.wire import AwsError

__all__ = ["PAIRS", "check_definition"]

PAIRS: dict[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
"""CPU units and the MiB that go with them."""
MOST_STOP_TIMEOUT_S = 120


def check_definition(asked: Mapping[str, Any]) -> None:
    """Refuse what RegisterTaskDefinition refuses."""
    containers = asked.get("containerDefinitions") or []
    if not containers:
        raise _refused("Container definitions should not be empty.")
    check_size(asked)
    _check_containers(asked, containers)
    if "FARGATE" in asked.get("requiresCompatibilities", ()):
        _check_fargate(asked, containers)


def _check_containers(asked: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> None:
    names = [str(container.get("name", "")) for container in containers]
    if len(set(names)) != len(names):
        raise _refused("Container names must be unique.")
    if not any(container.get("essential", True) for container in containers):
        raise _refused("At least one container must be marked as essential.")
    check_order(containers)
    check_volumes(asked, containers)
    for container in containers:
        if container.get("secrets") and not asked.get("executionRoleArn"):
            raise _refused(
                "When you are specifying container secrets, you must also specify a value for "
                "'executionRoleArn'."
            )
        _check_names(container)


def _check_names(container: Mapping[str, Any]) -> None:
    plain = {entry["name"] for entry in container.get("environment", ())}
    both = sorted(plain & {entry["name"] for entry in container.get("secrets", ())})
    if both:
        raise _refused(
            f"The secret name must be unique and not shared with any new or existing environment "
            f"variables set on the container, such as '{both[0]}'."
        )


def _check_fargate(asked: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> None:
    for field in ("cpu", "memory"):
        if not asked.get(field):
            raise _refused(f"Fargate requires that '{field}' be defined at the task level.")
    if asked.get("networkMode") != "awsvpc":
        raise _refused("Fargate only supports network mode 'awsvpc'.")
    cpu, memory = _units(asked["cpu"], "vcpu"), _units(asked["memory"], "gb")
    if memory not in PAIRS.get(cpu, ()):
        raise _refused(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See "
            "the Amazon ECS documentation for the valid values."
        )
    for container in containers:
        driver = container.get("logConfiguration", {}).get("logDriver")
        if driver == "awslogs" and not asked.get("executionRoleArn"):
            raise _refused(
                "Fargate requires task definition to have execution role ARN to support log "
                "driver awslogs."
            )
        if int(container.get("stopTimeout") or 0) > MOST_STOP_TIMEOUT_S:
            raise _refused(
                "The stopTimeout parameter must be 120 seconds or less for tasks that use the "
                "Fargate launch type."
            )


def _units(text: object, unit: str) -> int:
    """`1024`, `1 vCPU` or `2 GB` as CPU units or MiB; 0 for what is neither."""
    words = str(text).lower().replace(unit, "").strip()
    try:
        return int(float(words) * 1024) if unit in str(text).lower() else int(words)
    except ValueError:
        return 0


def _refused(message: str) -> AwsError:
    return AwsError("ClientException", message)

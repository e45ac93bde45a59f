"""What ECS refuses of how a task's containers hang together; pure.

From the ECS API reference (ContainerDependency, MountPoint, Volume) and the service quotas.
"""

import json
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from byoc_infra.local.wire import AwsError

__all__ = ["check_order", "check_size", "check_volumes"]

MOST_BYTES = 64 * 1024
"""A task definition as a whole (ECS service quotas, task definition size)."""
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")

Containers = Sequence[Mapping[str, Any]]


def check_size(asked: Mapping[str, Any]) -> None:
    """Refuse what is larger than ECS keeps."""
    size = len(json.dumps(asked, separators=(",", ":"), default=str).encode())
    if size > MOST_BYTES:
        raise _refused(f"Task definition is too large: {size} bytes, the most is {MOST_BYTES}.")


def check_order(containers: Containers) -> None:
    """Refuse dependencies that are not there, that cannot be met, or that go round."""
    by_name = {str(container.get("name", "")): container for container in containers}
    for container in containers:
        for wanted in container.get("dependsOn", ()):
            _check_dependency(by_name, wanted["containerName"], wanted["condition"])
    graph = {
        name: {wanted["containerName"] for wanted in container.get("dependsOn", ())}
        for name, container in by_name.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        raise _refused("Invalid dependsOn: the containers depend on each other.") from found


def _check_dependency(by_name: Mapping[str, Mapping[str, Any]], other: str, condition: str) -> None:
    if other not in by_name:
        raise _refused(f"Invalid dependsOn: the container {other} is not in the task definition.")
    if condition not in CONDITIONS:
        raise _refused(f"Invalid dependsOn: {condition} is no condition.")
    if condition in ("COMPLETE", "SUCCESS") and by_name[other].get("essential", True):
        raise _refused(
            f"Invalid dependsOn: {condition} cannot be set on the essential container {other}."
        )
    if condition == "HEALTHY" and not by_name[other].get("healthCheck"):
        raise _refused(f"Invalid dependsOn: the container {other} has no health check.")


def check_volumes(asked: Mapping[str, Any], containers: Containers) -> None:
    """Refuse mount points of volumes that the task has not."""
    volumes = {volume["name"] for volume in asked.get("volumes") or ()}
    for container in containers:
        for point in container.get("mountPoints") or ():
            if point.get("sourceVolume") not in volumes:
                raise _refused(f"Unknown volume '{point.get('sourceVolume')}'.")


def _refused(message: str) -> AwsError:
    return AwsError("ClientException", message)

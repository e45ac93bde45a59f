"""What the rules and the authorizer must know about ECS services and tasks, which moto does not."""

from collections.abc import Callable, Iterable, Mapping

from byoc_infra.local.authorizer.state import pairs
from byoc_infra.local.compute.model import Service, State, Task
from byoc_infra.local.rules.holders import Holding

__all__ = ["ecs_tags", "task_holdings"]


def task_holdings(state: State, account_id: str, region: str) -> Iterable[Holding]:
    """Each task that has not stopped stands in a subnet and wears its service's groups."""
    for task in list(state.tasks.values()):
        if task.status == "STOPPED" or (task.account_id, task.region) != (account_id, region):
            continue
        yield Holding(task.arn, frozenset({task.subnet_id}), _groups(state, task))


def ecs_tags(state: State) -> dict[str, Callable[[str], Mapping[str, str] | None]]:
    """Who knows the tags of services and tasks, by the kind in their ARN."""
    return {
        "ecs:service": lambda arn: _tags(state.services.get(arn)),
        "ecs:task": lambda arn: _tags(state.tasks.get(arn)),
    }


def _tags(found: Service | Task | None) -> dict[str, str] | None:
    return None if found is None else pairs(found.tags)


def _groups(state: State, task: Task) -> frozenset[str]:
    service = state.services.get(task.service_arn or "")
    for deployment in service.deployments if service else ():
        if deployment.id == task.deployment_id:
            network = deployment.settings.get("networkConfiguration") or {}
            return frozenset(network.get("awsvpcConfiguration", {}).get("securityGroups", ()))
    return frozenset()

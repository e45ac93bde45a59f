"""ECS services: what runs, and starting it anew."""

import datetime
from typing import Any

from byoc_infra.aws.session import Session

__all__ = [
    "deregister_family",
    "describe_service",
    "describe_tasks",
    "force_new_deployment",
    "oldest_task",
]

ABSENT = frozenset({"ServiceNotFoundException", "ClusterNotFoundException"})
TASKS_AT_ONCE = 100
"""DescribeTasks takes no more (ECS API reference)."""


def describe_service(session: Session, cluster: str, service: str) -> dict[str, Any] | None:
    """The service as ECS sees it; None when it is not there or INACTIVE."""
    found = session.ask(
        "ecs", "describe_services", absent=ABSENT, cluster=cluster, services=[service]
    )
    live = [s for s in found.get("services", []) if s.get("status") != "INACTIVE"]
    return live[0] if live else None


def describe_tasks(
    session: Session, cluster: str, service: str, *, desired: str = "RUNNING"
) -> list[dict[str, Any]]:
    """The service's tasks whose desired status is `RUNNING` or `STOPPED`."""
    arns = list(
        session.each(
            "ecs",
            "list_tasks",
            "taskArns",
            absent=ABSENT,
            cluster=cluster,
            serviceName=service,
            desiredStatus=desired,
        )
    )
    tasks: list[dict[str, Any]] = []
    for start in range(0, len(arns), TASKS_AT_ONCE):
        part = arns[start : start + TASKS_AT_ONCE]
        tasks += session.ask("ecs", "describe_tasks", cluster=cluster, tasks=part).get("tasks", [])
    return tasks


def oldest_task(session: Session, cluster: str, service: str) -> datetime.datetime | None:
    """When the oldest running task was made: before it read its secrets, so the safe side."""
    made = [
        task.get("createdAt") or task.get("startedAt")
        for task in describe_tasks(session, cluster, service)
    ]
    return min((moment for moment in made if moment is not None), default=None)


def force_new_deployment(session: Session, cluster: str, service: str) -> None:
    """Start every task of the service anew, rolling.

    Not through the engine, because nothing in the stack changes: tasks read secret values only
    when they start, and a rotated password is no difference to any resource.
    """
    session.ask("ecs", "update_service", cluster=cluster, service=service, forceNewDeployment=True)


def deregister_family(session: Session, family: str) -> list[str]:
    """Make every revision of a task definition family INACTIVE; gives their ARNs.

    Not through the engine, because it keeps only the newest revision in its state: earlier ones
    stay ACTIVE on purpose while a service may still have to go back to them.
    """
    gone = []
    for arn in session.each(
        "ecs",
        "list_task_definitions",
        "taskDefinitionArns",
        familyPrefix=family,
        status="ACTIVE",
    ):
        if arn.rsplit("/", 1)[-1].split(":")[0] == family:
            session.ask("ecs", "deregister_task_definition", taskDefinition=arn)
            gone.append(arn)
    return gone

"""Why tasks stopped, in words: what ECS says, and the containers' own last lines."""

from typing import Any

from byoc_infra.aws import logs
from byoc_infra.aws.services import describe_tasks
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused

__all__ = ["stopped_causes"]

TASKS_TOLD = 2
LINES_TOLD = 5
ORDINARY = frozenset({"ServiceSchedulerInitiated", "UserInitiated"})
"""Stop codes of tasks that somebody wanted to end."""


def stopped_causes(
    session: Session, cluster: str, service: str, task_definition: str
) -> tuple[str, ...]:
    """What is known of the latest tasks of this task definition that ended by themselves."""
    stopped = [
        task
        for task in describe_tasks(session, cluster, service, desired="STOPPED")
        if task.get("taskDefinitionArn") == task_definition and not _wanted(task)
    ]
    stopped.sort(key=lambda task: str(task.get("stoppedAt") or task.get("stoppingAt") or ""))
    if not stopped:
        return ()
    where = _places(session, task_definition)
    return tuple(_words(session, task, where) for task in reversed(stopped[-TASKS_TOLD:]))


def _wanted(task: dict[str, Any]) -> bool:
    return task.get("stopCode") in ORDINARY and "health" not in str(task.get("stoppedReason", ""))


def _places(session: Session, task_definition: str) -> list[logs.LogPlace]:
    try:
        return logs.places(session, task_definition)
    except AccessRefused:
        return []


def _words(session: Session, task: dict[str, Any], where: list[logs.LogPlace]) -> str:
    task_id = str(task["taskArn"]).rsplit("/", 1)[-1]
    said = [f"task {task_id}: {task.get('stopCode', 'stopped')}: {task.get('stoppedReason', '-')}"]
    for container in task.get("containers", []):
        code, reason = container.get("exitCode"), container.get("reason")
        if code not in (None, 0) or reason:
            said.append(
                f"container {container.get('name')}: exit code {code}"
                + (f", {reason}" if reason else "")
            )
    said += [f"  | {line}" for place in where for line in _last(session, place, task_id)]
    return "\n".join(said)


def _last(session: Session, place: logs.LogPlace, task_id: str) -> list[str]:
    try:
        return logs.last_lines(session, place, task_id, LINES_TOLD)
    except AccessRefused:
        return ["(the role may not read the log)"]

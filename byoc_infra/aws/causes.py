"""Why tasks stopped, in words: what ECS says, and the containers' own last lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from byoc_infra.aws import logs
from byoc_infra.aws.services import describe_tasks
from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused

__all__ = ["Stopped", "stopped_causes", "stopped_tasks"]

TASKS_TOLD = 2
LINES_TOLD = 5
ORDINARY = frozenset({"ServiceSchedulerInitiated", "UserInitiated"})
"""Stop codes of tasks that somebody wanted to end."""
LINE = "  | "
"""What a container's own line begins with, in a cause in words."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """One task that ended by itself."""

    task: str
    said: tuple[str, ...]
    """ECS's words: stop code, reason, exit codes."""
    lines: tuple[str, ...]
    """The containers' own last words, which are the customer's and are not to be kept."""

    def words(self) -> str:
        """All of it, line by line."""
        first, *others = self.said
        return "\n".join(
            (f"task {self.task}: {first}", *others, *(LINE + one for one in self.lines))
        )


def stopped_causes(
    session: Session, cluster: str, service: str, task_definition: str, *, log_lines: bool = True
) -> tuple[str, ...]:
    """What is known of the latest tasks of this task definition that ended by themselves."""
    found = stopped_tasks(
        session,
        cluster,
        service,
        lambda task: task.get("taskDefinitionArn") == task_definition,
        lines=LINES_TOLD if log_lines else 0,
    )
    return tuple(one.words() for one in found)


def stopped_tasks(
    session: Session,
    cluster: str,
    service: str,
    wanted: Callable[[dict[str, Any]], bool],
    *,
    lines: int = LINES_TOLD,
) -> tuple[Stopped, ...]:
    """The latest of the `wanted` tasks that ended by themselves, the last one first."""
    stopped = [
        task
        for task in describe_tasks(session, cluster, service, desired="STOPPED")
        if wanted(task) and not _ordinary(task)
    ]
    stopped.sort(key=lambda task: str(task.get("stoppedAt") or task.get("stoppingAt") or ""))
    return tuple(_stopped(session, task, lines) for task in reversed(stopped[-TASKS_TOLD:]))


def _ordinary(task: dict[str, Any]) -> bool:
    return task.get("stopCode") in ORDINARY and "health" not in str(task.get("stoppedReason", ""))


def _stopped(session: Session, task: dict[str, Any], lines: int) -> Stopped:
    task_id = str(task["taskArn"]).rsplit("/", 1)[-1]
    said = [f"{task.get('stopCode', 'stopped')}: {task.get('stoppedReason', '-')}"]
    for container in task.get("containers", []):
        code, reason = container.get("exitCode"), container.get("reason")
        if code not in (None, 0) or reason:
            said.append(
                f"container {container.get('name')}: exit code {code}"
                + (f", {reason}" if reason else "")
            )
    where = _places(session, str(task["taskDefinitionArn"])) if lines else []
    last = [line for place in where for line in _last(session, place, task_id, lines)]
    return Stopped(task=task_id, said=tuple(said), lines=tuple(last))


def _places(session: Session, task_definition: str) -> list[logs.LogPlace]:
    try:
        return logs.places(session, task_definition)
    except AccessRefused:
        return []


def _last(session: Session, place: logs.LogPlace, task_id: str, count: int) -> list[str]:
    try:
        return logs.last_lines(session, place, task_id, count)
    except AccessRefused:
        return ["(the role may not read the log)"]

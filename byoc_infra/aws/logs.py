"""Log lines of a deployment's containers: passed through, never stored."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from byoc_infra.aws.session import Session

__all__ = ["LogLine", "LogPlace", "follow", "last_lines", "places", "read"]

ABSENT = frozenset({"ResourceNotFoundException"})
NO_DEFINITION = frozenset({"ClientException"})
POLL_S = 2.0
LATE_MS = 10_000
"""Lines may arrive late and out of order; following looks this far back each time."""
PASSWORD_IN_URI = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")


@dataclass(frozen=True)
class LogPlace:
    """Where one container writes."""

    container: str
    group: str
    prefix: str
    """Streams are `<prefix>/<container>/<task id>`."""

    @property
    def streams(self) -> str:
        """What the names of this container's streams begin with."""
        return f"{self.prefix}/{self.container}/"


@dataclass(frozen=True)
class LogLine:
    """One line."""

    at_ms: int
    stream: str
    message: str
    id: str = ""
    """CloudWatch's own, so that equal lines stay apart."""


def places(session: Session, task_definition: str) -> list[LogPlace]:
    """Where the containers of a task definition write, by the definition itself."""
    found = session.ask(
        "ecs", "describe_task_definition", absent=NO_DEFINITION, taskDefinition=task_definition
    )
    return [
        place
        for container in found.get("taskDefinition", {}).get("containerDefinitions", [])
        if (place := _place(container)) is not None
    ]


def _place(container: dict[str, Any]) -> LogPlace | None:
    options = (container.get("logConfiguration") or {}).get("options") or {}
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if group is None or prefix is None:
        return None
    return LogPlace(container=container["name"], group=group, prefix=prefix)


def read(
    session: Session,
    where: Sequence[LogPlace],
    *,
    since_ms: int = 0,
    pattern: str = "",
    limit: int | None = None,
) -> list[LogLine]:
    """Lines since `since_ms` that match CloudWatch's `pattern`, oldest first; the last `limit`."""
    lines = [line for place in where for line in _events(session, place, since_ms, pattern)]
    lines.sort(key=lambda line: line.at_ms)
    return lines[-limit:] if limit is not None else lines


def _events(session: Session, place: LogPlace, since_ms: int, pattern: str) -> Iterator[LogLine]:
    asked: dict[str, Any] = {
        "logGroupName": place.group,
        "logStreamNamePrefix": place.streams,
        "startTime": since_ms,
    }
    if pattern:
        asked["filterPattern"] = pattern
    for event in session.each("logs", "filter_log_events", "events", absent=ABSENT, **asked):
        if event["logStreamName"].startswith(place.streams):  # an emulator may not filter
            yield LogLine(
                event["timestamp"],
                event["logStreamName"],
                event["message"],
                event.get("eventId", ""),
            )


def follow(
    session: Session,
    where: Sequence[LogPlace],
    *,
    since_ms: int,
    pattern: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogLine]:
    """Lines as they come, without end; each once."""
    seen: set[LogLine] = set()
    newest = since_ms
    while True:
        start = max(since_ms, newest - LATE_MS)
        lines = read(session, where, since_ms=start, pattern=pattern)
        for line in lines:
            if line not in seen:
                yield line
        seen = set(lines)
        newest = max([newest, *(line.at_ms for line in lines)])
        sleep(POLL_S)


def last_lines(session: Session, place: LogPlace, task_id: str, count: int) -> list[str]:
    """The last words of one task's container, passwords in addresses masked."""
    found = session.ask(
        "logs",
        "get_log_events",
        absent=ABSENT,
        logGroupName=place.group,
        logStreamName=f"{place.streams}{task_id}",
        limit=count,
        startFromHead=False,
    )
    return [
        PASSWORD_IN_URI.sub(r"\1…@", event["message"].rstrip()) for event in found.get("events", [])
    ][-count:]

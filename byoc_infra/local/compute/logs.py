"""Container output, line by line into CloudWatch Logs, as the awslogs driver sends it."""

import time
from dataclasses import dataclass
from pathlib import Path

from moto.logs.models import logs_backends

from byoc_infra.local.compute.model import Container, Task
from byoc_infra.local.compute.roles import StartError

__all__ = ["LogPump", "group_of"]

READ_AT_ONCE = 1 << 20
LONGEST_EVENT = 256 * 1024
"""CloudWatch Logs API reference, PutLogEvents, in force when this was written."""


@dataclass
class _Followed:
    path: Path
    account_id: str
    region: str
    group: str
    stream: str
    offset: int = 0
    rest: bytes = b""


def group_of(container: Container) -> tuple[str, str, str] | None:
    """Log group, region and stream prefix of a container that uses awslogs."""
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return None
    options = configuration.get("options") or {}
    return (
        options.get("awslogs-group", ""),
        options.get("awslogs-region", ""),
        options.get("awslogs-stream-prefix", ""),
    )


class LogPump:
    """Follows the files that containers write to."""

    def __init__(self) -> None:
        self._followed: dict[tuple[str, str], _Followed] = {}

    def open(self, task: Task, container: Container, path: Path) -> None:
        """Make the log stream of a container, or fail its task as ECS does."""
        named = group_of(container)
        if named is None:
            return
        group, region, prefix = named
        backend = logs_backends[task.account_id][region or task.region]
        if group not in backend.groups:
            raise StartError(
                "ResourceInitializationError: failed to validate logger args: create stream has "
                "been retried 1 times: failed to create Cloudwatch log stream: "
                "ResourceNotFoundException: The specified log group does not exist. : exit status 1"
            )
        stream = f"{prefix}/{container.name}/{task.id}" if prefix else task.id
        backend.ensure_log_stream(group, stream)
        followed = _Followed(path, task.account_id, region or task.region, group, stream)
        self._followed[task.id, container.name] = followed

    def pump(self) -> None:
        """Send what has been written since the last time."""
        for followed in self._followed.values():
            self._send(followed, last=False)

    def close(self, task: Task) -> None:
        """Send the rest of a stopped task's output."""
        for key in [key for key in self._followed if key[0] == task.id]:
            self._send(self._followed.pop(key), last=True)

    def _send(self, one: _Followed, *, last: bool) -> None:
        lines = _read_lines(one, last=last)
        backend = logs_backends[one.account_id][one.region]
        # The group may have been deleted while its task ran; real output is lost then, too.
        if lines and one.group in backend.groups:
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line} for line in lines]
            backend.ensure_log_stream(one.group, one.stream)
            backend.put_log_events(one.group, one.stream, events)


def _read_lines(one: _Followed, *, last: bool) -> list[str]:
    try:
        with one.path.open("rb") as file:
            file.seek(one.offset)
            fresh = file.read(READ_AT_ONCE)
    except FileNotFoundError:
        return []
    one.offset += len(fresh)
    *whole, one.rest = (one.rest + fresh).split(b"\n")
    if last and one.rest:
        whole.append(one.rest)
    return [line[:LONGEST_EVENT].decode("utf-8", "replace") for line in whole if line.strip()]

"""A live view of an operation: on a terminal one picture that changes, else one line an event."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byoc_infra.cli import output
from byoc_infra.errors import AccessRefused, ApprovalNeeded, Cancelled

if TYPE_CHECKING:
    from rich.console import RenderableType

    from byoc_infra.client import Client, Event, Operation

__all__ = ["ended_well", "watch", "words"]

SHOWN = 8
"""Resources in progress that the picture shows."""


def watch(client: "Client", operation_id: str) -> "Operation":
    """Show what happens until it ends, or until somebody has to do something; as it is then."""
    view = _View(operation_id)
    with view.shown(), _left_alone(operation_id):
        for event in client.events(operation_id):
            view.take(event)
            if event.kind == "status" and event.data.get("status") in (
                "WAITING",
                "AWAITING_APPROVAL",
            ):
                now = client.operation(operation_id)
                if now.halted:
                    return now
    return client.operation(operation_id)


@contextmanager
def _left_alone(operation_id: str) -> Iterator[None]:
    """An interrupt ends the watching, and not what is watched."""
    try:
        yield
    except KeyboardInterrupt:
        output.current().progress(
            f"It goes on without you: `byoc operations watch {operation_id}`, or `cancel`."
        )
        raise


def ended_well(client: "Client", operation: "Operation") -> "Operation":
    """The operation, if it has done what was asked; else the error that it ended with."""
    if operation.status == "SUCCEEDED":
        return operation
    if operation.status == "AWAITING_APPROVAL":
        raise ApprovalNeeded(
            operation.id,
            wanted="somebody's approval of what would be replaced or deleted",
            got="none yet",
            next_step=f"Look: `byoc operations show {operation.id}`; then "
            f"`byoc operations approve {operation.id}` or `reject`.",
        )
    if operation.status == "WAITING":
        raise AccessRefused(
            operation.id,
            wanted="a way into the account",
            got=operation.failure.got if operation.failure else "none",
            next_step="It goes on by itself when access is back; `byoc connection list`.",
        )
    if operation.status == "SKIPPED":
        raise Cancelled(
            operation.id,
            wanted="to be carried out",
            got="a newer revision or a deletion came before its turn",
            next_step="Nothing: the newer one counts.",
        )
    _tell_why(client, operation)
    from byoc_infra.client import error_of

    raise error_of(_failure(operation))


def _failure(operation: "Operation") -> dict[str, object]:
    told = operation.failure
    if told is not None:
        return told.model_dump()
    return {
        "code": Cancelled.code,
        "field": operation.id,
        "wanted": "to be carried out",
        "got": operation.status,
        "next_step": "Ask for it again if it is wanted after all.",
    }


def _tell_why(client: "Client", operation: "Operation") -> None:
    """The tasks' last words, which only the account has."""
    if operation.status != "FAILED":
        return
    spoken = output.current()
    now = client.failure(operation.id)
    for task in now.tasks:
        spoken.progress(f"task {task.task}: " + "; ".join(task.said))
        for line in task.lines:
            spoken.progress(f"  | {line}")
    if now.unavailable:
        spoken.progress(f"The account could not be asked for more: {now.unavailable}")


@dataclass
class _View:
    """What has happened so far."""

    operation_id: str
    status: str = "QUEUED"
    message: str = ""
    done: int = 0
    busy: dict[str, float] = field(default_factory=dict)
    """By resource: since when."""
    started: float = field(default_factory=time.monotonic)

    def shown(self) -> AbstractContextManager[object]:
        """On a terminal, a picture that follows this view while the block runs."""
        if output.current().quiet or not sys.stderr.isatty():
            return nullcontext()
        from rich.console import Console
        from rich.live import Live

        return Live(
            get_renderable=self._picture,
            console=Console(stderr=True),
            refresh_per_second=4,
            transient=True,
        )

    def take(self, event: "Event") -> None:
        """One more event."""
        data = event.data
        if event.kind == "status":
            self.status = str(data.get("status") or self.status)
        elif event.kind == "resource":
            self._resource(data)
        self.message = words(event)
        if self.message and not sys.stderr.isatty():
            output.current().progress(self.message)

    def _resource(self, data: dict[str, object]) -> None:
        name = f"{data.get('op')} {data.get('type')} {data.get('name')}"
        if data.get("state") == "started":
            self.busy[name] = time.monotonic()
        else:
            self.busy.pop(name, None)
            self.done += data.get("state") == "done"

    def _picture(self) -> "RenderableType":
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        now = time.monotonic()
        head = f"{self.operation_id} {self.status}, {self.done} done, {now - self.started:.0f} s"
        busy = [
            Text(f"  {name} ({now - since:.0f} s)", overflow="ellipsis", no_wrap=True)
            for name, since in list(self.busy.items())[:SHOWN]
        ]
        last = [] if busy else [Text(f"  {self.message}", overflow="ellipsis", no_wrap=True)]
        return Group(Spinner("dots", text=Text(head)), *busy, *last)


def words(event: "Event") -> str:
    """An event in one line; nothing where a resource only begins."""
    data = event.data
    if event.kind == "status":
        return ": ".join(str(one) for one in (data.get("status"), data.get("message")) if one)
    if event.kind != "resource":
        return str(data.get("message") or "")
    if data.get("state") == "started":
        return ""
    failed = "FAILED " if data.get("state") == "failed" else ""
    took = f" ({data['seconds']} s)" if data.get("seconds") else ""
    return f"  {failed}{data.get('op')} {data.get('type')} {data.get('name')}{took}"

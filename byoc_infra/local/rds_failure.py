"""Why an instance has failed, where AWS's own callers look: its status infos, and an event."""

from typing import Any

__all__ = ["forget_failure", "keep_failure"]

Moto = Any
"""Moto's objects have attributes that nobody declares."""
LENGTH = 600


def keep_failure(instance: Moto, cause: BaseException) -> None:
    """Put the cause's words into DescribeDBInstances and DescribeEvents."""
    words = f"{type(cause).__name__}: {cause}"[:LENGTH]
    instance.status_infos = [
        {"StatusType": "server", "Normal": False, "Status": "error", "Message": words}
    ]
    instance.add_event("DB_INSTANCE_CREATE")  # moto has no kind for a failure
    event = instance.backend.events[-1]
    event.message, event.event_categories = words, ["failure"]


def forget_failure(instance: Moto) -> None:
    """It runs: what an earlier attempt died of is of the past."""
    instance.status_infos = []

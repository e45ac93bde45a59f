"""Log lines in the API, in the platform's form."""

from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from byoc_infra.control_plane.models._base import Answer, Asked

__all__ = ["LogEntry", "LogPage", "LogRequest"]

MOST_LINES = 1000
WIDEST_WINDOW = timedelta(days=31)

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class LogRequest(Asked):
    """Which lines."""

    start_time: AwareDatetime | None = None
    """Seven days before the end when absent."""
    end_time: AwareDatetime | None = None
    """Now when absent."""
    level: Level | None = None
    """This one and those above it."""
    query: str | None = Field(default=None, min_length=1, max_length=256)
    """A text that the line has in it."""
    limit: int = Field(default=100, ge=1, le=MOST_LINES)
    offset: str | None = Field(default=None, max_length=256)
    """The `next_offset` of the answer before."""
    order: Literal["asc", "desc"] = "desc"

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.start_time is None or self.end_time is None:
            return self
        width = self.end_time - self.start_time
        if width < timedelta(0):
            message = "end_time is before start_time"
            raise ValueError(message)
        if width > WIDEST_WINDOW:
            message = f"the window is wider than {WIDEST_WINDOW.days} days"
            raise ValueError(message)
        return self


class LogEntry(Answer):
    """One line."""

    id: str
    timestamp: datetime
    level: str
    message: str


class LogPage(Answer):
    """The lines in the order that was asked for."""

    logs: list[LogEntry]
    next_offset: str | None
    """Where to go on; none where there is nothing more now."""

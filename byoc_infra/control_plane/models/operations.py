"""Operations in the API: what is being done on a deployment's stack, and what one may ask of it."""

import uuid
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from byoc_infra.control_plane.models._base import Answer, Asked

__all__ = [
    "Event",
    "Failure",
    "FailureNow",
    "ForgetRequest",
    "Forgotten",
    "LastWords",
    "Operation",
    "OperationKind",
    "OperationStatus",
    "PreviewRequest",
    "RollbackRequest",
]

OperationStatus = Literal[
    "QUEUED",
    "RUNNING",
    "WAITING",
    "AWAITING_APPROVAL",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "SKIPPED",
]
OperationKind = Literal["deploy", "preview", "delete"]


class Failure(Answer):
    """Why it failed, in the words of the error."""

    code: str
    """Stable, upper case."""
    field: str
    wanted: str
    got: str
    next_step: str
    retryable: bool = False


class Operation(Answer):
    """One piece of work on one deployment's stack."""

    id: str
    """Also the name of the role session, which CloudTrail shows in the customer's account."""
    kind: OperationKind
    status: OperationStatus
    deployment_id: uuid.UUID
    revision_id: uuid.UUID | None
    attempt: int
    """Grows when a worker died, the account was away or an approval was given."""
    requested_by: str
    """Who asked, as CloudTrail shows it."""
    request_id: str
    plan: dict[str, Any] | None
    """What a preview found, where there was one."""
    approved_by: str | None
    cancel_requested_at: datetime | None
    result: dict[str, Any] | None
    """What was done; of a `delete` the receipt, of a `preview` the changes."""
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Event(Answer):
    """One thing that happened in an operation."""

    seq: int
    """Also the server-sent event's id."""
    operation_id: str
    at: datetime
    kind: str
    data: dict[str, Any]


class LastWords(Answer):
    """One task that ended by itself, and the last lines of its containers."""

    task: str
    said: list[str]
    """ECS's own words: stop code, reason, exit codes."""
    lines: list[str]
    """Fetched for this answer from the customer's CloudWatch Logs, and not kept."""


class FailureNow(Answer):
    """Why an operation failed: what was recorded, and what AWS still knows at this moment."""

    operation_id: str
    failure: Failure | None
    tasks: list[LastWords]
    unavailable: str | None
    """Why AWS could not be asked, where it could not."""


class RollbackRequest(Asked):
    """Which revision to go back to: by its id or by its number."""

    revision_id: uuid.UUID | None = None
    number: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.revision_id is None) == (self.number is None):
            message = "give either revision_id or number"
            raise ValueError(message)
        return self


class PreviewRequest(Asked):
    """What to preview: a revision that is there."""

    revision_id: uuid.UUID | None = None
    """The newest when absent."""


class ForgetRequest(Asked):
    """The name once more, because nothing of it can be undone."""

    name: str = Field(min_length=1, max_length=256)


class Forgotten(Answer):
    """What is out of our hands now and still there."""

    deployment_id: uuid.UUID
    name: str
    stack: str
    """Its state stays in the backend, under this name."""
    aws_account_id: str
    region: str
    next_step: str

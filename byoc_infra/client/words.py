"""What the API answers with. A field that a newer control plane adds is passed over."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Account",
    "Deployment",
    "Event",
    "Failure",
    "FailureNow",
    "Forgotten",
    "Key",
    "LogEntry",
    "LogPage",
    "Operation",
    "Revision",
    "Setup",
    "Started",
]

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "SKIPPED"})
"""Statuses of an operation that is over."""
HALTED = frozenset({"WAITING", "AWAITING_APPROVAL"})
"""Statuses of one that goes on only after somebody has done something."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Failure(_Answer):
    """Why something failed, in the words of the error."""

    code: str
    field: str
    wanted: str
    got: str
    next_step: str
    retryable: bool = False


class Account(_Answer):
    """A connection to a customer's AWS account."""

    id: uuid.UUID
    name: str
    aws_account_id: str
    region: str
    installation: str
    role_arn: str
    status: str
    """requested, provisioning, active, disconnected, revoked or deleted."""
    status_message: str = ""
    rotation: str = "none"
    """Of the external id: none, offered or retiring."""
    default_deployment_type: str = "dev"
    platform_secrets: list[str] = []


class Setup(_Answer):
    """What the customer has to run."""

    role_arn: str
    external_ids: list[str]
    account_yaml: str
    commands: list[str]
    next_step: str


class Deployment(_Answer):
    """A deployment, with what its latest revision was asked to be."""

    id: uuid.UUID
    name: str
    status: str
    status_message: str = ""
    source_config: dict[str, Any] = {}
    source_revision_config: dict[str, Any] = {}
    secrets: list[dict[str, str]] = []
    latest_revision_id: uuid.UUID | None = None
    active_revision_id: uuid.UUID | None = None
    """The revision that serves."""
    created_at: datetime
    updated_at: datetime

    @property
    def url(self) -> str | None:
        """Where it answers, once it does."""
        return self.source_config.get("custom_url")


class Revision(_Answer):
    """One version of a deployment."""

    id: uuid.UUID
    number: int
    status: str
    image: str = ""
    """By digest."""
    resources: dict[str, Any] = {}
    """The sizes that were asked for became these."""
    status_message: str = ""
    failure: Failure | None = None
    created_at: datetime
    updated_at: datetime


class Operation(_Answer):
    """One piece of work on a deployment's stack."""

    id: str
    kind: str
    """`deploy`, `preview` or `delete`."""
    status: str
    deployment_id: uuid.UUID
    revision_id: uuid.UUID | None
    attempt: int
    requested_by: str
    plan: dict[str, Any] | None = None
    approved_by: str | None = None
    cancel_requested_at: datetime | None = None
    result: dict[str, Any] | None = None
    failure: Failure | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ENDED

    @property
    def halted(self) -> bool:
        """Whether it waits for somebody: for an approval, or for the account's owner."""
        return self.status in HALTED


class Started(_Answer):
    """A deployment, and the operation that was started on it."""

    deployment: Deployment
    operation_id: str | None
    """None where nothing had to be done."""


class Event(_Answer):
    """One thing that happened in an operation."""

    seq: int
    operation_id: str
    at: datetime
    kind: str
    """`progress`, `resource` or `status`."""
    data: dict[str, Any]


class LastWords(_Answer):
    """One task that ended by itself."""

    task: str
    said: list[str]
    lines: list[str]


class FailureNow(_Answer):
    """Why an operation failed: what was recorded, and what AWS still knew when asked."""

    operation_id: str
    failure: Failure | None
    tasks: list[LastWords]
    unavailable: str | None


class Forgotten(_Answer):
    """A deployment that is left as it is, and known no more."""

    deployment_id: uuid.UUID
    name: str
    stack: str
    aws_account_id: str
    region: str
    next_step: str


class LogEntry(_Answer):
    """One line."""

    id: str
    timestamp: datetime
    level: str
    message: str


class LogPage(_Answer):
    """Lines, and where to go on."""

    logs: list[LogEntry]
    next_offset: str | None = None


class Key(_Answer):
    """An API key, without its value but in the answer to its creation."""

    id: uuid.UUID
    name: str
    prefix: str
    scope: str
    status: str
    key: str | None = Field(default=None, repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

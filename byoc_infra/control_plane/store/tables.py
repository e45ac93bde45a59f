"""The tables. A row says what is wanted and what was told; no row holds a secret's value.

Times are the database's own clock, in UTC. JSON columns hold what the API took or gives, as it
is. `Mapped` annotations are the schema; `migrations/` creates it.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "AccountRow",
    "ApiKeyRow",
    "AuditRow",
    "Base",
    "DeploymentRow",
    "EventRow",
    "IdempotencyRow",
    "LeaseRow",
    "OperationRow",
    "RevisionRow",
    "TenantRow",
    "UnclaimedSecretRow",
    "WorkerRow",
]

NOW = sa.text("now()")
CLOCK = sa.text("clock_timestamp()")
ALIVE = sa.text("deleted_at IS NULL")


class Base(DeclarativeBase):
    """All tables lie in the schema `byoc`."""

    metadata = sa.MetaData(
        schema="byoc",
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_ix",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        },
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: sa.Uuid(),
        str: sa.Text(),
        datetime: sa.DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[str]: JSONB(),
    }
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - its type is SQLAlchemy's
    """What the database fills in is read back at once: a row stays readable after its block."""


class TenantRow(Base):
    """Whoever a part of the control plane belongs to; `X-Tenant-Id`."""

    __tablename__ = "tenants"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    deployment_limit: Mapped[int] = mapped_column(default=100)
    """How many deployments it may have at a time."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)


class ApiKeyRow(Base):
    """An API key; only the hash of its random part is kept."""

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id))
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    """The key's public part, by which it is found."""
    digest: Mapped[bytes]
    """SHA-256 of the whole key: enough for a random one of 128 bits or more."""
    scope: Mapped[str]
    """`read`, `deploy` or `admin`; each may do what the one before may."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (sa.Index(None, "tenant_id"),)


class AccountRow(Base):
    """A connection to a customer's AWS account; the platform's API shows it as a listener."""

    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id))
    name: Mapped[str]
    aws_account_id: Mapped[str]
    region: Mapped[str]
    installation: Mapped[str]
    role_arn: Mapped[str]
    external_id: Mapped[str] = mapped_column(unique=True)
    """Made by us, never chosen; not a secret, and of no use without the vendor's principal."""
    next_external_id: Mapped[str | None] = mapped_column(unique=True)
    """Offered as the next one: the role's trust may name both."""
    retired_external_id: Mapped[str | None] = mapped_column(unique=True)
    """The one before, until the trust is seen to refuse it."""
    status: Mapped[str]
    """requested, provisioning, active, disconnected, revoked or deleted."""
    status_message: Mapped[str] = mapped_column(default="")
    default_deployment_type: Mapped[str] = mapped_column(default="dev")
    """Of a deployment that says none: `dev` or `prod`."""
    platform_secrets: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """By environment name: ARN and version of what every deployment of the account gets."""
    setup: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the customer's account file is written from: first region, Redis image, repositories."""
    network: Mapped[dict[str, Any] | None]
    """What activation found: VPC and subnets."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=sa.func.now())
    activated_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    """When the role was last assumed, or tried."""
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(None, "tenant_id"),
        # Who only asks for a role does not keep its owner out; who has proven it does.
        sa.Index(
            "accounts_proven_role_key",
            "role_arn",
            "region",
            unique=True,
            postgresql_where=sa.text("status IN ('active', 'disconnected')"),
        ),
        sa.Index("accounts_name_key", "tenant_id", "name", unique=True, postgresql_where=ALIVE),
    )


class DeploymentRow(Base):
    """A deployment, in the platform's words; what runs is what its active revision says."""

    __tablename__ = "deployments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id))
    account_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(AccountRow.id))
    name: Mapped[str]
    aws_name: Mapped[str]
    """The name in AWS: `name` with hyphens as AWS wants them."""
    display_name: Mapped[str | None]
    source: Mapped[str]
    source_config: Mapped[dict[str, Any]]
    deployment_type: Mapped[str]
    status: Mapped[str]
    """The platform's: AWAITING_DATABASE, READY, UNUSED, AWAITING_DELETE, UNKNOWN."""
    status_message: Mapped[str] = mapped_column(default="")
    latest_revision_id: Mapped[uuid.UUID | None]
    active_revision_id: Mapped[uuid.UUID | None]
    """What serves now."""
    url: Mapped[str | None]
    platform_secrets: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """POSTGRES_URI_CUSTOM and the like, by name: ARN, JSON key, version. Outside the replacement
    of `secrets`: each changes only when it is named."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=sa.func.now())
    deleted_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(None, "tenant_id", "created_at", "id"),
        sa.Index(None, "account_id"),
        sa.Index("deployments_name_key", "tenant_id", "name", unique=True, postgresql_where=ALIVE),
        sa.Index(
            "deployments_aws_name_key",
            "account_id",
            "aws_name",
            unique=True,
            postgresql_where=ALIVE,
        ),
    )


class RevisionRow(Base):
    """One version of a deployment: immutable but for its status."""

    __tablename__ = "revisions"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id))
    deployment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(DeploymentRow.id))
    number: Mapped[int]
    """1, 2, 3 … within the deployment."""
    source: Mapped[str]
    source_revision_config: Mapped[dict[str, Any]]
    status: Mapped[str]
    """The platform's: QUEUED, DEPLOYING, DEPLOYED, DEPLOY_FAILED, SKIPPED, INTERRUPTED …"""
    spec: Mapped[dict[str, Any]]
    """The `DeploymentSpec` of it: image by digest, references in the place of secrets."""
    secret_names: Mapped[list[str]] = mapped_column(default=list)
    """What reads show, with empty values."""
    secrets_arn: Mapped[str | None]
    """The Secrets Manager secret that this revision's values are in."""
    resource_spec: Mapped[dict[str, Any] | None]
    """As asked; what it became stands in `spec`."""
    failure: Mapped[dict[str, Any] | None]
    """The error's fields, where it failed."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=sa.func.now())

    __table_args__ = (sa.UniqueConstraint("deployment_id", "number"),)


class OperationRow(Base):
    """One piece of work on one stack; its workflow's id is `<id>.<attempt>`."""

    __tablename__ = "operations"

    id: Mapped[str] = mapped_column(primary_key=True)
    """`op-` and 16 hex digits: also the role session's name, which CloudTrail shows."""
    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id))
    account_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(AccountRow.id))
    deployment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(DeploymentRow.id))
    revision_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey(RevisionRow.id))
    kind: Mapped[str]
    """`deploy`, `preview` or `delete`."""
    status: Mapped[str]
    """QUEUED, RUNNING, WAITING (for the account), AWAITING_APPROVAL, SUCCEEDED, FAILED, CANCELLED
    or SKIPPED."""
    attempt: Mapped[int] = mapped_column(default=1)
    source_identity: Mapped[str]
    """Who asked, as CloudTrail shows it."""
    request_id: Mapped[str]
    plan: Mapped[dict[str, Any] | None]
    """What a preview found, where there was one."""
    approved_by: Mapped[str | None]
    cancel_requested_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    failure: Mapped[dict[str, Any] | None]
    """The error's fields."""
    created_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    """While its transaction holds the deployment's row: in this order they were asked for."""
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW, onupdate=sa.func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        sa.Index(None, "deployment_id", "created_at"),
        sa.Index(None, "tenant_id", "created_at"),
        sa.Index(
            "operations_open_ix",
            "status",
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
    )


class EventRow(Base):
    """One thing that happened in an operation."""

    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    """Also the server-sent event's id, from which a reader goes on."""
    operation_id: Mapped[str] = mapped_column(sa.ForeignKey(OperationRow.id))
    at: Mapped[datetime] = mapped_column(server_default=NOW)
    kind: Mapped[str]
    """`progress`, `resource` or `status`."""
    data: Mapped[dict[str, Any]]

    __table_args__ = (sa.Index(None, "operation_id", "seq"),)


class LeaseRow(Base):
    """Who may write to a stack now, and until when; the row stays when the lease ends."""

    __tablename__ = "leases"

    stack: Mapped[str] = mapped_column(primary_key=True)
    """The deployment's id."""
    token: Mapped[int] = mapped_column(sa.BigInteger)
    """Grows with every new owner; a result is written only under the newest."""
    operation_id: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    process_started: Mapped[float]
    """Tells the process from a later one with the same number."""
    expires_at: Mapped[datetime]
    credentials_end_at: Mapped[datetime]
    """Until then the owner's AWS session may still write; on another host nobody starts before."""
    clean: Mapped[bool]
    """The last owner ended its work itself."""


class WorkerRow(Base):
    """A worker process that has told that it lives."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The executor's id."""
    host: Mapped[str]
    pid: Mapped[int]
    process_started: Mapped[float]
    version: Mapped[str]
    """The application version, which its workflows carry."""
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=NOW)


class IdempotencyRow(Base):
    """A request that may come again, and how it was answered."""

    __tablename__ = "idempotency_keys"

    tenant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(TenantRow.id), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hmac: Mapped[bytes]
    """Of method, path and body, which may hold secrets; the HMAC's key is not in the database."""
    seed: Mapped[uuid.UUID]
    """What the request makes gets ids that follow from it: a repeat finds what the first made."""
    claim: Mapped[uuid.UUID]
    """Whoever answers the request now; a later one has taken over from a process that died."""
    claimed_at: Mapped[datetime] = mapped_column(server_default=NOW)
    status_code: Mapped[int | None]
    """None while the first request is being answered."""
    answer: Mapped[dict[str, Any] | None]
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (sa.Index(None, "created_at"),)


class UnclaimedSecretRow(Base):
    """A secret that is about to be written for a revision that is not there yet.

    Written before the secret, gone with the transaction that writes the revision: what is left
    of a request that died is found here.
    """

    __tablename__ = "unclaimed_secrets"

    account_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey(AccountRow.id), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    """In Secrets Manager."""
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    doomed_at: Mapped[datetime | None]
    """From then on no revision may claim it: it is being deleted."""


class AuditRow(Base):
    """Who did what to what; only ever added to."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=NOW)
    tenant_id: Mapped[uuid.UUID]
    actor: Mapped[str]
    """An API key's id, or `operator` for a command on the server itself."""
    action: Mapped[str]
    """Such as `deployment.create`."""
    object_type: Mapped[str]
    object_id: Mapped[str]
    request_id: Mapped[str]
    operation_id: Mapped[str | None]
    before_sha256: Mapped[str | None]
    """Of the object's row before, as canonical JSON; none where there was none."""
    after_sha256: Mapped[str | None]

    __table_args__ = (sa.Index(None, "tenant_id", "seq"),)

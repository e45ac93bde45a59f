"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=True),
        sa.Column("before_sha256", sa.Text(), nullable=True),
        sa.Column("after_sha256", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("audit_pkey")),
        schema="byoc",
    )
    op.create_index(
        op.f("audit_tenant_id_seq_ix"), "audit", ["tenant_id", "seq"], unique=False, schema="byoc"
    )
    _only_ever_added_to()
    op.create_table(
        "leases",
        sa.Column("stack", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credentials_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("stack", name=op.f("leases_pkey")),
        schema="byoc",
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("deployment_limit", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("tenants_pkey")),
        sa.UniqueConstraint("name", name=op.f("tenants_name_key")),
        schema="byoc",
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Double(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column(
            "heartbeat_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("workers_pkey")),
        schema="byoc",
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("aws_account_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False),
        sa.Column("role_arn", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("next_external_id", sa.Text(), nullable=True),
        sa.Column("retired_external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("default_deployment_type", sa.Text(), nullable=False),
        sa.Column("platform_secrets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("setup", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("network", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("accounts_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pkey")),
        sa.UniqueConstraint("external_id", name=op.f("accounts_external_id_key")),
        sa.UniqueConstraint("next_external_id", name=op.f("accounts_next_external_id_key")),
        sa.UniqueConstraint("retired_external_id", name=op.f("accounts_retired_external_id_key")),
        schema="byoc",
    )
    op.create_index(
        "accounts_name_key",
        "accounts",
        ["tenant_id", "name"],
        unique=True,
        schema="byoc",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "accounts_proven_role_key",
        "accounts",
        ["role_arn", "region"],
        unique=True,
        schema="byoc",
        postgresql_where=sa.text("status IN ('active', 'disconnected')"),
    )
    op.create_index(
        op.f("accounts_tenant_id_ix"), "accounts", ["tenant_id"], unique=False, schema="byoc"
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("api_keys_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("prefix", name=op.f("api_keys_prefix_key")),
        schema="byoc",
    )
    op.create_index(
        op.f("api_keys_tenant_id_ix"), "api_keys", ["tenant_id"], unique=False, schema="byoc"
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("seed", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.Uuid(), nullable=False),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("idempotency_keys_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("idempotency_keys_pkey")),
        schema="byoc",
    )
    op.create_index(
        op.f("idempotency_keys_created_at_ix"),
        "idempotency_keys",
        ["created_at"],
        unique=False,
        schema="byoc",
    )
    op.create_table(
        "unclaimed_secrets",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("doomed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["byoc.accounts.id"], name=op.f("unclaimed_secrets_account_id_fkey")
        ),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("unclaimed_secrets_pkey")),
        schema="byoc",
    )
    op.create_table(
        "deployments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("aws_name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("deployment_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=False),
        sa.Column("latest_revision_id", sa.Uuid(), nullable=True),
        sa.Column("active_revision_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("platform_secrets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["byoc.accounts.id"], name=op.f("deployments_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("deployments_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("deployments_pkey")),
        schema="byoc",
    )
    op.create_index(
        op.f("deployments_account_id_ix"),
        "deployments",
        ["account_id"],
        unique=False,
        schema="byoc",
    )
    op.create_index(
        "deployments_aws_name_key",
        "deployments",
        ["account_id", "aws_name"],
        unique=True,
        schema="byoc",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "deployments_name_key",
        "deployments",
        ["tenant_id", "name"],
        unique=True,
        schema="byoc",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        op.f("deployments_tenant_id_created_at_id_ix"),
        "deployments",
        ["tenant_id", "created_at", "id"],
        unique=False,
        schema="byoc",
    )
    op.create_table(
        "revisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "source_revision_config", postgresql.JSONB(astext_type=sa.Text()), nullable=False
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secret_names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secrets_arn", sa.Text(), nullable=True),
        sa.Column("resource_spec", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["byoc.deployments.id"], name=op.f("revisions_deployment_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("revisions_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("revisions_pkey")),
        sa.UniqueConstraint(
            "deployment_id", "number", name=op.f("revisions_deployment_id_number_key")
        ),
        schema="byoc",
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("source_identity", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["byoc.accounts.id"], name=op.f("operations_account_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["byoc.deployments.id"], name=op.f("operations_deployment_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["byoc.revisions.id"], name=op.f("operations_revision_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["byoc.tenants.id"], name=op.f("operations_tenant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("operations_pkey")),
        schema="byoc",
    )
    op.create_index(
        op.f("operations_deployment_id_created_at_ix"),
        "operations",
        ["deployment_id", "created_at"],
        unique=False,
        schema="byoc",
    )
    op.create_index(
        "operations_open_ix",
        "operations",
        ["status"],
        unique=False,
        schema="byoc",
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        op.f("operations_tenant_id_created_at_ix"),
        "operations",
        ["tenant_id", "created_at"],
        unique=False,
        schema="byoc",
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["byoc.operations.id"], name=op.f("events_operation_id_fkey")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("events_pkey")),
        schema="byoc",
    )
    op.create_index(
        op.f("events_operation_id_seq_ix"),
        "events",
        ["operation_id", "seq"],
        unique=False,
        schema="byoc",
    )


def _only_ever_added_to() -> None:
    """An audit row is neither changed nor taken away, whoever tries it in SQL."""
    op.execute(
        "CREATE FUNCTION byoc.audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'byoc.audit is only added to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON byoc.audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION byoc.audit_is_only_added_to()"
    )

"""The table of Pulumi's states, which takes nothing from an engine whose lease has gone.

An engine says in its session's setting `byoc.lease` under which lease it runs. Without the setting
everything is taken: who works on a stack by hand answers for that.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# As Pulumi's backend makes it where it is not there (pkg/backend/diy/postgres/schema.sql).
TABLE = """
CREATE TABLE IF NOT EXISTS pulumi_state (
    key TEXT PRIMARY KEY,
    data JSON NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
)
"""
INDEX = """
CREATE INDEX IF NOT EXISTS pulumi_state_key_prefix_idx ON pulumi_state (key text_pattern_ops)
"""
# FOR SHARE: whoever takes the lease waits until this write is over.
FUNCTION = """
CREATE FUNCTION byoc.fence_states() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text := nullif(current_setting('byoc.lease', true), '');
BEGIN
    IF held IS NOT NULL THEN
        PERFORM 1 FROM byoc.leases
        WHERE stack = split_part(held, ':', 1) AND token::text = split_part(held, ':', 2)
            AND pid <> 0
        FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'byoc: the lease % has gone', held;
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$
"""
TRIGGER = """
CREATE TRIGGER byoc_fence BEFORE INSERT OR UPDATE OR DELETE ON pulumi_state
FOR EACH ROW EXECUTE FUNCTION byoc.fence_states()
"""


def upgrade() -> None:
    """Make the change."""
    for statement in (TABLE, INDEX, FUNCTION, TRIGGER):
        op.execute(statement)

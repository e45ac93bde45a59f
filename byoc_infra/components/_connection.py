"""How a server is told of its PostgreSQL: what `Service` wants and every database component gives.

The address may be in plain text; a password never is. RDS gives a URI without a password and the
password as a secret of its own; a database of somebody else is one URI that is a secret as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from byoc_infra.components._sizes import DEVELOPMENT

__all__ = ["CONNECTION_NAMES", "PostgresConnection", "managed"]

CONNECTION_NAMES = frozenset({"DATABASE_URI", "PGPASSWORD"})
"""Reserved names that only a connection may bring."""


@dataclass(frozen=True, kw_only=True)
class PostgresConnection:
    """Variables and secrets that lead a server to its database."""

    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """In plain text, by environment name: nothing secret."""
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """By environment name: ECS's `valueFrom`."""
    max_connections: int = DEVELOPMENT.max_connections
    """How many the servers may open in all, shared among their pools."""


def managed(
    *,
    address: pulumi.Input[str],
    password_secret_arn: pulumi.Input[str],
    max_connections: int = DEVELOPMENT.max_connections,
) -> PostgresConnection:
    """The connection to an RDS instance whose password AWS keeps in a secret."""
    uri = pulumi.Output.concat(
        "postgresql://langgraph@", address, ":5432/langgraph?sslmode=require"
    )
    return PostgresConnection(
        environment={"DATABASE_URI": uri},
        secrets={"PGPASSWORD": pulumi.Output.concat(password_secret_arn, ":password::")},
        max_connections=max_connections,
    )

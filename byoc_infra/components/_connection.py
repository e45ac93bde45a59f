"""How a server is told of its PostgreSQL: what `Service` wants and every database component gives.

The address may be in plain text; a password never is. RDS gives a URI without a password and the
password as a secret of its own; a database of somebody else is one URI that is a secret as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from byoc_infra.components._database_tls import CA_PATH
from byoc_infra.components._sizes import DEVELOPMENT
from byoc_infra.spec import TlsMode

__all__ = ["CONNECTION_NAMES", "PostgresConnection", "given", "managed"]

CONNECTION_NAMES = frozenset({"DATABASE_URI", "PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT"})
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
    ca_pem: str | None = None
    """Certificates that every task puts at `CA_PATH` before its server starts, or none."""


def managed(
    *,
    address: pulumi.Input[str],
    password_secret_arn: pulumi.Input[str],
    max_connections: int = DEVELOPMENT.max_connections,
    tls: TlsMode = "require",
    ca_pem: str | None = None,
) -> PostgresConnection:
    """The connection to an RDS instance whose password AWS keeps in a secret."""
    parameters = f"sslmode={tls}" + (f"&sslrootcert={CA_PATH}" if ca_pem else "")
    uri = pulumi.Output.concat("postgresql://langgraph@", address, ":5432/langgraph?", parameters)
    return PostgresConnection(
        environment={"DATABASE_URI": uri},
        secrets={"PGPASSWORD": pulumi.Output.concat(password_secret_arn, ":password::")},
        max_connections=max_connections,
        ca_pem=ca_pem,
    )


def given(
    *, uri_value_from: pulumi.Input[str], max_connections: int, tls: TlsMode, ca_pem: str | None
) -> PostgresConnection:
    """The connection to somebody's database, whose whole address is a secret.

    What the address itself says of TLS wins over these variables, as in libpq.
    """
    return PostgresConnection(
        environment={"PGSSLMODE": tls, **({"PGSSLROOTCERT": CA_PATH} if ca_pem else {})},
        secrets={"DATABASE_URI": uri_value_from},
        max_connections=max_connections,
        ca_pem=ca_pem,
    )

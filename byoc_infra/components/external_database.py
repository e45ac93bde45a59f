"""Somebody else's PostgreSQL, interchangeable with `Database` wherever a server wants one.

Nothing is made, changed, watched or deleted: the component only says how servers reach it. Its
address is a secret as a whole, so that no part of it is in a stack's state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from byoc_infra.components._base import Component
from byoc_infra.components._connection import PostgresConnection, given
from byoc_infra.components._database_tls import check_tls
from byoc_infra.components._sizes import DEVELOPMENT
from byoc_infra.errors import SpecError
from byoc_infra.spec import TlsMode

__all__ = ["ExternalDatabase", "ExternalDatabaseArgs"]


@dataclass(frozen=True, kw_only=True)
class ExternalDatabaseArgs:
    """Where the address is kept, and how servers use it."""

    uri_secret: pulumi.Input[str]
    """ECS's `valueFrom` of the secret that holds the whole address: its ARN, or ARN, JSON key and
    version. It carries the tag `langgraph-cloud` = installation, or tasks may not read it."""
    max_connections: int = DEVELOPMENT.max_connections
    """How many connections this deployment may use."""
    tls: TlsMode = "require"
    """For an address that does not say `sslmode` itself; what it says wins."""
    ca_pem: str | None = None
    """With `verify-full`: the certificates of the CA that signed the server's."""

    def __post_init__(self) -> None:
        check_tls(self.tls, self.ca_pem)
        if self.max_connections < 1:
            raise SpecError(
                "max_connections",
                wanted="1 or more",
                got=str(self.max_connections),
                next_step="Allow the deployment's role as many as its servers need.",
            )


class ExternalDatabase(Component):
    """A PostgreSQL that is there already and stays when the deployment goes."""

    TYPE: ClassVar[str] = "byoc:aws:ExternalDatabase"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "nothing_is_made",
        "the_address_is_a_secret_as_a_whole",
        "connections_are_encrypted_unless_the_address_says_otherwise",
        "verify_full_brings_the_certificates",
    )

    uri_secret: pulumi.Output[str]
    """What ECS is told as DATABASE_URI's `valueFrom`."""

    def __init__(
        self, name: str, args: ExternalDatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._args = args
        self.uri_secret = pulumi.Output.from_input(args.uri_secret)
        self.register_outputs({"uri_secret": self.uri_secret})

    @property
    def connection(self) -> PostgresConnection:
        """What a server is told to reach this database."""
        return given(
            uri_value_from=self.uri_secret,
            max_connections=self._args.max_connections,
            tls=self._args.tls,
            ca_pem=self._args.ca_pem,
        )

"""What an ExternalDatabase tells a server, and what it leaves alone."""

from typing import Any

import pytest

from byoc_infra.components import Database, ExternalDatabase, ExternalDatabaseArgs
from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._database_tls import CA_PATH
from byoc_infra.errors import SpecError
from tests.support.certificates import ca_pem
from tests.support.examples import external_database_args
from tests.support.recorder import Recorder, record

SECRET = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:team/orders-AbCdEf:uri::v1"


def made(**changes: Any) -> tuple[Recorder, PostgresConnection]:
    """What is registered, and the connection that a server gets."""
    found: list[ExternalDatabase] = []
    args = ExternalDatabaseArgs(**{"uri_secret": SECRET, **changes})
    recorder = record(lambda: found.append(ExternalDatabase("orders", args)))
    return recorder, found[0].connection


def test_nothing_is_made() -> None:
    """The component is the only resource, and it is none of AWS."""
    recorder, _ = made()

    assert [one.id for one in recorder.resources] == ["byoc:aws:ExternalDatabase::orders"]


def test_the_address_is_a_secret_as_a_whole() -> None:
    """Under the name that the server reads; ARN, key and version as they were given."""
    recorder, connection = made()

    assert set(connection.secrets) == {"DATABASE_URI"}
    assert recorder.component_outputs["byoc:aws:ExternalDatabase::orders"]["uri_secret"] == SECRET
    assert "DATABASE_URI" not in connection.environment


def test_connections_are_encrypted_unless_the_address_says_otherwise() -> None:
    """As libpq's variable, which an address with `sslmode` overrules."""
    assert made()[1].environment == {"PGSSLMODE": "require"}
    assert made()[1].ca_pem is None


def test_verify_full_brings_the_certificates() -> None:
    """A file that is there, and the variable that names it."""
    connection = made(tls="verify-full", ca_pem=ca_pem())[1]

    assert connection.environment == {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": CA_PATH}
    assert connection.ca_pem == ca_pem()


def test_it_is_interchangeable_with_a_database() -> None:
    """Both offer a connection, and say how many may be opened."""
    assert made(max_connections=40)[1].max_connections == 40
    assert isinstance(Database.connection, property)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_connections": 0}, "max_connections: want 1 or more, got 0"),
        ({"tls": "verify-full"}, "ca_pem: want the certificates"),
        ({"ca_pem": ca_pem()}, "ca_pem: want nothing"),
        ({"tls": "verify-full", "ca_pem": "none"}, "ca_pem: want public certificates"),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """Before anything is made."""
    with pytest.raises(SpecError) as refused:
        external_database_args(**changes)

    assert str(refused.value).startswith(message)

"""Credentials for the engine, on loopback."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from botocore.credentials import ContainerProvider

from byoc_infra.aws.credentials import CredentialServer
from byoc_infra.aws.session import Session, open_session
from byoc_infra.errors import CloudUnreachable
from tests.aws.conftest import KEYS


@pytest.fixture
def server() -> Iterator[CredentialServer]:
    """Serves fixed keys."""
    with CredentialServer(open_session(None, region="eu-west-1", env=KEYS)) as opened:
        yield opened


def get(server: CredentialServer, token: str | None) -> tuple[int, dict[str, str]]:
    """One request, as an SDK makes it."""
    request = urllib.request.Request(server.env()["AWS_CONTAINER_CREDENTIALS_FULL_URI"])  # noqa: S310 - our own server
    if token is not None:
        request.add_header("Authorization", token)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - as above
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_an_sdk_finds_the_keys(server: CredentialServer) -> None:
    """The own source of botocore reads them, with the time of their end."""
    found = ContainerProvider(environ=server.env()).load()

    assert found is not None
    assert found.get_frozen_credentials().access_key == "AKIAEXAMPLE"


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_the_token_there_is_nothing(server: CredentialServer, token: str | None) -> None:
    """Other users of the machine can reach the port."""
    status, document = get(server, token)

    assert status == 401
    assert "AccessKeyId" not in document


def test_every_answer_says_when_it_ends(server: CredentialServer) -> None:
    """Also for keys that do not: SDKs refuse an answer without it."""
    status, document = get(server, server.token)

    assert status == 200
    assert document["Expiration"].endswith("Z")


def test_it_listens_on_loopback_only(server: CredentialServer) -> None:
    """Nobody outside the machine may even ask."""
    assert server._server.server_address[0] == "127.0.0.1"


def test_renewed_keys_are_served(server: CredentialServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request asks the session, so a long run gets the next session's keys."""
    first = get(server, server.token)[1]
    renewed = open_session(None, region="eu-west-1", env={**KEYS, "AWS_ACCESS_KEY_ID": "ASIANEXT"})
    monkeypatch.setattr(server, "session", renewed)

    assert first["AccessKeyId"] == "AKIAEXAMPLE"
    assert get(server, server.token)[1]["AccessKeyId"] == "ASIANEXT"


def test_a_role_that_is_gone_is_an_answer(
    server: CredentialServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's SDK fails at once and with the reason."""

    def refuse(_session: Session) -> None:
        raise CloudUnreachable("sts", wanted="an answer", got="none", next_step="Try again.")

    monkeypatch.setattr(Session, "credentials", refuse)

    status, document = get(server, server.token)
    assert status == 502
    assert document["code"] == "CLOUD_UNREACHABLE"


def test_closing_frees_the_port() -> None:
    """Nothing is left listening after a run."""
    server = CredentialServer(open_session(None, region="eu-west-1", env=KEYS))
    port = server._server.server_address[1]

    server.close()

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_endpoint_of_a_local_cloud_is_handed_on() -> None:
    """The engine must not go to real AWS when the session does not."""
    env = {**KEYS, "AWS_ENDPOINT_URL": "http://127.9.0.1:4566"}
    with CredentialServer(open_session(None, region="eu-west-1", env=env)) as server:
        assert server.env()["AWS_ENDPOINT_URL"] == "http://127.9.0.1:4566"

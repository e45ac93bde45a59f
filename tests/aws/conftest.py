"""One account of moto's, in process."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from byoc_infra.aws.session import Session, open_session

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}


@pytest.fixture(scope="session")
def clients() -> Iterator[Session]:
    """Made once, because boto3 takes long to make a client."""
    opened = open_session(None, region="eu-west-1", env=KEYS)
    yield opened
    opened.close()


@pytest.fixture
def session(clients: Session) -> Iterator[Session]:
    """A session of an empty account in eu-west-1."""
    with mock_aws():
        yield clients

"""A moto in this process, and a provider's door to it that keeps a list of its calls."""

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from moto import mock_aws

from byoc_infra.local.provider.aws import Aws
from tests.local.provider.lives import Surroundings

REGION = "eu-west-1"


class RecordingAws(Aws):
    """Notes each call as the IAM action it needs."""

    def __init__(self) -> None:
        super().__init__(REGION)
        self.calls: list[str] = []

    def client(self, service: str) -> Any:
        """The client, listened to from its first call on."""
        new = service not in self._clients
        client = super().client(service)
        if new:
            client.meta.events.register("before-call", self._note)
        return client

    def _note(self, model: Any, **_: object) -> None:
        prefix = model.service_model.signing_name
        self.calls.append(f"{prefix}:{model.name}")

    def since(self) -> set[str]:
        """The actions since the last time of asking."""
        calls, self.calls = set(self.calls), []
        return calls - {"sts:GetCallerIdentity"}


@pytest.fixture(scope="module")
def aws() -> Iterator[RecordingAws]:
    """One empty AWS for a module."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with mock.patch.dict(os.environ, keys), mock_aws():
        os.environ.pop("AWS_ENDPOINT_URL", None)
        yield RecordingAws()


@pytest.fixture(scope="module")
def here(aws: RecordingAws) -> Surroundings:
    """What the lives of a module share."""
    return Surroundings(aws)

"""The one door to AWS: clients, errors in the real provider's words, waits that can be stopped."""

import os
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
)
from botocore.exceptions import (
    ConnectionError as AwsConnectionError,
)
from botocore.model import OperationModel

__all__ = ["Aws", "Client", "ProviderError", "StoppedWaitingError", "error_code", "explain"]

Answer = TypeVar("Answer")
Client = Any
"""A boto3 client: its methods are made at run time."""

FIRST_POLL_S = 0.05
LONGEST_POLL_S = 0.4
"""The emulator is quick; the real provider polls every 5 to 30 seconds."""


class ProviderError(Exception):
    """A refusal or failure, in words for the person who runs the engine."""


class StoppedWaitingError(ProviderError):
    """The engine cancelled, or a wait ran out."""


class Aws:
    """Clients of one region, and the account behind the credentials in the environment."""

    def __init__(self, region: str, *, cancelled: threading.Event | None = None) -> None:
        self.region = region
        self.cancelled = cancelled or threading.Event()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._session = boto3.Session(region_name=region)

    def client(self, service: str) -> Client:
        """The client of a service, by botocore's name; made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> Client:
        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 3, "mode": "standard"},
            max_pool_connections=32,
        )
        client = self._session.client(service, config=config)  # type: ignore[call-overload]  # any
        client.meta.events.register("after-call", _name_service)
        return client

    @cached_property
    def identity(self) -> dict[str, str]:
        """The answer of sts:GetCallerIdentity."""
        identity: dict[str, str] = self.client("sts").get_caller_identity()
        return identity

    @property
    def account_id(self) -> str:
        """The account that calls act in."""
        return self.identity["Account"]

    @property
    def partition(self) -> str:
        """`aws`, or the partition of the region."""
        return self.identity["Arn"].split(":")[1]

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """An ARN in this account."""
        place = self.region if region else ""
        return f"arn:{self.partition}:{service}:{place}:{self.account_id}:{resource}"

    def wait(
        self, what: str, ready: Callable[[], Answer | None], *, timeout_s: float = 600
    ) -> Answer:
        """Poll until `ready` gives something; stops at once when the engine cancels."""
        end = time.monotonic() + timeout_s
        pause = FIRST_POLL_S
        while (answer := ready()) is None:
            if time.monotonic() > end:
                text = f"waiting for {what}: timeout after {timeout_s:.0f}s"
                raise StoppedWaitingError(text)
            if self.cancelled.wait(pause):
                text = f"waiting for {what}: cancelled"
                raise StoppedWaitingError(text)
            pause = min(pause * 1.5, LONGEST_POLL_S)
        return answer

    def retry(
        self, what: str, call: Callable[[], Answer], *codes: str, timeout_s: float = 120
    ) -> Answer:
        """Repeat `call` while it fails with one of `codes`; its last error is the one raised."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                return call()
            except ClientError as refused:
                if error_code(refused) not in codes or time.monotonic() > end:
                    raise
            if self.cancelled.wait(LONGEST_POLL_S):
                text = f"{what}: cancelled"
                raise StoppedWaitingError(text)


def _name_service(parsed: dict[str, Any], model: OperationModel, **_: object) -> None:
    """A ClientError does not say which service refused; the real provider's words do."""
    if "Error" in parsed:
        parsed.setdefault("ResponseMetadata", {})["ServiceId"] = model.service_model.service_id


def error_code(error: BaseException) -> str:
    """AWS's error code, or nothing."""
    if isinstance(error, ClientError):
        code: str = error.response.get("Error", {}).get("Code", "")
        return code
    return ""


def explain(error: BaseException) -> str:
    """An error as the AWS SDK for Go words it, which is what the real provider shows."""
    if isinstance(error, ClientError):
        return _explain_refusal(error)
    if isinstance(error, AwsConnectionError | HTTPClientError):
        endpoint = error.kwargs.get("endpoint_url") or os.environ.get("AWS_ENDPOINT_URL", "AWS")
        return f"request send failed, endpoint {endpoint}: connection refused or lost ({error})"
    if isinstance(error, BotoCoreError):
        return f"the AWS SDK refused: {error}"
    return str(error)


def _explain_refusal(error: ClientError) -> str:
    detail = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    code = detail.get("Code", "Unknown")
    http = f"StatusCode: {about.get('HTTPStatusCode', 0)}, RequestID: {about.get('RequestId', '')}"
    return (
        f"operation error {about.get('ServiceId', 'AWS')}: {error.operation_name}, "
        f"https response error {http}, {code}: {detail.get('Message', '')}"
    )

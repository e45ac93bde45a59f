"""The local cloud's whole chain in this process, without a socket: boto3 in, moto out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.base_backend import BackendDict

from byoc_infra.local import repairs, rules
from byoc_infra.local.authorizer import Gate
from byoc_infra.local.chain import Chain
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.instances import Instance, LocalAccount
from byoc_infra.local.persistence import Persistence
from byoc_infra.local.seed import sow
from byoc_infra.local.world import CUSTOMER_ACCOUNT, VENDOR_ACCOUNT, Addresses, Hosts, World

REGION = "eu-west-1"
SESSION = boto3.Session()
"""One, because each reads the services' descriptions anew."""
IDLE: dict[tuple[str, str], list[Any]] = {}
"""Clients of local clouds that are gone, by service and access key: a new one takes longer than
most of what tests ask it.
"""


def account(account_id: str, user: str) -> LocalAccount:
    """An account with keys that only tests know."""
    key = f"AKIATEST{account_id[:4]}{user[:4].upper()}"
    return LocalAccount(account_id, key, f"secret-{user}", f"arn:aws:iam::{account_id}:user/{user}")


@dataclass
class Stack:
    """One local cloud's parts."""

    world: World
    hooks: Hooks
    holders: rules.Holders
    persistence: Persistence
    chain: Chain
    gate: Gate
    customer: LocalAccount
    vendor: LocalAccount
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: Any, who: LocalAccount | None = None) -> Any:
        """A boto3 client whose requests go into the chain.

        Other tests get it after this one: what is hung on its events is taken off again.
        """
        account = who or self.customer
        key = (service, account.access_key_id)
        if key not in self.clients:
            idle = IDLE.get(key)
            made = idle.pop() if idle else self._client(service, account)
            made.meta.events.register("before-send", self._send)
            self.clients[key] = made
        return self.clients[key]

    def close(self) -> None:
        """Let others have the clients."""
        for key, client in self.clients.items():
            client.meta.events.unregister("before-send", self._send)
            IDLE.setdefault(key, []).append(client)

    @staticmethod
    def _client(service: Any, account: LocalAccount) -> Any:
        return SESSION.client(
            service,
            region_name=REGION,
            endpoint_url="http://127.0.0.1:9",
            aws_access_key_id=account.access_key_id,
            aws_secret_access_key=account.secret_access_key,
            config=Config(retries={"max_attempts": 0}, inject_host_prefix=False),
        )

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        environ = environ_of(request)
        status, headers, payload = self.chain.answer(environ, environ["wsgi.input"].getvalue())
        named = HeadersDict(headers)
        return AWSResponse(request.url, status, named, _Raw(payload))  # type: ignore[arg-type]  # as botocore's own tests do


class _Raw(BytesIO):
    """What botocore wants of a response's body."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """All of it at once."""
        yield self.read()


def environ_of(request: AWSPreparedRequest) -> dict[str, Any]:
    """The WSGI environ of a request that was never sent."""
    url = urlsplit(str(request.url))
    body: Any = request.body or b""
    raw = body.encode() if isinstance(body, str) else bytes(body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": url.path or "/",
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": url.netloc,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(raw),
        "CONTENT_LENGTH": str(len(raw)),
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = text
    return environ


@contextmanager
def running(directory: Path) -> Iterator[Stack]:
    """A fresh local cloud without servers; moto is as it was afterwards."""
    BackendDict.reset()
    with repairs.applied():
        world = World(
            directory=directory,
            region=REGION,
            addresses=Addresses(99),
            hosts=Hosts(directory / "hosts.json"),
        )
        hooks, holders, gate = Hooks(), rules.Holders(), Gate(world)
        rules.register(hooks, holders)
        gate.register(hooks)
        persistence = Persistence(directory / "state", world.lock)
        chain = Chain(world, gate, hooks, persistence)
        customer = account(CUSTOMER_ACCOUNT, "admin")
        vendor = account(VENDOR_ACCOUNT, "control-plane")
        admin = account(VENDOR_ACCOUNT, "admin")
        sow(Instance("test", 99, REGION, None, "", customer, vendor, admin))
        for one in (customer, vendor):
            persistence.save(("iam",), one.id, REGION)
        stack = Stack(world, hooks, holders, persistence, chain, gate, customer, vendor)
        try:
            yield stack
        finally:
            stack.close()
            gate.log.close()
            BackendDict.reset()


def code_of(error: ClientError) -> str:
    """AWS's error code."""
    return str(error.response["Error"]["Code"])

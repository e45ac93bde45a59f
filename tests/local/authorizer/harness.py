"""A gate in front of moto without any socket: boto3's requests are handed to it in process."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from byoc_infra.local.authorizer import Gate, render_error, render_output
from byoc_infra.local.authorizer.replay import read_lines
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import Addresses, Hosts, World

VENDOR = "111111111111"
CUSTOMER = "222222222222"
REGION = "eu-west-1"

_MOTO = DomainDispatcherApplication(create_backend_app)


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Cloud:
    """Gate, hooks and moto in a row, with two accounts."""

    def __init__(self, directory: Path) -> None:
        self.world = World(
            directory=directory,
            region=REGION,
            addresses=Addresses(99),
            hosts=Hosts(directory / "hosts.json"),
        )
        self.gate = Gate(self.world)
        self.hooks = Hooks()
        self.gate.register(self.hooks)
        self.calls: list[Call] = []
        self.keys: dict[str, dict[str, str]] = {}

    def user(self, account: str, name: str, *statements: dict[str, Any]) -> None:
        """An IAM user with an access key and one inline policy."""
        backend = iam_backends[account]["aws"]
        backend.create_user(REGION, name)
        key = backend.create_access_key(name)
        if statements:
            backend.put_user_policy(name, "own", policy(*statements))
        self.keys[name] = {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
        }

    def role(
        self, name: str, trust: dict[str, Any], *statements: dict[str, Any], hours: int = 1
    ) -> str:
        """A role of the customer with one inline policy; its ARN."""
        backend = iam_backends[CUSTOMER]["aws"]
        made = backend.create_role(name, policy(trust), "/", None, "", [], str(hours * 3600), None)
        if statements:
            backend.put_role_policy(name, "own", policy(*statements))
        return str(made.arn)

    def client(self, service: str, user: str, **credentials: str) -> Any:
        """A boto3 client whose requests end in this cloud."""
        make: Any = boto3.client  # its overloads want the service's name as a literal
        client = make(
            service,
            region_name=REGION,
            endpoint_url="http://127.99.0.1:4566",
            config=Config(
                retries={"max_attempts": 0}, inject_host_prefix=False, parameter_validation=False
            ),
            **(credentials or self.keys[user]),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def answer(self, environ: dict[str, Any], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """One request's way, as the emulator goes it."""
        try:
            call = self.gate.admit(environ, body)
            self.calls.append(call)
            self.hooks.check(call)
            handler = self.hooks.handler(call)
            if handler is not None:
                return render_output(call, handler(call))
        except AwsError as error:
            return render_error(error.service, error)
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", call.account_id)
        environ["wsgi.input"] = io.BytesIO(body)
        parts, status, headers = run_wsgi_app(_MOTO, environ, buffered=True)
        if status.startswith("2"):
            self.hooks.follow(call)
        return int(status.split()[0]), dict(headers), b"".join(parts)

    def lines(self) -> list[dict[str, Any]]:
        """All verdicts so far."""
        return read_lines(self.world.directory / "verdicts.jsonl")

    def _send(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        environ, body = environ_of(request)
        status, headers, answer = self.answer(environ, body)
        made: Any = AWSResponse  # takes any mapping of headers
        response: AWSResponse = made(request.url, status, headers, _Body(answer))
        return response


def environ_of(request: AWSPreparedRequest) -> tuple[dict[str, Any], bytes]:
    """What a WSGI server makes of a client's request."""
    place = urlsplit(request.url)
    raw: Any = request.body or b""
    body: bytes = raw.encode() if isinstance(raw, str) else raw
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": place.path or "/",
        "QUERY_STRING": place.query,
        "SERVER_NAME": place.hostname,
        "SERVER_PORT": str(place.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "HTTP_HOST": place.netloc,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        key = name.upper().replace("-", "_")
        environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = text
    return environ, body


def policy(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, on: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    """An Allow statement."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**statement, "Condition": condition} if condition else statement


def deny(*actions: str, on: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    """A Deny statement."""
    return {**allow(*actions, on=on, **condition), "Effect": "Deny"}

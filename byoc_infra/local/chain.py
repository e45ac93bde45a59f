"""One request's way through the local cloud: gate, checks, answer, followers, disk.

Everything that an AWS client can reach passes here, and nothing of moto is reachable beside it.
"""

import io
import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from byoc_infra.local.authorizer import Gate, render_error, render_output
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import Persistence
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import World

__all__ = ["Answer", "Chain"]

Environ = dict[str, Any]
Answer = tuple[int, list[tuple[str, str]], bytes]
ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
"""Tells moto whose objects a call is about; the gate takes away a client's own."""
OURS = frozenset({"content-length", "x-amzn-requestid", "access-control-allow-origin"})

log = logging.getLogger(__name__)


class Chain:
    """Answers requests."""

    def __init__(
        self,
        world: World,
        gate: Gate,
        hooks: Hooks,
        persistence: Persistence,
        *,
        enter: Callable[[Call], None] = lambda _: None,
    ) -> None:
        """`enter` is told of each call that is allowed, before it is performed."""
        self._world = world
        self._gate = gate
        self._hooks = hooks
        self._persistence = persistence
        self._enter = enter
        self._moto = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: Environ, body: bytes) -> Answer:
        """The response to one request; never raises."""
        call: Call | None = None
        try:
            _only_aws(environ)
            call = self._gate.admit(environ, body)
            return self._perform(environ, body, call)
        except Exception as error:  # noqa: BLE001 - whatever was sent, its sender gets an answer
            return self._failed(call, error)

    def _perform(self, environ: Environ, body: bytes, call: Call) -> Answer:
        handler = self._hooks.handler(call)
        with self._world.lock:
            self._enter(call)
            self._hooks.check(call)
            if handler is None:
                result = self._ask_moto(environ, body, call)
            else:
                status, headers, payload = render_output(call, handler(call))
                result = _answer(status, headers, payload, call.request_id)
            if result[0] < 400:
                self._done(call)
        return result

    def _done(self, call: Call) -> None:
        self._hooks.follow(call)
        self._persistence.changed(call.service, call.operation, call.account_id, call.region)

    def _ask_moto(self, environ: Environ, body: bytes, call: Call) -> Answer:
        environ[ACCOUNT_HEADER] = call.account_id
        environ["wsgi.input"] = io.BytesIO(body)
        parts, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        return _answer(int(status.split()[0]), dict(headers), b"".join(parts), call.request_id)

    def _failed(self, call: Call | None, error: Exception) -> Answer:
        """What went wrong, in the caller's protocol; not a code that clients try again."""
        if isinstance(error, AwsError):
            told = error
        elif isinstance(error, NotImplementedError):
            told = AwsError("NotModelled", f"The local cloud does not model this: {error}", 501)
        else:
            # The operation's name only: parameters may hold secret values.
            log.error("%s", call.operation if call else "a request", exc_info=error)
            text = f"The local cloud failed with {type(error).__name__}; see its emulator.log."
            told = AwsError("LocalCloudBug", text, 501)
        service, protocol = (call.service, call.protocol) if call else (told.service, None)
        status, headers, payload = render_error(service, told, protocol=protocol)
        return _answer(status, headers, payload, call.request_id if call else str(uuid4()))


def _only_aws(environ: Environ) -> None:
    """Moto's own API can wipe everything, and asks nobody."""
    if str(environ.get("PATH_INFO", "")).startswith("/moto-api"):
        raise AwsError("UnknownOperationException", "There is no such API.", 404)


def _answer(status: int, headers: dict[str, str], payload: bytes, request_id: str) -> Answer:
    kept = [(name, value) for name, value in headers.items() if name.lower() not in OURS]
    return status, [*kept, ("x-amzn-RequestId", request_id)], payload

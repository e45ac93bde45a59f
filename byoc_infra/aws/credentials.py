"""Credentials for the engine, served on loopback.

The engine's provider asks this server through the SDKs' container source whenever its keys are
about to end, so a long run outlives any one session and no key is written anywhere.
"""

import datetime
import hmac
import json
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from byoc_infra.aws.session import Session
from byoc_infra.errors import ByocError

__all__ = ["CredentialServer"]

STATIC_LIFE = datetime.timedelta(hours=1)
"""What is said of keys that do not end: SDKs come back then."""


class CredentialServer:
    """Serves one session's credentials to whoever has the token; a context manager."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(32)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def env(self) -> dict[str, str]:
        """The variables with which an SDK finds this server, and the region."""
        host, port = self._server.server_address[:2]
        found = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{host!s}:{port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self.token,
            "AWS_REGION": self.session.region,
            "AWS_DEFAULT_REGION": self.session.region,
            # else an SDK may look for an instance role when this server has gone
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.session.endpoint_url:
            found["AWS_ENDPOINT_URL"] = self.session.endpoint_url
        return found

    def answer(self) -> dict[str, str]:
        """The container source's document, with keys that are good now."""
        keys = self.session.credentials()
        ends = keys.expires or datetime.datetime.now(datetime.UTC) + STATIC_LIFE
        return {
            "AccessKeyId": keys.access_key,
            "SecretAccessKey": keys.secret_key,
            "Token": keys.token or "",
            "Expiration": ends.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _handler(owner: CredentialServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            """One request: token first, then keys or the reason why there are none."""
            if not hmac.compare_digest(
                self.headers.get("Authorization", "").encode(), owner.token.encode()
            ):
                self._say(HTTPStatus.UNAUTHORIZED, {"code": "Unauthorized", "message": "no token"})
                return
            try:
                self._say(HTTPStatus.OK, owner.answer())
            except ByocError as error:
                self._say(HTTPStatus.BAD_GATEWAY, {"code": error.code, "message": str(error)})

        def _say(self, status: HTTPStatus, document: dict[str, str]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
            """Nothing: a request line says nothing that is worth keeping."""

    return Handler

"""HTTP in, HTTP out.

Werkzeug's own handler closes each connection and waits ten milliseconds before it does; an engine
run makes hundreds of calls, so ours reads a request whole and keeps the connection.
"""

import logging
from http.client import responses
from io import BytesIO
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

__all__ = ["Handler"]

log = logging.getLogger(__name__)


class Handler(MotoRequestHandler):
    """One connection of an AWS client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer one request with one write."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(body)
        status, headers, payload = self.server.answer(environ, body)  # type: ignore[attr-defined]  # our Server
        lines = [f"HTTP/1.1 {status} {responses.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(payload)}", "", ""]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + payload)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401, ARG002 - the base's
        """Requests are on record in verdicts.jsonl; here they would be noise."""
        log.debug(message, *args)

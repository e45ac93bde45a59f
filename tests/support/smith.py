"""A LangSmith that only remembers what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Smith", "listening"]

ADDRESS = "127.0.0.77"
"""A task's own 127.0.0.1 is the task itself."""
PLAIN = {
    "batch_ingest_config": {
        "use_multipart_endpoint": False,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    }
}
"""The answer of `/info` that has clients send plain JSON."""


@dataclass
class Smith:
    """What came, in order."""

    url: str = ""
    keys: list[str] = field(default_factory=list)
    """Of each request that brought runs."""
    projects: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    """Of the runs: graphs and nodes."""

    def take(self, key: str, body: bytes) -> None:
        """Remember a batch of runs."""
        self.keys.append(key)
        for run in json.loads(body).get("post") or ():
            self.projects.add(run["session_name"])
            self.names.add(run["name"])


@contextmanager
def listening() -> Iterator[Smith]:
    """One on a loopback port, until the block ends."""
    smith = Smith()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps(PLAIN).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.endswith("/runs/batch"):
                smith.take(self.headers.get("x-api-key", ""), body)
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((ADDRESS, 0), Handler)
    smith.url = f"http://{ADDRESS}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield smith
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

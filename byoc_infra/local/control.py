"""The emulator's own door, for the command line and tests: JSON over a socket file.

It is apart from the AWS API on purpose: nothing that an AWS client can reach may move the clock,
rotate a password or stop the cloud.
"""

import http.client
import json
import logging
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NoReturn

from byoc_infra import errors
from byoc_infra.errors import ByocError, LocalCloudDown, NotFound
from byoc_infra.local.wire import AwsError

__all__ = ["Commands", "ControlServer", "call"]

Command = Callable[..., dict[str, Any]]
log = logging.getLogger(__name__)


class Commands:
    """What may be asked for, by name."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}

    def add(self, name: str, command: Command) -> None:
        """`command` takes its arguments by keyword and answers with JSON."""
        self._commands[name] = command

    def run(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one; unknown names say which there are."""
        command = self._commands.get(name)
        if command is None:
            raise NotFound(
                "command",
                wanted=" | ".join(sorted(self._commands)),
                got=name,
                next_step="Update byoc, or use one of these.",
            )
        return command(**arguments)


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves `commands` on a socket file that only its owner may use."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, path: Path, commands: Commands) -> None:
        self.commands = commands
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        path.chmod(0o600)

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="control", daemon=True
        ).start()


class _Handler(BaseHTTPRequestHandler):
    server: ControlServer
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "control"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        log.debug(format, *args)

    def do_POST(self) -> None:
        """Run the command that the path names."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.server.commands.run(self.path.strip("/"), json.loads(raw or b"{}"))
            self._send(200, answer)
        except ByocError as error:
            self._send(400, {"error": error.as_dict()})
        except AwsError as error:
            self._send(400, {"error": {"field": "aws", "got": error.code, "text": error.message}})
        except Exception as error:  # the caller must be told, whatever went wrong
            log.exception("control command %s", self.path)
            self._send(500, {"error": {"field": self.path, "got": type(error).__name__}})

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(
    path: Path, command: str, arguments: Mapping[str, Any], *, timeout_s: float = 600.0
) -> dict[str, Any]:
    """Ask the emulator behind the socket file `path`."""
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request("POST", f"/{command}", json.dumps(arguments))
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalCloudDown(
            "local cloud",
            wanted="an answer from its emulator",
            got=f"{type(error).__name__} at {path}",
            next_step="Start it with `byoc local up`.",
        ) from error
    finally:
        connection.close()
    if "error" in answer:
        _refuse(command, answer["error"])
    return answer


def _refuse(command: str, error: Mapping[str, Any]) -> NoReturn:
    """Raise here what was raised there."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        if "code" in error and getattr(kind, "code", None) == error["code"]:
            raise kind(
                error["field"],
                wanted=error["wanted"],
                got=error["got"],
                next_step=error["next_step"],
            )
    raise NotFound(
        str(error.get("field", command)),
        wanted=f"{command} to be done",
        got=f"{error.get('got')} {error.get('text', '')}".strip(),
        next_step="Look into emulator.log in the local cloud's directory.",
    )

"""The vendor of the demo: `byoc server` as a process, a tenant, and a client of its API."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from byoc_infra.cli import watching
from byoc_infra.client import Client, Operation
from byoc_infra.errors import ServerUnreachable

__all__ = ["Vendor"]

BYOC = (sys.executable, "-m", "byoc_infra.cli")
START_S = 60.0
STOP_S = 90.0
TENANT = "demo"
BY_DEFAULT = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
"""The local cloud's, for work without a control plane: a control plane has its own of these."""


class Vendor:
    """A control plane on this machine; a context manager that ends it, unless it is kept."""

    client: Client

    def __init__(self, place: Path, env: Mapping[str, str], report: Callable[[str], None]) -> None:
        """`env` is the whole environment of the processes: AWS credentials and the owner mark;
        the control plane's files are in `place`.
        """
        self._place = place
        self._report = report
        kept = {name: value for name, value in env.items() if name not in BY_DEFAULT}
        self._env = {**kept, "BYOC_DATA_DIR": str(place), "BYOC_LOG_LEVEL": "warning"}
        self._process: subprocess.Popen[bytes] | None = None
        self.kept = False
        self.url = ""
        self.api_key = ""

    def start(self) -> None:
        """Start the server, make a tenant, and speak for it."""
        self._place.mkdir(mode=0o700)
        said = self._place / "listening.json"
        with said.open("wb") as out, (self._place / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*BYOC, "server", "--port", "0", "--json"],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self.url = self._await(said)
        made = subprocess.run(
            [*BYOC, "tenant", "create", TENANT, "--json"],
            env=self._env,
            capture_output=True,
            check=False,
        )
        if made.returncode != 0:
            raise self._failed(made.stdout.decode(errors="replace"))
        self.api_key = json.loads(made.stdout)["result"]["api_key"]
        self.client = Client(self.url, self.api_key)

    def done(self, operation_id: str | None) -> Operation:
        """The operation once it has done what was asked; what happens meanwhile is reported."""
        for event in self.client.events(operation_id or ""):
            if words := watching.words(event):
                self._report(words)
        return watching.ended_well(self.client, self.client.operation(operation_id or ""))

    def variables(self) -> dict[str, str]:
        """With which the command's verbs reach it."""
        return {"BYOC_URL": self.url, "BYOC_API_KEY": self.api_key}

    def stop(self) -> None:
        """End it in order: worker, engines and PostgreSQL go with it."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)

    def _await(self, said: Path) -> str:
        process, deadline = self._process, time.monotonic() + START_S
        while not (line := said.read_text().partition("\n")[0]):
            if process is None or process.poll() is not None or time.monotonic() > deadline:
                raise self._failed("nothing")
            time.sleep(0.05)
        told = json.loads(line)
        if not told["ok"]:
            raise self._failed(str(told["error"]["got"]))
        return str(told["result"]["url"])

    def _failed(self, said: str) -> ServerUnreachable:
        log = (self._place / "server.log").read_text(errors="replace").splitlines()[-3:]
        return ServerUnreachable(
            "byoc server",
            wanted="a control plane that listens",
            got=" / ".join([said.strip(), *log])[-1000:],
            next_step="Run `byoc server` by hand and look at its log.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if hasattr(self, "client"):
            self.client.close()
        if not self.kept:
            self.stop()

"""What `rollout` and `parallel` measure with: the control plane and bare `pulumi` processes.

One local cloud with one account; `byoc server` with one worker works on some deployments, and
processes of the real CLI with its Python language host on others, which are made by the same
program.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.engine import Toolchain
from byoc_infra.flows.work import open_engine
from byoc_infra.local.cloud import LocalCloud
from tests.e2e.stage import Stage
from tests.support.server import Server, on_cloud

__all__ = ["Heat", "Memory", "Race", "heat", "prepare", "race"]

PROJECT = Path(__file__).resolve().parents[1] / "stacks" / "deployment"
LIMIT_S = 600.0
ENGINE_IS_DONE = "Waiting until every task is healthy"
"""What a deploy says right after the engine's run."""
GIVEN_UP = ("FAILED", "CANCELLED", "SKIPPED", "AWAITING_APPROVAL")


@dataclass
class Race:
    """The two sides, and what they work on."""

    stage: Stage
    server: Server
    key: str = ""
    deployments: dict[str, str] = field(default_factory=dict)
    """Of the control plane: name to id."""
    folders: dict[str, Path] = field(default_factory=dict)
    """Of the bare processes: name to the project's folder."""

    def create(self, name: str, image: str) -> str:
        """POST a deployment; its operation."""
        body = {
            "name": name,
            "source": "external_docker",
            "source_config": {},
            "source_revision_config": {"image_uri": image},
            "secrets": [],
        }
        answer = self._post("/v2/deployments", body)
        self.deployments[name] = answer.json()["id"]
        return self._operation(answer)

    def revise(self, name: str, image: str) -> str:
        """POST a revision; its operation."""
        body = {"source_revision_config": {"image_uri": image}}
        return self._operation(
            self._post(f"/v2/deployments/{self.deployments[name]}/revisions", body)
        )

    def engine_is_done(self, operation: str) -> None:
        """Wait until the engine has made what the operation is about."""
        self._until(
            operation,
            f"SELECT 1 FROM byoc.events WHERE operation_id = '{operation}'"  # noqa: S608 - ours
            f" AND data->>'message' = '{ENGINE_IS_DONE}'",
        )

    def succeeded(self, operation: str) -> None:
        """Wait until what runs is what was asked for."""
        self._until(
            operation,
            f"SELECT 1 FROM byoc.operations WHERE id = '{operation}' AND status = 'SUCCEEDED'",  # noqa: S608 - ours
        )

    def prepare_bare(self, name: str, image: str, **settings: str) -> None:
        """A stack of the same program for `pulumi`, up with this image."""
        folder = self.stage.cloud.directory / f"bare-{name}"
        folder.mkdir()
        shutil.copy(PROJECT / "__main__.py", folder)
        project = (PROJECT / "Pulumi.yaml").read_text().replace("../../.venv", sys.prefix)
        (folder / "Pulumi.yaml").write_text(project)
        self.folders[name] = folder
        self.pulumi(name, "stack", "init", name).check()
        spec = self.stage.deployment(name, image)
        for key in ("name", "aws_account_id"):
            self.pulumi(name, "config", "set", key, str(getattr(spec, key))).check()
        self.pulumi(name, "config", "set", "aws:region", spec.region).check()
        for key, value in settings.items():
            self.pulumi(name, "config", "set", key, value).check()
        self.change_bare(name, image)
        self.up_bare(name).check()

    def change_bare(self, name: str, image: str) -> None:
        """Ask for another image; nothing is done yet."""
        self.pulumi(name, "config", "set", "image", image).check()

    def remove_bare(self, name: str) -> None:
        """Destroy what `prepare_bare` made; it has to be unprotected."""
        self.pulumi(name, "destroy", "--yes", "--skip-preview", "--remove").check()

    def up_bare(self, name: str) -> "Process":
        """Start what a person would: `pulumi up` without a preview."""
        return self.pulumi(name, "up", "--yes", "--skip-preview", "--non-interactive")

    def pulumi(self, name: str, *words: str) -> "Process":
        """Start the CLI in the project's folder."""
        env = {"PATH": self._path(), "HOME": os.environ["HOME"]}
        env |= {**self.stage.cloud.env("customer"), **self.stage.cloud.reserve_owner_env()}
        return Process(["pulumi", *words], self.folders[name], env)

    def _path(self) -> str:
        toolchain = Toolchain.obtain()
        folders = [Path(sys.executable).parent, toolchain.path.parent]
        return ":".join(
            str(one) for one in (*folders, toolchain.with_language_host(), "/usr/bin", "/bin")
        )

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"X-Api-Key": self.key}
        answer = httpx.post(f"{self.server.url}{path}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer

    def _operation(self, answer: httpx.Response) -> str:
        return answer.headers["Operation-Location"].rpartition("/")[2]

    def _until(self, operation: str, asked: str) -> None:
        failed = f"SELECT status, failure::text FROM byoc.operations WHERE id = '{operation}'"  # noqa: S608 - ours
        end = time.monotonic() + LIMIT_S
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            while not connection.execute(asked.encode()).fetchall():
                ((status, failure),) = connection.execute(failed.encode()).fetchall()
                assert status not in GIVEN_UP, f"{status}: {failure}"
                assert time.monotonic() < end, f"{operation} is still {status}"
                time.sleep(0.05)


class Process:
    """A process that was started, and what it said."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        found = shutil.which(command[0], path=env["PATH"])
        assert found, f"no {command[0]} in {env['PATH']}"
        self.process = subprocess.Popen(
            [found, *command[1:]], cwd=folder, env=env, stdout=self._log, stderr=self._log
        )

    def check(self) -> float:
        """Wait for its end, which has to be a good one; how long it has taken."""
        code = self.process.wait(LIMIT_S)
        took = time.perf_counter() - self.started
        self._log.seek(0)
        said = self._log.read().decode(errors="replace")
        self._log.close()
        assert code == 0, said[-4000:]
        return took


class Memory:
    """The most that some processes and all that they started had at one time."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.peak_mib = 0.0
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.5):
            self.peak_mib = max(self.peak_mib, self._now())

    def _now(self) -> float:
        """Proportional set sizes: what is shared counts once."""
        family: dict[int, psutil.Process] = {}
        for pid in self._pids:
            with suppress(psutil.Error):
                root = psutil.Process(pid)
                family |= {one.pid: one for one in (root, *root.children(recursive=True))}
        total = 0
        for one in family.values():
            with suppress(psutil.Error):
                total += one.memory_full_info().pss
        return total / 2**20


@dataclass(frozen=True, kw_only=True)
class Heat:
    """What both sides took for as many changes at once; seconds, and MiB at the peak."""

    number: int
    done_s: float
    """From the first POST to the end of the last engine."""
    proven_s: float
    ours_mib: float
    bare_s: float
    bare_mib: float

    @property
    def ratio(self) -> float:
        """Ours as a multiple of the bare processes'."""
        return self.done_s / self.bare_s


def prepare(between: Race, number: int, image: str) -> None:
    """As many deployments on each side."""
    operations = [between.create(f"ours-{place}", image) for place in range(number)]
    for operation in operations:
        between.succeeded(operation)
    for place in range(number):
        between.prepare_bare(f"bare-{place}", image)


def heat(between: Race, number: int, image: str) -> Heat:
    """As many of ours get the image, `ours-0` first, and then as many of the bare ones."""
    with Memory(between.server.workers()) as ours:
        started = time.perf_counter()
        operations = [between.revise(f"ours-{place}", image) for place in range(number)]
        for operation in operations:
            between.engine_is_done(operation)
        done_s = time.perf_counter() - started
    for operation in operations:
        between.succeeded(operation)
    proven_s = time.perf_counter() - started
    for place in range(number):
        between.change_bare(f"bare-{place}", image)
    started = time.perf_counter()
    processes = [between.up_bare(f"bare-{place}") for place in range(number)]
    with Memory([one.process.pid for one in processes]) as bare:
        for one in processes:
            one.check()
        bare_s = time.perf_counter() - started
    return Heat(
        number=number,
        done_s=done_s,
        proven_s=proven_s,
        ours_mib=ours.peak_mib,
        bare_s=bare_s,
        bare_mib=bare.peak_mib,
    )


@contextmanager
def race(*, concurrency: int) -> Iterator[Race]:
    """Everything started, and everything gone afterwards."""
    cloud = LocalCloud.start(f"bench-{os.getpid()}")
    try:
        with open_engine(lambda _: None, cloud.reserve_owner_env()) as engine:
            stage = Stage(cloud=cloud, engine=engine)
            stage.set_up(stage.account())
        with on_cloud(cloud, BYOC_CONCURRENCY=str(concurrency)) as server:
            one = Race(stage, server)
            _, one.key = server.tenant("bench")
            connect(one)
            yield one
    finally:
        cloud.stop()


def connect(one: Race) -> None:
    """The account, as one that was proven."""
    access = one.stage.access()
    ((tenant,),) = one.server.rows("SELECT id FROM byoc.tenants")
    store = Store(one.server.dsn)
    with store.begin() as tx:
        tx.accounts.add(
            AccountRow(
                tenant_id=tenant,
                name="customer",
                aws_account_id=one.stage.cloud.customer.id,
                region=one.stage.cloud.region,
                installation="default",
                role_arn=access.role_arn,
                external_id=access.external_id,
                status="active",
            )
        )
    store.close()

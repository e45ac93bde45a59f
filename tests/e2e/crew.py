"""Real workers with real supervisors over a local cloud, on a PostgreSQL that may be killed."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from byoc_infra.aws import inventory
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import operations
from byoc_infra.control_plane.services.operations import OperationKind
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.control_plane.store.tables import DeploymentRow
from byoc_infra.control_plane.supervisor.backend import state_url
from byoc_infra.control_plane.workflows import schema
from byoc_infra.control_plane.workflows.queue import Queue
from byoc_infra.engine import state_table
from tests.e2e.plane import Plane
from tests.e2e.stage import Stage
from tests.support.waiting import until

__all__ = ["ONE_OF_EACH", "Crew", "Hand", "crew_on"]

LEASE_S = 10.0
END_S = 240.0
ONE_OF_EACH = {
    "load balancer": 1,
    "target group": 1,
    "listener": 1,
    "rds instance": 1,
    "secret": 1,
    "ecs service": 2,
}
"""What carries a deployment's name."""


@dataclass
class Hand:
    """One worker process."""

    process: subprocess.Popen[bytes]
    log: Path

    def family(self) -> list[psutil.Process]:
        """It, its supervisor, and the engine's processes below."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def each(self, number: signal.Signals, family: list[psutil.Process] | None = None) -> None:
        """Send all of them a signal, the worker first."""
        for one in self.family() if family is None else family:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)

    def kill(self, family: list[psutil.Process] | None = None) -> None:
        """End it at once, alone or with others."""
        self.each(signal.SIGKILL, [psutil.Process(self.process.pid)] if family is None else family)
        self.process.wait()

    @property
    def is_awake(self) -> bool:
        """Whether it lives and is not stopped."""
        if self.process.poll() is not None:
            return False
        return psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED

    @property
    def works(self) -> bool:
        """Whether it takes operations."""
        return "takes operations" in self.log.read_text()


@dataclass
class Crew:
    """Whoever works on one deployment."""

    plane: Plane
    server: Embedded
    logs: Path
    queue: Queue
    hands: list[Hand] = field(default_factory=list)
    revisions: int = 0

    def hire(self, version: str = "1") -> Hand:
        """One more worker."""
        log = self.logs / f"worker-{len(self.hands)}.log"
        env = {
            **self.plane.env(),
            "BYOC_CONCURRENCY": "1",
            "BYOC_APPLICATION_VERSION": version,
            "BYOC_LOG_LEVEL": "info",
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "byoc_infra.cli", "worker"],
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.hands.append(Hand(process, log))
        return self.hands[-1]

    def at_work(self, version: str = "1") -> Hand:
        """The worker that is there and takes operations; a new one where there is none."""
        alive = [hand for hand in self.hands if hand.is_awake]
        hand = alive[0] if alive else self.hire(version)
        until(lambda: hand.works, what="the worker")
        return hand

    def ask(self, kind: OperationKind, deployment: DeploymentRow, image: str = "") -> str:
        """A new revision, or the deployment's end; the operation's id."""
        revision_id = None
        if kind != "delete":
            self.revisions += 1
            step = {"STEP": str(self.revisions)}
            revision_id = self.plane.revision(deployment, image, environment=step).id
        caller = Caller(
            tenant_id=self.plane.tenant.id,
            key_id=uuid.uuid4(),
            key_name="story",
            scope="deploy",
            request_id="req-1",
        )
        with self.plane.store.begin() as tx:
            row = tx.deployments.get(self.plane.tenant.id, deployment.id, lock=True)
            return operations.start(
                tx,
                self.queue,
                caller=caller,
                deployment=row,
                kind=kind,
                revision_id=revision_id,
            ).id

    def known_by(self, external_id: str) -> None:
        """What the control plane gives to the customer's trust from now on."""
        with self.plane.store.begin() as tx:
            account = tx.accounts.get(self.plane.tenant.id, self.plane.account.id, lock=True)
            account.external_id = external_id

    def saw(self, operation_id: str, word: str) -> None:
        """Wait until the operation has told of it."""
        until(
            lambda: self.plane.told(operation_id, word),
            within_s=END_S,
            what=f"{word!r} in {operation_id}",
        )

    def ended(self, operation_id: str) -> str:
        """Wait until the operation has; its status."""
        until(
            lambda: self.plane.row(operation_id).finished_at is not None,
            within_s=END_S,
            what=f"the end of {operation_id}; {self.words()}",
        )
        return self.plane.row(operation_id).status

    def attempts(self, operation_id: str) -> int:
        """How often it was begun."""
        return self.plane.row(operation_id).attempt

    def counted(self, name: str) -> dict[str, int]:
        """How many things of each kind carry the deployment's name."""
        stage = self.plane.stage
        with stage.work("customer").reach(stage.account(), None) as reached:
            found = inventory.take(reached.session, ONE_OF_EACH).kinds
        return {kind: sum(name in one for one in found[kind]) for kind in ONE_OF_EACH}

    def locks(self) -> list[str]:
        """Locks on stacks."""
        return [
            key for key in state_table.keys(state_url(self.plane.store.url), "") if "/locks/" in key
        ]

    def restart_database(self) -> None:
        """As the kernel ends it: every session at once; then started again."""
        file = self.server.directory / "data" / "postmaster.pid"
        postmaster = psutil.Process(int(file.read_text().split()[0]))
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(20)
        time.sleep(1.0)
        self.server.revive()

    def words(self) -> str:
        """The workers' last."""
        return "\n".join(hand.log.read_text()[-1500:] for hand in self.hands[-2:])

    def dismiss(self) -> None:
        """End all of them, and all that they have started."""
        for hand in self.hands:
            if hand.process.poll() is None:
                hand.each(signal.SIGCONT)
                family = hand.family()
                hand.process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    hand.process.wait(30)
                _, left = psutil.wait_procs(family, timeout=15)
                hand.each(signal.SIGKILL, left)
            hand.process.wait(30)


@contextmanager
def crew_on(stage: Stage) -> Iterator[Crew]:
    """A control plane over the stage, without a worker; nothing of it is left at the end."""
    place = Path(tempfile.mkdtemp(prefix="byoc-crew-"))
    place.chmod(0o711)  # root's PostgreSQL runs as nobody
    server = Embedded(place / "pg", durable=False)
    store = Store(server.open())
    store.migrate()
    schema.migrate(store.url)
    queue = Queue(store.url)
    crew = Crew(Plane(stage, store, lease_s=LEASE_S), server, place, queue)
    try:
        yield crew
    finally:
        crew.dismiss()
        queue.close()
        store.close()
        server.close()
        shutil.rmtree(place)

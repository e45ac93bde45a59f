"""Kills and stops what works on a deployment, again and again; not part of `make test`.

`make chaos SEED=1` asks for revisions through the queue, and at a random moment of each ends or
stops a worker, a supervisor, an engine, a provider or PostgreSQL. After each round the operations
are in their right states, every object is there once, no lock is left and no stack had two
writers; at the end everything is deleted, and the account is as it was before.
"""

import argparse
import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from byoc_infra.aws import inventory
from byoc_infra.control_plane.store.tables import DeploymentRow
from byoc_infra.flows.work import open_engine
from byoc_infra.local.cloud import LocalCloud
from byoc_infra.local.compute import resolver
from byoc_infra.local.processes import owned
from tests.e2e.crew import LEASE_S, ONE_OF_EACH, Crew, Hand, crew_on
from tests.e2e.stage import Stage

__all__ = ["main"]

ROUNDS = 60
LATEST_S = 14.0
"""About as long as a roll-out takes on two cores."""
LOOK_S = 0.1
KEPT = ("rds snapshot", "ecr image")
"""What a deletion leaves on purpose: the last snapshot; and what was pushed meanwhile."""


@dataclass
class Watch:
    """Looks all the time how many engines run, and never sees two."""

    directory: Path
    worst: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Until told to end."""
        while not self._over.wait(LOOK_S):
            self.worst = max(self.worst, sum(_is_writing(one) for one in owned(self.directory)))

    @contextmanager
    def watching(self) -> Iterator["Watch"]:
        """In a thread of its own."""
        thread = threading.Thread(target=self.look, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()


def _is_writing(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
        is_engine = bool(words) and Path(words[0]).name == "pulumi"
        writes = any(word in words for word in ("up", "destroy", "refresh", "import"))
        return is_engine and writes and process.status() != psutil.STATUS_STOPPED
    except psutil.Error:
        return False


@dataclass
class Chaos:
    """One deployment, and what is done to those who work on it."""

    crew: Crew
    chance: random.Random
    watch: Watch
    image: str
    version: int = 1
    deployment: DeploymentRow | None = None
    names: int = 0

    def round(self) -> str:
        """Ask for something, do something to somebody, see that all is well; what was done."""
        self.crew.at_work(str(self.version))
        operations, kind = self._ask()
        after_s = self.chance.uniform(0.0, LATEST_S)
        time.sleep(after_s)
        deed = self.chance.choice(DEEDS)
        deed(self)
        name = f"{kind}, {deed.__name__} after {after_s:.1f} s"
        self.crew.at_work(str(self.version))
        statuses = [self.crew.ended(operation) for operation in operations]
        self._judge(name, kind, operations, statuses)
        return name

    def end(self) -> None:
        """Delete what is there."""
        if self.deployment is not None:
            operation = self.crew.ask("delete", self.deployment)
            self.crew.at_work(str(self.version))
            self._judge("end", "delete", [operation], [self.crew.ended(operation)])

    def _ask(self) -> tuple[list[str], str]:
        if self.deployment is None:
            self.names += 1
            self.deployment = self.crew.plane.deployment(self.name)
            return [self._revision()], "create"
        kind = self.chance.choices(["revision", "two at once", "delete"], [7, 2, 1])[0]
        if kind == "delete":
            return [self.crew.ask("delete", self.deployment)], kind
        return [self._revision() for _ in range(2 if kind == "two at once" else 1)], kind

    @property
    def name(self) -> str:
        """A name of its own for each: a final snapshot's is never used twice."""
        return f"chaos{self.names:02}"

    def _revision(self) -> str:
        assert self.deployment is not None
        return self.crew.ask("deploy", self.deployment, self.image)

    def _judge(self, name: str, kind: str, operations: list[str], statuses: list[str]) -> None:
        wrong = []
        if statuses[-1] != "SUCCEEDED" or not set(statuses[:-1]) <= {"SKIPPED", "SUCCEEDED"}:
            failures = [self.crew.plane.row(operation).failure for operation in operations]
            wrong.append(f"statuses {statuses}: {failures}")
        counted = self.crew.counted(self.name)
        if kind == "delete":
            expected = dict.fromkeys(counted, 0)
            self.deployment = None
        else:
            expected = ONE_OF_EACH
        if counted != expected:
            wrong.append(f"there is {counted}")
        if locks := self.crew.locks():
            wrong.append(f"locks {locks}")
        if self.watch.worst > 1:
            wrong.append(f"{self.watch.worst} engines at once")
        if wrong:
            raise AssertionError(f"{name}: {'; '.join(wrong)}")

    @property
    def hand(self) -> Hand:
        """The worker that is there."""
        return self.crew.at_work(str(self.version))

    def part(self, *words: str) -> list[psutil.Process]:
        """Processes below the worker with one of the words in their command."""
        found = []
        for one in self.hand.family()[1:]:
            with suppress(psutil.Error):
                if any(word in part for part in one.cmdline() for word in words):
                    found.append(one)
        return found


def kill_worker(chaos: Chaos) -> None:
    """Alone."""
    chaos.hand.kill()


def kill_worker_and_engine(chaos: Chaos) -> None:
    """With its whole family."""
    chaos.hand.kill(chaos.hand.family())


def kill_supervisor(chaos: Chaos) -> None:
    """Alone."""
    _kill(chaos.part("byoc_infra.control_plane.supervisor"))


def kill_supervisor_and_engine(chaos: Chaos) -> None:
    """All but the worker."""
    _kill(chaos.hand.family()[1:])


def kill_engine(chaos: Chaos) -> None:
    """The CLI; what it has started is left alone."""
    _kill([one for one in chaos.part("pulumi") if Path(one.exe()).name == "pulumi"])


def kill_provider(chaos: Chaos) -> None:
    """In mid-call."""
    _kill(chaos.part("pulumi-resource-aws", "byoc_infra.local.provider"))


def end_worker(chaos: Chaos) -> None:
    """In order."""
    hand = chaos.hand
    hand.process.terminate()
    hand.process.wait(60)


def stop_worker(chaos: Chaos) -> None:
    """With its family, past its lease; it wakes up when another has taken over."""
    hand = chaos.hand
    family = hand.family()
    hand.each(signal.SIGSTOP, family)
    heir = chaos.crew.hire(str(chaos.version))
    deadline = time.monotonic() + 3 * LEASE_S
    while time.monotonic() < deadline or not heir.works:
        time.sleep(0.2)
    hand.each(signal.SIGCONT, family)
    hand.process.terminate()
    hand.process.wait(60)


def restart_database(chaos: Chaos) -> None:
    """As the kernel ends it."""
    chaos.crew.restart_database()


def upgrade(chaos: Chaos) -> None:
    """The old worker is asked to end when the new one is there."""
    old = chaos.hand
    chaos.version += 1
    new = chaos.crew.hire(str(chaos.version))
    while not new.works:
        time.sleep(0.2)
    old.process.terminate()
    old.process.wait(60)


def _kill(processes: list[psutil.Process]) -> None:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


DEEDS: tuple[Callable[[Chaos], None], ...] = (
    kill_worker,
    kill_worker_and_engine,
    kill_supervisor,
    kill_supervisor_and_engine,
    kill_engine,
    kill_provider,
    end_worker,
    stop_worker,
    restart_database,
    upgrade,
)


def main() -> int:
    """The whole run; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    with (
        _stage() as stage,
        crew_on(stage) as crew,
        Watch(stage.cloud.directory).watching() as watch,
    ):
        image = stage.push("v1")
        before = _listed(stage)
        chaos = Chaos(
            crew=crew,
            chance=random.Random(given.seed),  # noqa: S311  # not for secrets
            watch=watch,
            image=image,
        )
        bad = _rounds(chaos, given.rounds)
        left = before.difference(_listed(stage))
    print(f"seed {given.seed}: {given.rounds - bad} passed, {bad} failed; left: {left}")  # noqa: T201
    return 0 if bad == 0 and left.none else 1


def _rounds(chaos: Chaos, rounds: int) -> int:
    """How many went wrong; after the first nothing more is learnt from the same deployment."""
    for number in range(1, rounds + 1):
        began = time.monotonic()
        try:
            name = chaos.round()
        except AssertionError as wrong:
            print(f"{number:3} WRONG  {wrong}\n{chaos.crew.words()}", flush=True)  # noqa: T201
            return rounds - number + 1
        print(f"{number:3} well   {name} ({time.monotonic() - began:.0f} s)", flush=True)  # noqa: T201
    chaos.end()
    return 0


def _listed(stage: Stage) -> inventory.Inventory:
    with stage.work("customer").reach(stage.account(), None) as reached:
        kinds = [kind for kind in inventory.KINDS if kind not in KEPT]
        return inventory.take(reached.session, kinds)


@contextmanager
def _stage() -> Iterator[Stage]:
    """A local cloud with an account that is set up."""
    cloud = LocalCloud.start(f"chaos-{os.getpid()}")
    os.environ["BYOC_LOCAL_HOSTS"] = cloud.env("vendor")["BYOC_LOCAL_HOSTS"]
    resolver.install()
    try:
        with open_engine(lambda _: None, cloud.reserve_owner_env()) as engine:
            stage = Stage(cloud=cloud, engine=engine)
            stage.set_up(stage.account())
            yield stage
    finally:
        cloud.stop()


if __name__ == "__main__":
    sys.exit(main())

"""A stack over the fake provider, and the real CLI to run it with."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from byoc_infra.engine import Engine, Planned, StackRef, Toolchain, WorkerPool
from tests.engine import fake_provider
from tests.engine.programs_for_tests import TWO

GRACE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything a story with the real engine needs."""

    root: Path
    engine: Engine

    def stack(self, program: Callable[[], None], **env: str) -> StackRef:
        """The stack `dev` with that program."""
        return stack_at(self.root, program, **env)

    def cloud(self) -> dict[str, list[dict[str, Any]]]:
        """What exists, by name."""
        return cloud_at(self.root)

    def find(self, planned: Planned) -> str | None:
        """An object by its name, as the project's own look-up does it."""
        found = [
            file.stem
            for file in (self.root / "cloud").glob("*.json")
            if json.loads(file.read_text())["name"] == planned.inputs["name"]
        ]
        return found[0] if found else None

    def state(self) -> dict[str, Any]:
        """The stack's state as the backend has it on disk."""
        file = self.root / "backend" / ".pulumi" / "stacks" / "proj" / "dev.json"
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"]
        return latest

    def locks(self) -> list[Path]:
        """Lock files of the stack."""
        return list((self.root / "backend" / ".pulumi" / "locks").rglob("*.json"))


def stack_at(root: Path, program: Callable[[], None], **env: str) -> StackRef:
    """The stack `dev` of a bench at `root`."""
    return StackRef(
        project="proj",
        name="dev",
        program=program,
        backend_url=f"file://{root}/backend",
        config={"fake:region": "here"},
        env={
            "PULUMI_HOME": str(root / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "a-passphrase",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "FAKE_CLOUD": str(root / "cloud"),
            **env,
        },
    )


def cloud_at(root: Path) -> dict[str, list[dict[str, Any]]]:
    """What exists in the fake cloud, by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in (root / "cloud").glob("*.json"):
        thing = json.loads(file.read_text())
        found.setdefault(thing["name"], []).append(thing)
    return found


def prepare(root: Path) -> None:
    """Lay out a bench: backend, plugin."""
    (root / "backend").mkdir(parents=True)
    fake_provider.install(root / "home")


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """The CLI on this machine; a test that needs it and has none fails."""
    found = Toolchain.find()
    if found is None:
        pytest.fail(
            f"no Pulumi CLI: {'; '.join(f'{w.name}: {w.why}' for w in Toolchain.diagnose())}"
        )
    return found


@pytest.fixture(scope="session")
def workers() -> Iterator[WorkerPool]:
    """One pool for all stories: a worker outlives many runs."""
    with WorkerPool(preload=["pulumi"], keep=2) as pool:
        yield pool


@pytest.fixture
def bench(tmp_path: Path, toolchain: Toolchain, workers: WorkerPool) -> Bench:
    """A fresh backend and an empty cloud."""
    prepare(tmp_path)
    return Bench(root=tmp_path, engine=Engine(toolchain, workers, grace_s=GRACE_S))


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain, workers: WorkerPool
) -> Bench:
    """One for the stories to which it does not matter what was done to the stack before."""
    root = tmp_path_factory.mktemp("shared")
    prepare(root)
    return Bench(root=root, engine=Engine(toolchain, workers, grace_s=GRACE_S))


@pytest.fixture(scope="session")
def templates(
    tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain, workers: WorkerPool
) -> Path:
    """Benches to copy: one whose stack is `TWO`, and one whose stack has nothing in it."""
    folder = tmp_path_factory.mktemp("templates")
    prepare(folder / "two")
    engine = Engine(toolchain, workers, grace_s=GRACE_S)
    made = engine.up(stack_at(folder / "two", TWO))
    shutil.copytree(folder / "two", folder / "empty")
    emptied = engine.destroy(stack_at(folder / "empty", TWO), remove=False)
    assert made.ok, made.failure
    assert emptied.ok, emptied.failure
    return folder


@pytest.fixture
def with_two(bench: Bench, templates: Path) -> Bench:
    """One where an `up` of `TWO` has been."""
    shutil.copytree(templates / "two", bench.root, dirs_exist_ok=True)
    return bench


@pytest.fixture
def with_stack(bench: Bench, templates: Path) -> Bench:
    """One with a stack that has nothing in it, as after a `destroy`."""
    shutil.copytree(templates / "empty", bench.root, dirs_exist_ok=True)
    return bench

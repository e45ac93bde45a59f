"""Worker processes, with a stand-in for the CLI: warmth, deadlines, death."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from byoc_infra.engine import Engine, StackRef, WorkerPool
from byoc_infra.errors import DeadlineExceeded, EngineFailed, ProviderDied, SpecError
from tests.engine import fake_cli
from tests.engine.programs_for_tests import Things

NOTHING = Things()


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    """Workers without the provider's modules start fast."""
    with WorkerPool(preload=[], env={"BYOC_LOCAL_OWNER": "/owner"}) as workers:
        yield workers


@pytest.fixture
def engine(tmp_path: Path, pool: WorkerPool) -> Engine:
    """An engine over the stand-in."""
    return Engine(fake_cli.install(tmp_path), pool, grace_s=0.5)


def _stack(root: Path, program: Callable[[], None] = NOTHING, **env: str) -> StackRef:
    return StackRef(
        project="proj",
        name="dev",
        program=program,
        backend_url=f"file://{root}/backend",
        env=env,
        config={},
    )


def _log(root: Path) -> list[str]:
    return (root / "log").read_text().split("\n")[:-1]


def test_one_call_is_one_cli_and_its_work_directory_is_gone(engine: Engine, tmp_path: Path) -> None:
    """Nothing is selected, configured or asked beside it."""
    outcome = engine.outputs(_stack(tmp_path))

    assert outcome.ok
    assert _log(tmp_path) == ["run stack output"]
    assert not Path(outcome.outputs["cwd"]).exists()


def test_the_first_run_of_a_stack_makes_it_at_once(engine: Engine, tmp_path: Path) -> None:
    """That there is none is known: no CLI has to find out. A preview takes it away again."""
    stack = _stack(tmp_path)
    (tmp_path / "backend").mkdir()

    engine.preview(stack)
    engine.up(stack)

    assert _log(tmp_path) == [
        *("run stack init", "run preview never", "run stack rm"),
        *("run stack init", "run up never"),
    ]


def test_a_good_worker_serves_again_and_carries_its_owners_mark(
    engine: Engine, pool: WorkerPool, tmp_path: Path
) -> None:
    """Warm means the same process; the mark lets a clean-up find it."""
    pids = set()
    for _ in range(2):
        engine.outputs(_stack(tmp_path))
        with pool.worker() as worker:
            pids.add(worker.pid)

    assert len(pids) == 1
    assert psutil.Process(pids.pop()).environ()["BYOC_LOCAL_OWNER"] == "/owner"


def test_a_worker_is_replaced_after_a_failure(
    engine: Engine, pool: WorkerPool, tmp_path: Path
) -> None:
    """What a failed run left in its memory is nobody's business."""
    with pool.worker() as before:
        pass

    failed = engine.outputs(_stack(tmp_path, FAKE_ERROR="error: odd"))

    assert isinstance(failed.failure, EngineFailed)
    assert failed.failure.got == "error: odd"
    with pool.worker() as after:
        assert after.pid != before.pid


def test_secrets_of_the_run_are_not_in_its_failure(engine: Engine, tmp_path: Path) -> None:
    """Whatever the CLI says."""
    failed = engine.outputs(
        _stack(tmp_path, FAKE_ERROR="error: bad top-secret", PULUMI_CONFIG_PASSPHRASE="top-secret")
    )

    assert failed.failure is not None
    assert failed.failure.got == "error: bad [secret]"


def test_at_the_deadline_the_cli_is_interrupted_once(engine: Engine, tmp_path: Path) -> None:
    """And given time to finish."""
    outcome = engine.outputs(_stack(tmp_path, FAKE_SLOW="polite"), deadline_s=0.8)

    assert isinstance(outcome.failure, DeadlineExceeded)
    assert _log(tmp_path)[2:] == ["SIGINT"]


def test_a_run_stopped_right_at_its_start_does_stop(engine: Engine, tmp_path: Path) -> None:
    """An interrupt right behind the order is not lost."""
    outcome = engine.outputs(_stack(tmp_path, FAKE_SLOW="polite"), deadline_s=0)

    assert isinstance(outcome.failure, DeadlineExceeded)
    assert outcome.duration_s < 10


def test_a_cli_that_does_not_listen_is_killed_after_the_grace(
    engine: Engine, tmp_path: Path
) -> None:
    """With everything else of its session."""
    outcome = engine.outputs(_stack(tmp_path, FAKE_SLOW="deaf"), deadline_s=0.8)

    assert isinstance(outcome.failure, DeadlineExceeded)
    _gone(int(_log(tmp_path)[1].removeprefix("pid ")))


@pytest.mark.parametrize("manner", ["polite", "deaf"])
def test_worker_and_cli_end_when_the_caller_is_killed(tmp_path: Path, manner: str) -> None:
    """SIGINT first, SIGKILL after the grace; the work directory goes too."""
    fake_cli.install(tmp_path)
    script = (
        "import sys; from pathlib import Path; from byoc_infra.engine import *; "
        "from tests.engine.test_workers import _stack; root = Path(sys.argv[1]); "
        "tool = Toolchain(path=root / 'pulumi', version='v3.250.0', how='PATH'); "
        "Engine(tool, WorkerPool(preload=[]), grace_s=0.5)"
        ".outputs(_stack(root, FAKE_SLOW=sys.argv[2]))"
    )
    caller = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), manner])
    _wait_for(lambda: len(_log(tmp_path)) == 2)
    cli = psutil.Process(int(_log(tmp_path)[1].removeprefix("pid ")))
    worker = cli.parent()
    assert worker is not None

    caller.kill()
    caller.wait()

    _gone(cli.pid)
    _gone(worker.pid)
    assert _log(tmp_path)[2:] == ["SIGINT"]


def test_a_worker_that_dies_is_told_with_its_last_words(engine: Engine, tmp_path: Path) -> None:
    """So that its cause can be seen."""
    with WorkerPool(preload=["no_such_module"]) as broken:
        lost = Engine(engine._runner.toolchain, broken).outputs(_stack(tmp_path))

    assert isinstance(lost.failure, ProviderDied)
    assert "no_such_module" in lost.failure.got


def test_a_program_must_be_importable(engine: Engine, tmp_path: Path) -> None:
    """It runs in another process; a lambda cannot."""
    outcome = engine.preview(_stack(tmp_path, lambda: None))

    assert isinstance(outcome.failure, SpecError)
    assert outcome.failure.field == "program"
    assert _log(tmp_path) == []


def _gone(pid: int) -> None:
    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    _wait_for(gone)


def _wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)

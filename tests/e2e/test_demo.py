"""The demo tells its whole story; killed in the middle, `byoc local down` leaves only caches."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.demo_run import DemoRun, down

pytestmark = pytest.mark.e2e

STEPS = ("[2/15]", "create aws:ecs/service:Service demo-cache")
"""While the emulator starts; in the middle of the control plane's engine run, with tasks."""
SET_UP = """
byoc() { PYTHON -m byoc_infra.cli "$@"; }
byoc local up
eval "$(byoc local env customer)"
exec PYTHON -m byoc_infra.cli account up -f examples/local/account.yaml
""".replace("PYTHON", sys.executable)


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: sockets go in here."""
    path = Path(tempfile.mkdtemp(prefix="byoc-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_the_demo_ends_with_two_empty_accounts(place: Path) -> None:
    """Every step, no failed call, nothing left; its own sweep would fail otherwise."""
    run = DemoRun(place)
    ended = run.process.wait(timeout=400)
    told = run.log.read_text()

    assert ended == 0, told[-2000:]
    assert "calls, none failed" in told
    assert "nothing left but what the receipts list" in told
    assert not run.leftovers()


@pytest.mark.parametrize("step", STEPS)
def test_down_leaves_nothing_of_a_killed_demo(step: str, place: Path) -> None:
    """No process, no listening address, no file."""
    run = DemoRun(place)
    reached = run.wait_for(lambda log: step in log, timeout_s=240)
    run.kill()
    ended = down(run)

    assert reached, run.log.read_text()[-2000:]
    assert ended.returncode == 0, ended.stderr
    assert not run.leftovers()


def test_down_leaves_nothing_of_a_set_up_that_was_killed(place: Path) -> None:
    """Of an engine run that a person began, that goes on without its command, and then hangs."""
    run = DemoRun(place, ["bash", "-euc", SET_UP])
    reached = run.wait_for(lambda log: "create aws:ec2/natGateway" in log, timeout_s=120)
    run.kill()
    orphans = run.hang("pulumi")
    ended = down(run)

    assert reached, run.log.read_text()[-2000:]
    assert orphans == 1, "the engine goes on without its command"
    assert ended.returncode == 0, ended.stderr
    assert not run.leftovers()

"""Killed runs: whatever dies in mid-create, the next `up` has one object a name and no lock."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from byoc_infra.engine import Outcome, Planned
from byoc_infra.errors import CloudUnreachable, EngineFailed, ProviderDied, StackBusy
from tests.engine.conftest import Bench
from tests.engine.programs_for_tests import Things
from tests.engine.run_up import SLOW

pytestmark = [pytest.mark.e2e]

NAMES = {"slow", "slower", "fast"}
STAYING = Things(
    things={
        "slow": {"sleep": 4, "stays": True},
        "slower": {"sleep": 4},
        "fast": {"size": 1, "stays": True},
    }
)
"""As `SLOW`, but a destroy is to forget two of them."""


def test_a_killed_cli_loses_nothing(bench: Bench) -> None:
    """The engine has noted what it was creating; the objects are found and taken over. Before that
    nothing is made twice: `up` without a look-up refuses and says what to do, and a look-up that
    fails changes nothing.
    """
    with _running_up(bench) as outcomes:
        _kill(bench, "cli")

    assert isinstance(outcomes[0].failure, ProviderDied)
    assert len(bench.state()["pending_operations"]) >= 2
    refused = bench.engine.up(bench.stack(SLOW))
    assert isinstance(refused.failure, EngineFailed)
    assert "recover" in refused.failure.next_step
    assert {len(found) for found in bench.cloud().values()} == {1}
    unanswered = bench.engine.recover(bench.stack(SLOW), _unreachable)
    assert isinstance(unanswered.failure, CloudUnreachable)
    _assert_recovers(bench, adopted={"slow", "slower"})


def test_a_killed_provider_loses_nothing(with_stack: Bench) -> None:
    """The state looks clean: only the journal knows that creates were never answered."""
    with _running_up(with_stack) as outcomes:
        _kill(with_stack, "provider")

    assert isinstance(outcomes[0].failure, ProviderDied)
    assert "pending_operations" not in with_stack.state()
    _assert_recovers(with_stack, adopted={"slow", "slower"})


def test_a_killed_worker_loses_nothing(with_stack: Bench) -> None:
    """The CLI dies with its language host; the caller hears of it at once."""
    with _running_up(with_stack) as outcomes:
        _kill(with_stack, "worker")

    assert isinstance(outcomes[0].failure, ProviderDied)
    _assert_recovers(with_stack, adopted=None)


def test_a_killed_caller_lets_the_engine_finish(with_stack: Bench) -> None:
    """The worker sees that nobody listens, lets what is in flight end, and goes."""
    caller = _start_caller(with_stack)
    caller.kill()
    caller.wait()

    _assert_recovers(with_stack, adopted=set())
    assert _members(with_stack) == []


def test_everything_killed_at_once_loses_nothing(with_stack: Bench) -> None:
    """As when the machine goes away: only files are left."""
    caller = _start_caller(with_stack)
    family = [*psutil.Process(caller.pid).children(recursive=True), psutil.Process(caller.pid)]
    for process in family:
        process.kill()
    caller.wait()

    assert with_stack.locks() != []
    _assert_recovers(with_stack, adopted={"slow", "slower"})


def test_a_state_older_than_the_account_is_brought_up_to_it(with_stack: Bench) -> None:
    """With a journal present, what the program would create is looked for as well."""
    with _running_up(with_stack):
        _kill(with_stack, "provider")
    for file in (with_stack.root / "backend" / ".pulumi" / "stacks" / "proj").iterdir():
        file.unlink()

    _assert_recovers(with_stack, adopted=NAMES)


def test_what_was_not_made_is_made_once(with_stack: Bench) -> None:
    """A pending create whose object does not exist is simply forgotten."""
    with _running_up(with_stack):
        _kill(with_stack, "cli")
    for file in (with_stack.root / "cloud").iterdir():
        if json.loads(file.read_text())["name"] == "slow":
            file.unlink()

    _assert_recovers(with_stack, adopted={"slower"})


def test_destroy_after_a_kill_leaves_no_object(with_stack: Bench) -> None:
    """What no state knew is found first, and then deleted with the rest."""
    with _running_up(with_stack):
        _kill(with_stack, "cli")

    gone = with_stack.engine.destroy(with_stack.stack(SLOW), find=with_stack.find)

    assert gone.ok
    assert with_stack.cloud() == {}
    assert with_stack.locks() == []


def test_destroy_after_a_kill_leaves_alone_what_is_to_stay(with_stack: Bench) -> None:
    """Whether only the journal knew of it or nothing but the program did."""
    stack = with_stack.stack(STAYING)
    with _running_up(with_stack, STAYING):
        _kill(with_stack, "provider")
    for file in (with_stack.root / "backend" / ".pulumi" / "stacks" / "proj").iterdir():
        file.unlink()

    gone = with_stack.engine.destroy(stack, find=with_stack.find)

    assert gone.ok
    assert set(with_stack.cloud()) == {"slow", "fast"}


def test_the_lock_of_a_living_engine_is_left_alone(with_two: Bench) -> None:
    """Clearing it would let two engines write one state."""
    lock = _lock_of(with_two, os.getpid())

    outcome = with_two.engine.up(
        with_two.stack(Things(things={"a": {"size": 2}})), find=with_two.find
    )

    assert isinstance(outcome.failure, StackBusy)
    assert str(os.getpid()) in outcome.failure.got
    assert with_two.locks() == [lock]


def test_the_lock_of_an_engine_elsewhere_is_left_alone(with_two: Bench) -> None:
    """Nothing can be proven about another host's processes."""
    lock = _lock_of(with_two, 999_999_999, host="elsewhere")

    outcome = with_two.engine.up(
        with_two.stack(Things(things={"a": {"size": 2}})), find=with_two.find
    )

    assert isinstance(outcome.failure, StackBusy)
    assert with_two.locks() == [lock]


def test_the_lock_of_a_dead_engine_is_cleared(with_two: Bench) -> None:
    """Also where nothing else was left behind."""
    _lock_of(with_two, 999_999_999)

    outcome = with_two.engine.up(with_two.stack(Things(things={"a": {"size": 2}})))

    assert outcome.ok
    assert with_two.locks() == []


def _unreachable(planned: Planned) -> str | None:
    raise CloudUnreachable("aws", wanted="an answer", got=planned.name, next_step="Wait.")


def _assert_recovers(bench: Bench, adopted: set[str] | None) -> None:
    """Recover, up, up: one object a name, under its component, no lock, and then no change."""
    stack = bench.stack(SLOW)
    recovered = bench.engine.recover(stack, bench.find)
    assert recovered.ok, recovered.failure
    if adopted is not None:
        assert {c.name for c in recovered.changes} == adopted
    made = bench.engine.up(stack)
    assert made.ok, made.failure
    assert "replace" not in {c.op for c in made.changes}
    assert {name: len(found) for name, found in bench.cloud().items()} == dict.fromkeys(NAMES, 1)
    assert bench.locks() == []
    latest = bench.state()
    assert "pending_operations" not in latest
    parents = {r["urn"]: r.get("parent", "") for r in latest["resources"]}
    things = {urn: parent for urn, parent in parents.items() if urn.endswith(tuple(NAMES))}
    assert len(things) == len(NAMES)
    assert {parent.rsplit("::", 1)[-1] for parent in things.values()} == {"shelf"}
    assert bench.engine.up(stack).changes == ()


@contextmanager
def _running_up(bench: Bench, things: Things = SLOW) -> Iterator[list[Outcome]]:
    """An `up` whose slow objects exist and whose answers are still to come."""
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(bench.engine.up(bench.stack(things))))
    thread.start()
    _wait_for(lambda: set(bench.cloud()) == NAMES)
    time.sleep(0.5)  # the fast one's answer is written to the state
    yield outcomes
    thread.join()


def _start_caller(bench: Bench) -> subprocess.Popen[bytes]:
    caller = subprocess.Popen([sys.executable, "-m", "tests.engine.run_up", str(bench.root)])
    _wait_for(lambda: set(bench.cloud()) == NAMES)
    time.sleep(0.5)
    return caller


def _kill(bench: Bench, who: str) -> None:
    members = _members(bench)
    if who == "worker":
        cli = next(p for p in members if p.name() == "pulumi")
        parent = cli.parent()
        assert parent is not None
        parent.kill()
        return
    wanted = {"cli": lambda p: p.name() == "pulumi", "provider": _is_provider}[who]
    for process in members:
        if wanted(process):
            process.send_signal(signal.SIGKILL)


def _is_provider(process: psutil.Process) -> bool:
    return any("fake_provider" in word for word in process.cmdline())


def _members(bench: Bench) -> list[psutil.Process]:
    """CLI and provider of this bench, by what they were given."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FAKE_CLOUD") == str(bench.root / "cloud"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _lock_of(bench: Bench, pid: int, host: str | None = None) -> "os.PathLike[str]":
    folder = bench.root / "backend" / ".pulumi" / "locks" / "organization" / "proj" / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "11111111-2222-3333-4444-555555555555.json"
    owner = {
        "pid": pid,
        "username": "somebody",
        "hostname": host or os.uname().nodename,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    lock.write_text(json.dumps(owner))
    return lock


def _wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 40
    while not true():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)

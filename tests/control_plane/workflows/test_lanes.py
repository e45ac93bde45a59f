"""Lanes: what a supervisor process is told, and what is made of its answers."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from byoc_infra.control_plane.workflows.lanes import Hangs, Lanes
from byoc_infra.control_plane.workflows.outcome import Ended

HEAD = "import json, os, sys, time\nfor line in sys.stdin:\n    job = json.loads(line)\n"
ANSWER = '    print(json.dumps({"operation": job["operation"], **answer}), flush=True)\n'
ECHO = HEAD + '    answer = {"ended": "FAILED", "error": {"pid": os.getpid(), **job}}\n' + ANSWER
PATIENT = HEAD + "    time.sleep(60)\n"
"""Never says how it ended, and does not look at its input either."""


@contextmanager
def lanes(program: str, size: int = 1, hangs: Hangs = lambda *_: False) -> Iterator[Lanes]:
    """Supervisors that run a few lines of Python."""
    env = {"PATH": os.environ["PATH"]}
    opened = Lanes(size, env=env, hangs=hangs, command=(sys.executable, "-S", "-c", program))
    try:
        yield opened
    finally:
        opened.stop()
        for lane in opened._all:
            lane.kill()
            lane.wait(5.0)


def test_a_supervisor_is_told_operation_and_attempt_and_stays_warm() -> None:
    """Loading the provider's modules takes seconds: one process does many operations."""
    with lanes(ECHO) as opened:
        first, second = opened.run("op-1", 1), opened.run("op-2", 7)

    assert first.ended == "FAILED"
    assert first.error is not None
    assert second.error == {"pid": first.error["pid"], "operation": "op-2", "attempt": 7}


def test_there_are_no_more_supervisors_than_there_has_been_work_for() -> None:
    """Each takes memory, and one at a time is often all that there is."""
    with lanes(ECHO, size=3) as opened:
        before = list(opened._all)
        pids = {(opened.run(f"op-{n}", 1).error or {})["pid"] for n in range(3)}
        started = [lane.pid for lane in opened._all]

    assert before == []
    assert pids == set(started)
    assert len(started) == 1


def test_each_operation_has_a_supervisor_of_its_own() -> None:
    """As many at a time as there are lanes."""
    slow = ECHO.replace("    answer", "    time.sleep(0.3)\n    answer", 1)
    with lanes(slow, size=2) as opened, ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda n: opened.run(f"op-{n}", 1), range(4)))

    assert len({e.error["pid"] for e in ended if e.error}) == 2


def test_a_supervisor_that_dies_is_an_error_that_may_pass_and_another_takes_its_place() -> None:
    """The next attempt finds what was made."""
    dies_once = HEAD + '    if job["operation"] == "op-1": os._exit(9)\n' + ECHO[len(HEAD) :]
    with lanes(dies_once) as opened:
        died, after = opened.run("op-1", 1), opened.run("op-2", 1)

    assert died.ended == "RETRY"
    assert died.error is not None
    assert (died.error["code"], died.error["got"]) == ("SUPERVISOR_DIED", "exit code 9")
    assert after.ended == "FAILED"


def test_other_lines_are_not_answers() -> None:
    """Some library may print one; another operation's or an unknown ending is none."""
    noise = (
        '    print("hello")\n    print("[1]")\n'
        '    print(json.dumps({"operation": "op-0", "ended": "FAILED"}))\n'
        '    print(json.dumps({"operation": job["operation"], "ended": "HANDED_ON"}))\n'
        '    answer = {"ended": "SUCCEEDED", "error": None}\n'
    )
    with lanes(HEAD + noise + ANSWER) as opened:
        assert opened.run("op-1", 1) == Ended("SUCCEEDED")


def test_a_supervisor_that_hangs_past_its_lease_is_killed() -> None:
    """Nobody else would: its worker lives."""
    with lanes(PATIENT, hangs=lambda operation, pid: operation == "op-1" and pid > 0) as opened:
        ended = opened.run("op-1", 1)

    assert ended.ended == "RETRY"
    assert ended.error is not None
    assert ended.error["got"] == "exit code -9"


def test_a_worker_that_stops_hands_on_and_does_not_wait() -> None:
    """The engine may take long to stop; the supervisor sees to it, with the lease in its hand."""
    with lanes(PATIENT) as opened:
        stop = threading.Timer(0.3, opened.stop)
        stop.start()
        began = time.monotonic()
        ended = opened.run("op-1", 1)
        took_s = time.monotonic() - began
        later = opened.run("op-2", 1)

    assert ended == later == Ended("HANDED_ON")
    assert took_s < 10.0


def test_supervisors_see_their_input_end() -> None:
    """So they know that the worker is gone, however it went."""
    with lanes(ECHO) as opened:
        opened.run("op-1", 1)
        opened.close()

        assert [lane.wait(5.0) for lane in opened._all] == [0]

"""What a run remembers, and who holds a stack."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from byoc_infra.engine.events import PlannedCreate
from byoc_infra.engine.journal import Journal, Owner, default_state_dir, note


def _journal(folder: Path, name: str = "dev") -> Journal:
    return Journal(folder, backend_url="file:///b", project="proj", name=name)


def _create(urn: str) -> dict[str, object]:
    return {
        "urn": urn,
        "type": "t",
        "name": "n",
        "inputs": {"a": 1},
        "custom": True,
        "parent": "p",
        "provider": "q",
    }


def test_creates_without_an_answer_are_remembered(tmp_path: Path) -> None:
    """Whatever was answered is not looked for again."""
    journal = _journal(tmp_path)
    journal.begin("up", os.getpid())
    for line in ({"begun": _create("u1")}, {"begun": _create("u2")}, {"answered": "u1"}):
        note(journal.path, line)

    (left,) = journal.unanswered()

    assert left == PlannedCreate(
        urn="u2", type="t", name="n", inputs={"a": 1}, custom=True, parent="p", provider="q"
    )


def test_a_new_run_keeps_what_the_last_one_left_open(tmp_path: Path) -> None:
    """Two kills in a row lose no more than one."""
    journal = _journal(tmp_path)
    journal.begin("up", os.getpid())
    note(journal.path, {"begun": _create("u1")})

    journal.begin("refresh", os.getpid())

    assert [create.urn for create in journal.unanswered()] == ["u1"]


def test_a_half_written_line_is_what_a_killed_process_leaves(tmp_path: Path) -> None:
    """The lines before it count."""
    journal = _journal(tmp_path)
    journal.begin("up", os.getpid())
    note(journal.path, {"begun": _create("u1")})
    with journal.path.open("a") as file:
        file.write('{"answered": "u')

    assert [create.urn for create in journal.unanswered()] == ["u1"]


def test_a_clean_end_leaves_no_journal(tmp_path: Path) -> None:
    """Closing twice is closing once."""
    journal = _journal(tmp_path)
    journal.begin("up", os.getpid())
    assert journal.present()

    journal.close()
    journal.close()

    assert not journal.present()


def test_one_stack_has_one_holder_and_others_are_free(tmp_path: Path) -> None:
    """Also between two objects of one process."""
    first, second, other = _journal(tmp_path), _journal(tmp_path), _journal(tmp_path, "prod")

    assert first.acquire()
    assert not second.acquire()
    assert other.acquire()

    first.release()
    assert second.acquire()


def test_a_child_that_is_just_being_forked_is_no_holder(tmp_path: Path) -> None:
    """It has a copy of the lock until it is another program; a stack given back is free again."""
    first, second = _journal(tmp_path), _journal(tmp_path)
    assert first.acquire()
    copy = os.dup(first.lock_handle)
    threading.Timer(0.3, os.close, [copy]).start()
    first.release()

    assert second.acquire()


def test_a_dead_callers_worker_is_waited_for_and_a_living_one_is_not(tmp_path: Path) -> None:
    """A worker whose caller was killed lets the engine finish: that takes seconds, not hours."""
    first, second = _journal(tmp_path), _journal(tmp_path)
    assert first.acquire()
    first.begin("up", os.getpid())
    started = time.monotonic()
    assert not second.acquire(wait_s=10)
    assert time.monotonic() - started < 5

    text = first.path.read_text()
    first.path.write_text(text.replace(f'"pid": {os.getpid()}', '"pid": 999999999'))
    threading.Timer(0.3, first.release).start()

    assert second.acquire(wait_s=10)


def test_an_owner_is_gone_only_with_proof() -> None:
    """The number may have been given to another process; another host proves nothing."""
    me = Owner.me()
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()

    assert not me.gone()
    assert Owner(host=me.host, pid=child.pid, started=me.started).gone()
    assert Owner(host=me.host, pid=me.pid, started=me.started - 100).gone()
    assert not Owner(host="elsewhere", pid=child.pid, started=0).gone()


def test_notes_lie_beside_a_file_backend_else_in_the_users_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that removing a local cloud removes them too."""
    monkeypatch.setenv("XDG_DATA_HOME", "/data")

    assert default_state_dir("file:///tmp/x/pulumi") == Path("/tmp/x/pulumi/.byoc")  # noqa: S108
    assert default_state_dir("postgres://h/db") == Path("/data/byoc-infra/journal")

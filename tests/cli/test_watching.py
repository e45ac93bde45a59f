"""The live view of an operation."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rich.console import Console

from byoc_infra.cli import output, watching
from byoc_infra.client import Client, Event


def event(kind: str, **data: object) -> Event:
    """Something that happened."""
    return Event(seq=1, operation_id="op-1", at=datetime.now(UTC), kind=kind, data=data)


def picture(view: watching._View) -> list[str]:
    """What a terminal of 60 columns shows."""
    console = Console(width=60)
    with console.capture() as captured:
        console.print(view._picture())
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard error is one."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_what_is_in_progress() -> None:
    """Each resource until it is done, and how many are; no line is wider than the terminal."""
    view = watching._View("op-1")
    view.take(event("status", status="RUNNING"))
    for name in ("db", "x" * 90):
        view.take(event("resource", state="started", op="create", type="rds", name=name))
    before = picture(view)
    view.take(event("resource", state="done", op="create", type="rds", name="db"))
    after = picture(view)

    assert "op-1 RUNNING, 0 done" in before[0]
    assert before[1].startswith("  create rds db (")
    assert before[2].endswith("…")
    assert len(before) == 3
    assert "1 done" in after[0]
    assert len(after) == 2


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_the_last_words_in_between() -> None:
    """While nothing is in progress."""
    view = watching._View("op-1")
    view.take(event("progress", message="Waiting until every task is healthy"))

    assert picture(view)[1] == "  Waiting until every task is healthy"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (event("progress", message="Reaching account"), "Reaching account"),
        (event("status", status="QUEUED", message="approved by me"), "QUEUED: approved by me"),
        (event("resource", state="started", op="create", type="t", name="n"), ""),
        (
            event("resource", state="done", op="create", type="t", name="n", seconds=2.0),
            "  create t n (2.0 s)",
        ),
        (event("resource", state="failed", op="update", type="t", name="n"), "  FAILED update t n"),
    ],
)
def test_a_pipe_gets_one_line_an_event(told: Event, words: str) -> None:
    """None where a resource only begins."""
    assert watching.words(told) == words


class Interrupted(Client):
    """Somebody presses Ctrl-C while it streams."""

    def events(self, operation_id: str, *, after: int = 0) -> Iterator[Event]:
        """Nothing, and then that."""
        raise KeyboardInterrupt


def test_an_interrupt_leaves_the_operation_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """And says how one comes back to it."""
    output.current().quiet = False

    with pytest.raises(KeyboardInterrupt), Interrupted("http://127.0.0.1:9", "key") as client:
        watching.watch(client, "op-1")

    assert "byoc operations watch op-1" in capsys.readouterr().err

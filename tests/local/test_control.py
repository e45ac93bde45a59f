"""The emulator's own door."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_infra.errors import LocalCloudDown, NotFound, SpecError
from byoc_infra.local.control import Commands, ControlServer, call


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    """A served socket file."""
    commands = Commands()
    commands.add("add", lambda *, left, right: {"sum": left + right})
    commands.add("refuse", refuse)
    commands.add("stumble", lambda: {"never": 1 // 0})
    path = tmp_path / "control.sock"
    server = ControlServer(path, commands)
    server.start()
    yield path
    server.shutdown()
    server.server_close()


def refuse() -> dict[str, Any]:
    """Raise one of ours."""
    raise SpecError("cidr", wanted="a /16", got="a /30", next_step="Give a wider one.")


def test_a_command_answers_with_json(door: Path) -> None:
    """Arguments go by name."""
    assert call(door, "add", {"left": 1, "right": 2}) == {"sum": 3}


def test_our_errors_arrive_as_themselves(door: Path) -> None:
    """With field, wanted, got and next step."""
    with pytest.raises(SpecError, match=r"cidr: want a /16, got a /30\. Give a wider one\."):
        call(door, "refuse", {})


def test_an_unknown_command_says_which_there_are(door: Path) -> None:
    """By name."""
    with pytest.raises(NotFound, match=r"add \| refuse \| stumble"):
        call(door, "dance", {})


def test_a_stumble_is_an_answer_too(door: Path) -> None:
    """Nobody waits for ever."""
    with pytest.raises(NotFound, match="ZeroDivisionError"):
        call(door, "stumble", {})


def test_only_its_owner_may_use_it(door: Path) -> None:
    """It can stop the cloud and change passwords."""
    assert stat.S_IMODE(door.stat().st_mode) == 0o600


def test_nobody_behind_it_is_said_so(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(LocalCloudDown, match="byoc local up"):
        call(tmp_path / "control.sock", "add", {})

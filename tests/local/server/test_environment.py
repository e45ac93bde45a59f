"""The LangGraph server's environment is pinned, built once, and never half built."""

import fcntl
import re
import sys
import threading
from pathlib import Path

import pytest

from byoc_infra.engine.toolchain import cache_dir
from byoc_infra.errors import ToolMissing
from byoc_infra.local.server import environment
from byoc_infra.local.server.environment import (
    FINISHED,
    REQUIREMENTS,
    cache_directory,
    find,
    prepare,
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of a build, which are not run."""
    ran: list[list[str]] = []

    def run(command: list[str], _tell: object) -> None:
        ran.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir()

    monkeypatch.setattr(environment, "_run", run)
    return ran


def test_every_package_is_pinned_with_its_hashes_and_names_no_host() -> None:
    """What pip gets is what was tried."""
    text = REQUIREMENTS.read_text()
    packages = re.findall(r"^[a-z0-9._-]+(?:\[[a-z,]+\])?==\S+", text, re.MULTILINE)

    assert "langhost==0.11.1.post1" in packages
    assert len(re.findall(r"\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text)) == len(
        packages
    )
    assert "://" not in text


def test_a_finished_environment_is_used_as_it_is(steps: list[list[str]]) -> None:
    """The second call builds nothing."""
    first = prepare()
    built = len(steps)

    assert prepare() == first
    assert len(steps) == built == 2
    assert first.path.is_relative_to(cache_directory())
    assert "langhost==0.11.1.post1" in first.constraints.read_text().splitlines()


def test_a_build_that_was_killed_is_begun_anew(steps: list[list[str]]) -> None:
    """Only the marker counts."""
    left = prepare()
    (left.path / FINISHED).unlink()
    (left.path / "half").touch()

    prepare()
    assert len(steps) == 4
    assert not (left.path / "half").exists()


def test_a_silent_step_tells_seconds_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip links files for half a minute without a word."""
    monkeypatch.setattr(environment, "TOLD_EVERY_S", 0.02)
    told: list[str] = []

    environment._run([sys.executable, "-S", "-c", "import time; time.sleep(0.3)"], told.append)

    assert "  0 s, 0 lines" in told


def test_a_second_builder_waits_and_says_so(
    steps: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it finds the environment built."""
    monkeypatch.setattr(environment, "TOLD_EVERY_S", 0.02)
    key = environment._key(REQUIREMENTS)
    (cache_directory() / "server").mkdir()
    told: list[str] = []
    waiting = threading.Thread(target=prepare, args=(told.append,))
    with (cache_directory() / "server" / f"{key}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting.start()
        while not any("waiting since" in line for line in told):
            assert waiting.is_alive()
        built = environment.ServerEnvironment(cache_directory() / "server" / key)
        built.path.mkdir()
        (built.path / FINISHED).touch()
    waiting.join()

    assert "another process" in told[0]
    assert steps == []
    assert find() == built


def test_the_cache_is_where_the_other_tools_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine and scripts/setup.sh go by the same variables."""
    monkeypatch.delenv("BYOC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))

    assert cache_directory() == tmp_path / "xdg" / "byoc-infra" == cache_dir()


def test_packages_that_cannot_be_had_are_a_missing_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With pip's own words, and no marker."""
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(ToolMissing, match="LangGraph server environment"):
        prepare()
    assert list(cache_directory().rglob(FINISHED)) == []

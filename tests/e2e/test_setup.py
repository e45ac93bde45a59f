"""`scripts/setup.sh`: one cache for all clones, filled once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
LIMIT_S = 150
SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.sh"


class Clone:
    """A checkout with nothing in it but what the script reads; it pins no package."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "scripts").mkdir(parents=True)
        (place / "requirements").mkdir()
        shutil.copy(SCRIPT, place / "scripts")
        (place / "requirements" / "dev.txt").write_text("# nothing\n")

    def start(self, cache: Path) -> subprocess.Popen[str]:
        """Run the script."""
        return subprocess.Popen(
            ["sh", "scripts/setup.sh"],
            cwd=self.place,
            env={
                "PATH": os.environ["PATH"],
                "BYOC_CACHE_DIR": str(cache),
                "PYTHON": sys.executable,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def test_two_at_once_install_once(tmp_path: Path) -> None:
    """The second waits and says so; both are ready then, and a third time nothing is said."""
    clones = [Clone(tmp_path / name) for name in ("left", "right")]
    running = [clone.start(tmp_path / "cache") for clone in clones]
    said = [one.communicate(timeout=LIMIT_S)[0] for one in running]

    assert [one.returncode for one in running] == [0, 0], said
    assert sum("setup: installing the pinned packages" in words for words in said) == 1
    assert sum("setup: waiting for another process" in words for words in said) == 1
    assert all((clone.place / ".venv" / "bin" / "byoc").exists() for clone in clones)
    again = clones[0].start(tmp_path / "cache")
    assert (again.communicate(timeout=LIMIT_S)[0], again.returncode) == ("", 0)


def test_packages_that_cannot_be_had_end_it_with_pip_s_words(tmp_path: Path) -> None:
    """And the next run begins anew."""
    clone = Clone(tmp_path / "clone")
    (clone.place / "requirements" / "dev.txt").write_text("./nowhere --hash=sha256:00\n")
    run = clone.start(tmp_path / "cache")
    said = run.communicate(timeout=LIMIT_S)[0]

    assert run.returncode != 0
    assert "ERROR" in said
    assert not (clone.place / ".venv").exists()
    assert not list((tmp_path / "cache").rglob(".ready"))

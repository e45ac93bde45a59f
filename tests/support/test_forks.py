"""Tests in forked processes: what fails there fails here, and nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = "from tests.support.forks import pytest_addoption, pytest_runtestloop\n"
PASSES = "import os\ndef test_passes(): print('said')\n"
FAILS = "def test_fails(): print('what it said'); assert 'here' == 'there'\n"
HALF = """
import pytest
@pytest.fixture(scope="session")
def thing():
    yield
    assert False, "at the end"
def test_uses(thing): pass
"""
DIES = "import os\ndef test_dies(): os._exit(0)\n"


def ran(place: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """A run of these files' tests in two processes."""
    for name, text in {"conftest": CONFTEST, **files}.items():
        (place / f"{name}.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "--forks", "2", str(place)],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_failures_and_errors_are_told_as_if_it_were_one_process(tmp_path: Path) -> None:
    """With what the test printed, also where only the end of a session's fixture fails."""
    said = ran(tmp_path, test_a=PASSES, test_b=FAILS, test_c=PASSES, test_d=HALF)

    assert said.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 3 passed, 1 error in" in said.stdout
    assert "AssertionError: assert 'here' == 'there'" in said.stdout
    assert "what it said" in said.stdout
    assert "at the end" in said.stdout


def test_a_process_that_ends_before_its_tests_fails_the_run(tmp_path: Path) -> None:
    """Even where it ends as if all were well."""
    said = ran(tmp_path, test_a=PASSES, test_b=DIES)

    assert said.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "of 2 tests ended, and the workers: [0, 0]" in said.stdout + said.stderr

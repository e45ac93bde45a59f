"""The README's first use, run as it is written: line by line, in one shell."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from byoc_infra.local.cloud import LocalCloud
from byoc_infra.local.instances import NAME_VARIABLE, directory_of
from tests.support.markdown import blocks

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 500
NOT_HERS = ("AWS_", "PULUMI_", "BYOC_", "MAKE")
"""Variables of other stories and of `make test` that a reader's shell does not have."""


def test_the_readmes_first_use_is_true() -> None:
    """Every line of "With the control plane" succeeds, the graph answers, and nothing is left."""
    (script,) = (one for one in blocks(ROOT / "README.md", "console") if "byoc account" in one)
    name = f"readme-{os.getpid()}"
    env = {key: value for key, value in os.environ.items() if not key.startswith(NOT_HERS)}
    try:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            # set-up must find what is there: it would make the environment of this test anew
            env={**env, **_cache(), **_address(), NAME_VARIABLE: name, "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        left = LocalCloud.remove(name)

    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-3000:]
    assert "v1: 1 heard: hello" in ran.stdout
    assert left == 0
    assert not directory_of(name).exists()


def _cache() -> dict[str, str]:
    """The one thing of this test run's that a reader's second run has as well."""
    name = "BYOC_CACHE_DIR"
    return {name: os.environ[name]} if name in os.environ else {}


def _address() -> dict[str, str]:
    """A port that nobody has: others may run a control plane here as well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {"BYOC_PORT": str(port), "BYOC_URL": f"http://127.0.0.1:{port}"}

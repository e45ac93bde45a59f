"""The command, run in process, with what it says."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from byoc_infra.cli import output
from byoc_infra.cli.main import main


@dataclass(frozen=True)
class Said:
    """How a run of the command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        (line,) = self.out.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


Run = Callable[..., Said]
commands = functools.cache(typer.main.get_command)
"""Made once: a process runs one command, and a test runs several."""


@pytest.fixture
def byoc(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run `byoc …`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(output, "_current", output.Output())
    monkeypatch.setattr(typer.main, "get_command", commands)

    def run(*words: str) -> Said:
        code = main(words)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


DEPLOYMENT = """\
name: chat
aws_account_id: "222222222222"
region: eu-west-1
image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/agents:v1
secrets:
  API_TOKEN: null
  SHARED:
    arn: arn:aws:secretsmanager:eu-west-1:222222222222:secret:shared-AbCdEf
access:
  external_id: 3f1c7a52-external
"""
ACCOUNT = """\
aws_account_id: 222222222222
region: eu-west-1
vendor_principal_arn: arn:aws:iam::111111111111:user/control-plane
external_ids: [3f1c7a52-external]
redis_image: 222222222222.dkr.ecr.eu-west-1.amazonaws.com/byoc/redis@sha256:{digest}
repositories: [agents]
""".format(digest="a" * 64)


@pytest.fixture
def deployment_file(tmp_path: Path) -> Path:
    """A file that can work."""
    path = tmp_path / "deployment.yaml"
    path.write_text(DEPLOYMENT)
    return path


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    """A file that can work."""
    path = tmp_path / "account.yaml"
    path.write_text(ACCOUNT)
    return path

"""`pulumi up` by hand: the page's own lines, run in a clone with the real CLI.

The tests tell one story in order; each runs the next blocks of the page.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment
from byoc_infra.local.cloud import LocalCloud
from byoc_infra.local.instances import NAME_VARIABLE, directory_of
from byoc_infra.programs import AccountProgram, DeploymentProgram
from tests.e2e.stage import Stage
from tests.support.markdown import blocks

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "by-hand.md"
TAKEN = ("byoc_infra", "examples", "requirements", "scripts", "stacks", "Makefile", "Pulumi.yaml")
"""What a clone is, as far as the page's lines need it."""
LIMIT_S = 400
NOT_HIS = ("AWS_", "PULUMI_", "BYOC_LOCAL_", "MAKE")
SET_UP, ENVIRONMENT, ACCOUNT, AGAIN, DEPLOYMENT, FILLED, REMOVAL = range(7)
"""The page's console blocks, in order."""
OUTPUTS = "pulumi stack output --json\n"
KEPT = "environment.sh"
EXTERNAL_ID = "6f0f4c1e-6a3e-4a34-9b4b-0f6f4b7f2d11"
"""The page's."""


class Person:
    """Somebody with a clone and a shell, who does what the page says."""

    def __init__(self, clone: Path, name: str) -> None:
        self.clone, self.name = clone, name
        self.said: dict[int, str] = {}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(NOT_HIS)}
        self._env = {**kept, NAME_VARIABLE: name, "PYTHON": sys.executable}

    def begins(self) -> None:
        """The page's first two blocks; their environment is kept."""
        self._run(SET_UP, ENVIRONMENT, then=f"export -p > {KEPT}\n")

    def runs(self, *numbers: int, folder: str = ".", then: str = "") -> str:
        """These blocks in one shell, with the environment of the first two; what they said."""
        return self._run(*numbers, first=f". ./{KEPT}\ncd {folder}\n", then=then)

    def _run(self, *numbers: int, first: str = "", then: str = "") -> str:
        lines = blocks(PAGE, "console")
        script = first + "".join(lines[number] for number in numbers) + then
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.clone,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-5000:]
        return ran.stdout


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """With a fresh clone and a local cloud of their own."""
    clone = tmp_path_factory.mktemp("clone")
    for name in TAKEN:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, clone / name)
    name = f"by-hand-{os.getpid()}"
    try:
        yield Person(clone, name)
    finally:
        LocalCloud.remove(name)


@pytest.fixture(scope="module")
def own(person: Person, stage: Stage) -> Stage:
    """The engine, on that person's local cloud."""
    person.begins()
    return Stage(cloud=LocalCloud.attach(person.name), engine=stage.engine, external_id=EXTERNAL_ID)


def test_the_account_is_what_the_engine_makes(person: Person, own: Stage) -> None:
    """Of what was made by hand the engine has nothing to change, and it gives the same outputs."""
    said = person.runs(ACCOUNT, AGAIN, then=OUTPUTS)
    spec = own.account(network={"cidr": "10.60.0.0/16"})
    with own.work("customer").reach(spec, None) as reached:
        stack = reached.stack(accounts.PROJECT, "production", AccountProgram(spec))
        outcome = own.engine.up(stack, deadline_s=300).raise_for_failure()

    assert outcome.changes == ()
    assert outcome.outputs == _printed(said)
    assert "warning" not in said


def test_the_deployment_is_what_the_engine_makes(person: Person, own: Stage) -> None:
    """It was refused in one line while its secret had no value, and answers now."""
    said = person.runs(DEPLOYMENT, FILLED, then=OUTPUTS)
    outputs = _printed(said)
    spec = own.deployment(
        "chat",
        str(outputs["image"]),
        secrets={"API_TOKEN": None},
        environment={"CHAT_THINKING_S": "0.1"},
    )
    with own.work("customer").reach(spec, None) as reached:
        stack = reached.stack(deployment.PROJECT, "chat", DeploymentProgram(spec))
        outcome = own.engine.up(stack, deadline_s=300).raise_for_failure()

    assert outcome.changes == ()
    assert outcome.outputs == outputs
    assert "error: SECRET_WITHOUT_VALUE: secrets.API_TOKEN: want" in said
    assert "Traceback" not in said
    assert "a-token" not in said
    assert "v1: 1 heard: hello" in said


def test_removal_leaves_nothing(person: Person, own: Stage) -> None:
    """Both stacks are destroyed, then the local cloud is taken down."""
    said = person.runs(REMOVAL, folder="stacks/deployment")

    assert said.count("the history and configuration removed") == 2
    assert not directory_of(person.name).exists()


def _printed(said: str) -> dict[str, Any]:
    """The outputs that the last command printed."""
    outputs: dict[str, Any] = json.loads(said[said.rindex("\n{\n") :])
    return outputs

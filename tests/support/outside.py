"""An evaluator of IAM policies that is not ours: `@cloud-copilot/iam-simulate`, run by Node.

Installed once, from the lock file in `HERE`, into the cache; one process takes all cases. It is a
tool of the tests under a licence of its own (AGPL) and no part of what is shipped.
"""

import atexit
import fcntl
import hashlib
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from byoc_infra.local.server.environment import cache_directory

__all__ = ["Case", "installed", "judged_outside"]

HERE = Path(__file__).parent.parent / "local" / "authorizer" / "outside"
FILES = ("package.json", "package-lock.json", "evaluate.mjs")
NEEDED = "`make test` compares verdicts with an evaluator that runs on Node.js 20 or newer"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question, with every policy that has a say."""

    principal: str
    """A user's or session's ARN."""
    action: str
    resource: str
    account: str
    """The resource's."""
    context: Mapping[str, str | Sequence[str]]
    sets: Mapping[str, Sequence[Mapping[str, Any]]]
    """`identity`, `boundary`, `session`, `resource` → policy documents."""
    role: str | None = None
    """The ARN of the role behind a session."""

    @property
    def digest(self) -> str:
        """Names the case by all that it holds."""
        text = json.dumps(vars(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def judged_outside(cases: Sequence[Case]) -> list[str]:
    """What the evaluator says of each: `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`."""
    return _running().judge(cases)


class _Evaluator:
    """One process of it: a case a line in, a word a line out."""

    def __init__(self, home: Path) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [_program("node"), "evaluate.mjs"],
            cwd=home,
            env={"TZ": "UTC", "PATH": str(Path(_program("node")).parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def judge(self, cases: Sequence[Case]) -> list[str]:
        """The word for each case."""
        # It answers while it is still being asked, and neither side may wait for the other.
        asking = threading.Thread(target=self._ask, args=(cases,))
        asking.start()
        answers = [self._answers.readline().rstrip("\n") for _ in cases]
        asking.join()
        if "" in answers:
            self._said.seek(0)
            raise RuntimeError(f"the outside evaluator failed: {self._said.read()[-2000:]}")
        return answers

    def end(self) -> None:
        """Let it end: it does when there is nothing more to read."""
        self._process.communicate()
        self._said.close()

    def _ask(self, cases: Sequence[Case]) -> None:
        with suppress(BrokenPipeError):
            for case in cases:
                self._questions.write(json.dumps(vars(case)) + "\n")
            self._questions.flush()

    @property
    def _questions(self) -> IO[str]:
        return cast("IO[str]", self._process.stdin)

    @property
    def _answers(self) -> IO[str]:
        return cast("IO[str]", self._process.stdout)


@cache
def _running() -> _Evaluator:
    """Started at first use, for as long as the tests run."""
    evaluator = _Evaluator(installed())
    atexit.register(evaluator.end)
    return evaluator


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{NEEDED}; {name} is not on PATH. Install Node.js, with npm.")
    return found


def installed() -> Path:
    """The folder that it runs in, made at first use; `RuntimeError` where Node.js is missing."""
    _program("node")
    text = b"".join((HERE / name).read_bytes() for name in FILES)
    cache = cache_directory() / "outside-evaluator"
    home = cache / hashlib.sha256(text).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(cache / "lock"):
        if not home.exists():
            making = home.with_name(home.name + ".new")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            for name in FILES:
                shutil.copy(HERE / name, making / name)
            _install(making)
            making.rename(home)
    return home


def _install(directory: Path) -> None:
    done = subprocess.run(
        [_program("npm"), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise RuntimeError(f"{NEEDED}; npm could not install it: {said}")


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

"""One run of one stack on a warm worker: environment, work directory, deadline, lock."""

import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_infra.engine.events import EngineEvent
from byoc_infra.engine.failure import state_was_lost
from byoc_infra.engine.history import absent
from byoc_infra.engine.journal import Journal
from byoc_infra.engine.messages import Job, Report
from byoc_infra.engine.outcome import Kind, StackRef
from byoc_infra.engine.toolchain import Toolchain
from byoc_infra.engine.workers import Stop, WorkerLostError, WorkerPool, clean_environment
from byoc_infra.errors import (
    ByocError,
    DeadlineExceeded,
    EngineFailed,
    ProviderDied,
    SpecError,
)

__all__ = ["Run", "Runner", "run_environment"]

BRINGS_STACKS = ("up", "preview")
"""What makes the stack where there is none."""
DEFAULTS = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # Stack settings live in a work directory of one run: take the salt from the state.
    "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    # Each save would keep a copy that nothing ever prunes.
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
}


class Runner:
    """What all runs of an engine share, and which of them are under way."""

    def __init__(self, toolchain: Toolchain, workers: WorkerPool, *, grace_s: float) -> None:
        self.toolchain = toolchain
        self.workers = workers
        self.grace_s = grace_s
        self._under_way: dict[tuple[str, str, str], Stop] = {}

    def stop(self, stack: StackRef) -> bool:
        """Ask the run of that stack to stop; it still reports to whoever started it."""
        event = self._under_way.get(_key(stack))
        if event is None:
            return False
        event.set()
        return True

    def stop_all(self, *, grace_s: float | None = None, at_once: bool = False) -> bool:
        """Stop whatever is under way; False if nothing is."""
        events = list(self._under_way.values())
        for event in events:
            event.grace_s, event.at_once = grace_s, event.at_once or at_once
            event.set()
        return bool(events)

    @contextmanager
    def watched(self, stack: StackRef) -> Iterator[Stop]:
        """The event that stops the run inside."""
        stop = self._under_way.setdefault(_key(stack), Stop())
        try:
            yield stop
        finally:
            self._under_way.pop(_key(stack), None)


@dataclass(kw_only=True)
class Run:
    """Calling it runs it; then `failure` says what went wrong around the engine itself."""

    runner: Runner
    kind: Kind
    stack: StackRef
    on_event: Callable[[EngineEvent], None]
    deadline_s: float
    journal: Journal | None
    work_root: Path
    lock: Journal | None = None
    """Holds the stack's lock where the run itself keeps no journal."""
    failure: ByocError | None = field(default=None, init=False)
    duration_s: float = field(default=0.0, init=False)

    def __call__(self, **given: Any) -> Report | None:  # noqa: ANN401  # fields of a Job
        """The worker's report, or None when the worker was lost."""
        self.failure = None
        started = time.monotonic()
        held = self.journal or self.lock
        with self._work_dir() as work, self.runner.watched(self.stack) as stop:
            job = self._job(work, holds_lock=held is not None, **given)
            try:
                with self.runner.workers.worker() as worker:
                    if self.journal is not None:
                        self.journal.begin(self.kind, worker.pid)
                    report = worker.run(
                        job,
                        lock_handle=held.lock_handle if held else None,
                        on_event=self.on_event,
                        deadline_s=self.deadline_s,
                        stop=stop,
                    )
            except WorkerLostError as lost:
                self.failure = self._lost(lost, time.monotonic() - started, stop)
                return None
            finally:
                self.duration_s += time.monotonic() - started
        self._judge(report, stop)
        return report

    def _judge(self, report: Report, stop: Stop) -> None:
        lost = not report.ok and state_was_lost(report)
        if self.journal is not None and not lost and not self.journal.unanswered():
            self.journal.close()
        if not report.ok and report.interrupted:
            self.failure = self._stopped(stop)

    def _lost(self, lost: WorkerLostError, spent_s: float, stop: Stop) -> ByocError:
        if stop.is_set() or spent_s >= self.deadline_s:
            return self._stopped(stop)
        return ProviderDied(
            "engine",
            wanted="a worker that lives to the end of the run",
            got=str(lost),
            next_step="Run it again: what was made is found by its name and taken over.",
        )

    def _stopped(self, stop: Stop) -> ByocError:
        if stop.is_set():
            return EngineFailed(
                "stack",
                wanted=f"{self.kind} to run to its end",
                got="it was cancelled",
                next_step="Run it again: it goes on where it stopped.",
            )
        return DeadlineExceeded(
            "deadline_s",
            wanted=f"{self.kind} within {self.deadline_s:g} s",
            got=f"{self.duration_s:.0f} s and not at its end",
            next_step="Run it again with more time: it goes on where it stopped.",
        )

    def _job(self, work: Path, *, holds_lock: bool, **given: Any) -> Job:  # noqa: ANN401
        return Job(
            kind=self.kind,
            project=self.stack.project,
            stack=self.stack.name,
            program=_pickled(self.stack.program),
            env=run_environment(self.stack),
            config=dict(self.stack.config),
            new=self.kind in BRINGS_STACKS and absent(self.stack),
            secrets_provider=self.stack.secrets_provider,
            cli=str(self.runner.toolchain.path),
            cli_version=self.runner.toolchain.version,
            work_dir=str(work),
            journal=str(self.journal.path) if self.journal else None,
            grace_s=self.runner.grace_s,
            holds_lock=holds_lock,
            **given,
        )

    @contextmanager
    def _work_dir(self) -> Iterator[Path]:
        self.work_root.mkdir(parents=True, exist_ok=True, mode=0o700)
        work = Path(tempfile.mkdtemp(dir=self.work_root))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def run_environment(stack: StackRef) -> Mapping[str, str]:
    """Everything a run sees: `AWS_*` and `PULUMI_*` come from the stack alone."""
    return {
        **clean_environment(),
        **DEFAULTS,
        **stack.env,
        "PULUMI_BACKEND_URL": stack.backend_url,
    }


def _pickled(program: Callable[[], None]) -> bytes:
    try:
        pickled = pickle.dumps(program)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise _not_portable(str(error)) from error
    if b"__main__" in pickled:
        raise _not_portable("one that lives in the script that was started")
    return pickled


def _not_portable(got: str) -> SpecError:
    return SpecError(
        "program",
        wanted="a picklable callable from an importable module",
        got=got,
        next_step="Move the program into a module; it runs in another process.",
    )


def _key(stack: StackRef) -> tuple[str, str, str]:
    return stack.backend_url, stack.project, stack.name

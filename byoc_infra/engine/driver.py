"""The engine as everybody else sees it: a stack goes in, an Outcome comes out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from byoc_infra.engine import recovery
from byoc_infra.engine.events import EngineEvent
from byoc_infra.engine.failure import classify, no_stack
from byoc_infra.engine.history import absent, forget, prune, recorded
from byoc_infra.engine.journal import Journal, default_state_dir
from byoc_infra.engine.locks import lock_owners
from byoc_infra.engine.messages import Report
from byoc_infra.engine.outcome import Kind, Outcome, Planned, StackRef
from byoc_infra.engine.run import Run, Runner
from byoc_infra.engine.toolchain import Toolchain
from byoc_infra.engine.workers import WorkerPool
from byoc_infra.errors import ByocError, EngineFailed, StackBusy

__all__ = ["Engine"]

OnEvent = Callable[[EngineEvent], None]
Find = Callable[[Planned], str | None]
DEADLINE_S = 3600.0


class Engine:
    """Runs stacks. One writer per stack: a second run of the same stack is `StackBusy`."""

    def __init__(
        self,
        toolchain: Toolchain,
        workers: WorkerPool,
        *,
        state_dir: Path | None = None,
        grace_s: float = 60.0,
    ) -> None:
        """`state_dir` keeps locks and journals; `grace_s` is what a stopped run gets to finish."""
        self._runner = Runner(toolchain, workers, grace_s=grace_s)
        self._state_dir = state_dir
        self._grace_s = grace_s

    def up(
        self,
        stack: StackRef,
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
        target: Sequence[str] | None = None,
        find: Find | None = None,
    ) -> Outcome:
        """Make the stack what its program says; with `find`, recover a killed run first.

        A target is a URN (wildcards allowed) or a type token, which means all of that type.
        """
        return self._write("up", stack, on_event, deadline_s, targets=_urns(target), find=find)

    def preview(
        self,
        stack: StackRef,
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
        target: Sequence[str] | None = None,
    ) -> Outcome:
        """What `up` would do, without doing or keeping anything."""
        return self._read("preview", stack, on_event, deadline_s, targets=_urns(target))

    def refresh(
        self,
        stack: StackRef,
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
        target: Sequence[str] | None = None,
    ) -> Outcome:
        """Make the state what the account says."""
        return self._write("refresh", stack, on_event, deadline_s, targets=_urns(target))

    def destroy(
        self,
        stack: StackRef,
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
        target: Sequence[str] | None = None,
        find: Find | None = None,
        remove: bool = True,
    ) -> Outcome:
        """Delete what the stack holds; `remove` also forgets the empty stack."""
        return self._write(
            "destroy", stack, on_event, deadline_s, targets=_urns(target), find=find, remove=remove
        )

    def outputs(self, stack: StackRef, *, deadline_s: float = 120.0) -> Outcome:
        """What the last `up` exported; secret values read `[secret]`."""
        return self._read("outputs", stack, None, deadline_s)

    def export(self, stack: StackRef, *, deadline_s: float = 120.0) -> Outcome:
        """The stack's deployment as `Outcome.state`; secrets in it stay encrypted."""
        known = recorded(stack)
        if known is not None:
            return Outcome(kind="export", ok=True, state=known)
        if absent(stack):
            return Outcome(kind="export", ok=False, failure=no_stack(stack.name))
        return self._read("export", stack, None, deadline_s)

    def import_(
        self,
        stack: StackRef,
        ids: Mapping[str, str],
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Outcome:
        """Take over existing objects that the program names: URN → the provider's id."""
        return self._exclusive(
            "import",
            stack,
            lambda held: recovery.import_by_id(self._steps(stack, held, on_event, deadline_s), ids),
        )

    def recover(
        self,
        stack: StackRef,
        find: Find,
        *,
        on_event: OnEvent | None = None,
        deadline_s: float = DEADLINE_S,
        alone: bool = False,
    ) -> Outcome:
        """Clean up after a killed run; nothing to do costs no CLI where the state can be read.

        A lock is cleared only where its owner is proven dead. What the killed run had begun to
        create is looked for with `find` and taken over under its logical name.

        `alone` is the caller's word, on proof of its own, that the last run did not end cleanly
        and that nothing of it lives, on whatever host it was: then every lock is cleared, and all
        that the program would create is looked for, as that host's notes cannot be read.
        """
        return self._exclusive(
            "recover",
            stack,
            lambda held: recovery.recover(
                self._steps(stack, held, on_event, deadline_s, alone=alone),
                held,
                find,
                thorough=alone,
            ),
        )

    def settled(self, stack: StackRef) -> bool:
        """Whether the last run on this host ended so that a next one needs no recovery."""
        return not self._journal(stack).present() and not recovery.state_has_pending(stack)

    def cancel(self, stack: StackRef) -> bool:
        """Stop the run that this engine has under way on the stack; False if there is none."""
        return self._runner.stop(stack)

    def stop(self, *, grace_s: float | None = None) -> bool:
        """SIGINT to every run under way, SIGKILL after the grace; False if there is none."""
        return self._runner.stop_all(grace_s=grace_s)

    def kill(self) -> bool:
        """SIGKILL to all of every run under way, now; False if there is none."""
        return self._runner.stop_all(at_once=True)

    def _read(
        self,
        kind: Kind,
        stack: StackRef,
        on_event: OnEvent | None,
        deadline_s: float,
        *,
        targets: tuple[str, ...] = (),
    ) -> Outcome:
        run = self._run(kind, stack, on_event, deadline_s)
        try:
            return self._outcome(kind, stack, run(targets=targets), run)
        except ByocError as failure:
            return Outcome(kind=kind, ok=False, failure=failure)

    def _write(
        self,
        kind: Kind,
        stack: StackRef,
        on_event: OnEvent | None,
        deadline_s: float,
        *,
        targets: tuple[str, ...] = (),
        find: Find | None = None,
        remove: bool = False,
    ) -> Outcome:
        def write(held: Journal) -> Outcome:
            if find is not None:
                steps = self._steps(stack, held, on_event, deadline_s)
                recovered = recovery.recover(steps, held, find)
                if not recovered.ok:
                    return recovered
            elif held.unanswered() or recovery.state_has_pending(stack):
                return Outcome(kind=kind, ok=False, failure=_needs_recovery(stack))
            run = self._run(kind, stack, on_event, deadline_s, held)
            report = run(targets=targets, remove=remove)
            if self._dead_lock(report) and not self._pending(stack, deadline_s):
                self._run("unlock", stack, None, deadline_s, held)()
                report = run(targets=targets, remove=remove)
            if report is not None and report.ok:
                forget(stack) if remove else prune(stack)
            return self._outcome(kind, stack, report, run)

        return self._exclusive(kind, stack, write)

    def _exclusive(
        self, kind: Kind, stack: StackRef, work: Callable[[Journal], Outcome]
    ) -> Outcome:
        held = self._journal(stack)
        started = time.monotonic()
        if not held.acquire(wait_s=self._grace_s + 15.0):
            return Outcome(kind=kind, ok=False, failure=_busy(stack))
        try:
            outcome = work(held)
            return replace(outcome, duration_s=outcome.duration_s or time.monotonic() - started)
        except ByocError as failure:
            spent = time.monotonic() - started
            return Outcome(kind=kind, ok=False, failure=failure, duration_s=spent)
        finally:
            held.release()

    def _run(
        self,
        kind: Kind,
        stack: StackRef,
        on_event: OnEvent | None,
        deadline_s: float,
        held: Journal | None = None,
    ) -> Run:
        return Run(
            runner=self._runner,
            kind=kind,
            stack=stack,
            on_event=on_event or _ignore,
            deadline_s=deadline_s,
            journal=held,
            work_root=self._dir(stack) / "work",
        )

    def _steps(
        self,
        stack: StackRef,
        held: Journal,
        on_event: OnEvent | None,
        deadline_s: float,
        *,
        alone: bool = False,
    ) -> recovery.Steps:
        def step(kind: Kind, **given: Any) -> Report:  # noqa: ANN401  # fields of a Job
            # No journal: recovery is not a run that itself must be remembered.
            run = self._run(kind, stack, on_event, deadline_s, None)
            run.lock = held
            report = run(**given)
            if self._dead_lock(report, alone=alone):
                unlock = self._run("unlock", stack, None, deadline_s)
                unlock.lock = held
                unlock()
                report = run(**given)
            if report is None or not report.ok:
                raise run.failure or classify(report or Report(ok=False), stack=stack.name)
            return report

        return recovery.Steps(stack=stack, step=step, tell=on_event or _ignore)

    def _dead_lock(self, report: Report | None, *, alone: bool = False) -> bool:
        if report is None or report.ok:
            return False
        owners = lock_owners(report.said)
        return bool(owners) and (alone or all(owner.gone() for owner in owners))

    def _pending(self, stack: StackRef, deadline_s: float) -> bool:
        return recovery.has_pending(self._run("export", stack, None, deadline_s)())

    def _outcome(self, kind: Kind, stack: StackRef, report: Report | None, run: Run) -> Outcome:
        if report is None:
            return Outcome(kind=kind, ok=False, failure=run.failure, duration_s=run.duration_s)
        failure = None
        if not report.ok:
            failure = run.failure or classify(report, stack=stack.name)
        return Outcome(
            kind=kind,
            ok=report.ok,
            changes=report.changes,
            outputs=report.outputs,
            state=report.state,
            duration_s=run.duration_s,
            failure=failure,
            messages=tuple(d.message for d in report.diagnostics),
        )

    def _journal(self, stack: StackRef) -> Journal:
        return Journal(
            self._dir(stack), backend_url=stack.backend_url, project=stack.project, name=stack.name
        )

    def _dir(self, stack: StackRef) -> Path:
        return self._state_dir or default_state_dir(stack.backend_url)


def _urns(target: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(t if t.startswith(("urn:", "*")) else f"**{t}::**" for t in target or ())


def _busy(stack: StackRef) -> StackBusy:
    return StackBusy(
        "stack",
        wanted=f"{stack.project}/{stack.name} to be free",
        got="another run on this host holds it",
        next_step="Wait for that run to end, then run this again.",
    )


def _needs_recovery(stack: StackRef) -> EngineFailed:
    return EngineFailed(
        "stack",
        wanted=f"{stack.project}/{stack.name} without unfinished creates",
        got="a killed run left creates that nobody saw answered",
        next_step="Run `recover` first: it finds what was made, so that nothing is made twice.",
    )


def _ignore(event: EngineEvent) -> None:
    """Nobody asked for progress."""

"""One run, inside the worker: the Automation API's calls, and no more of them than needed."""

import dataclasses
import json
import pickle
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from pulumi.automation import LocalWorkspace, Stack, UpdateSummary
from pulumi.automation import _server as inline_server
from pulumi.automation.errors import CommandError, StackAlreadyExistsError, StackNotFoundError
from pulumi.errors import RunError
from pulumi.runtime.stack import run_in_stack

from byoc_infra.engine import journal
from byoc_infra.engine.cli import Cli
from byoc_infra.engine.events import Diagnostic, EngineEvent, PlannedCreate, Recorder
from byoc_infra.engine.failure import answer_was_lost
from byoc_infra.engine.messages import Job, Report
from byoc_infra.engine.scrub import Scrubber
from byoc_infra.errors import ByocError

__all__ = ["finished", "perform"]

SAID_CHARS = 6000
Tell = Callable[[EngineEvent], None]


class _Stack(Stack):
    """A stack that is not asked whether it exists, nor for what the events already told.

    The stock one spawns a CLI to select, two for the outputs and one or two for the summary.
    """

    def __init__(self, name: str, workspace: LocalWorkspace) -> None:
        self.name = name
        self.workspace = workspace

    def outputs(self) -> dict[str, Any]:
        """Not asked: the root resource's event has them."""
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:  # noqa: ARG002, FBT001, FBT002
        """Not asked: the events have it."""
        now = datetime.now(UTC)
        return UpdateSummary("", now, "", {}, {}, "succeeded")


class _Program:
    """The caller's program, with what it raised kept as it was."""

    def __init__(self, pickled: bytes, scrub: Scrubber) -> None:
        self._pickled = pickled
        self._scrub = scrub
        self.error: ByocError | None = None
        self.failure = ""

    def __call__(self) -> Awaitable[None] | None:
        program: Callable[[], Awaitable[None] | None] = pickle.loads(self._pickled)  # noqa: S301  # from our own caller, over a socketpair
        return program()

    async def guarded(self, function: Callable[[], Any]) -> None:
        """Stands in for the SDK's own: it puts exception and traceback into the diagnostics."""
        try:
            await run_in_stack(function)
        except Exception as error:
            if inner := _byoc_cause(error):
                self.error = self.error or inner
                raise RunError(f"{inner.code}: {inner.field}") from None
            if isinstance(error, RunError) or _is_rpc_error(error):
                raise
            self.failure = self._scrub(f"{type(error).__name__}: {error}")
            raise RunError(self.failure) from None


def perform(job: Job, cli: Cli, tell: Tell) -> Report:
    """Do the job; nothing is raised, everything is in the report."""
    scrub = Scrubber(job.env)
    program = _Program(job.program, scrub)
    recorder = Recorder(tell=tell, scrub=scrub)
    if job.journal:
        _keep_journal(recorder, Path(job.journal))
    said, result = "", None
    try:
        result = _ACTIONS[job.kind](_open(job, cli, program), job, recorder)
    except CommandError as error:
        said = scrub(_stderr(error))[-SAID_CHARS:]
    except Exception as error:  # noqa: BLE001  # the caller must hear of it, whatever it is
        said = scrub(f"{type(error).__name__}: {error}")
    if job.journal:
        _settle(recorder, Path(job.journal), killed=cli.killed)
    return Report(
        ok=result is not None,
        changes=recorder.changes,
        planned=tuple(recorder.planned.values()),
        outputs=(result or {}).get("outputs", recorder.outputs),
        state=(result or {}).get("state"),
        diagnostics=tuple(recorder.diagnostics),
        said=said,
        program_error=program.error,
        program_failure=program.failure,
        interrupted=cli.interrupted,
        killed=cli.killed,
    )


def finished(report: Report, *, duration_s: float, rss_bytes: int) -> Report:
    """The report with what is known only after the run."""
    return dataclasses.replace(report, duration_s=duration_s, rss_bytes=rss_bytes)


def _open(job: Job, cli: Cli, program: _Program) -> _Stack:
    """Project and config as files: each `config set` would be a CLI of its own."""
    # The one place through which every exception of an inline program comes.
    vars(inline_server)["run_in_stack"] = program.guarded
    work = Path(job.work_dir)
    work.mkdir(parents=True, exist_ok=True)
    (work / "Pulumi.yaml").write_text(yaml.safe_dump({"name": job.project, "runtime": "python"}))
    config: dict[str, Any] = {"config": {_key(job, k): v for k, v in job.config.items()}}
    if job.secrets_provider:
        config["secretsprovider"] = job.secrets_provider
    (work / f"Pulumi.{job.stack}.yaml").write_text(yaml.safe_dump(config))
    workspace = LocalWorkspace(
        work_dir=str(work),
        program=program,
        secrets_provider=job.secrets_provider,
        pulumi_command=cli,
    )
    return _Stack(job.stack, workspace)


def _key(job: Job, name: str) -> str:
    return name if ":" in name else f"{job.project}:{name}"


def _up(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:
    def run() -> None:
        stack.up(
            on_event=recorder,
            on_output=_drop,
            color="never",
            suppress_progress=True,
            target=list(job.targets) or None,
        )

    if job.new:
        _create(stack)
    try:
        run()
    except StackNotFoundError:
        _create(stack)
        run()
    return {}


def _preview(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:
    def run() -> None:
        stack.preview(
            on_event=recorder,
            on_output=_drop,
            color="never",
            suppress_progress=True,
            target=list(job.targets) or None,
        )

    made = job.new and _create(stack)
    try:
        try:
            run()
        except StackNotFoundError:
            made = _create(stack)
            run()
    finally:
        if made:
            # A preview leaves nothing behind, not even an empty stack.
            stack.workspace.remove_stack(stack.name)
    return {}


def _refresh(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:
    stack.refresh(
        on_event=recorder,
        on_output=_drop,
        color="never",
        suppress_progress=True,
        target=list(job.targets) or None,
    )
    return {}


def _destroy(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:
    try:
        stack.destroy(
            on_event=recorder,
            on_output=_drop,
            color="never",
            suppress_progress=True,
            target=list(job.targets) or None,
        )
    except StackNotFoundError:
        return {}
    if job.remove and not job.targets:
        stack.workspace.remove_stack(stack.name)
    return {"outputs": {}}


def _outputs(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:  # noqa: ARG001
    return {"outputs": json.loads(_command(stack, "stack", "output", "--json"))}


def _export(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:  # noqa: ARG001
    return {"state": json.loads(_command(stack, "stack", "export"))}


def _import(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:  # noqa: ARG001
    file = Path(job.work_dir) / "state.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(job.state))
    try:
        _command(stack, "stack", "import", "--file", str(file))
    except StackNotFoundError:
        _create(stack)
        _command(stack, "stack", "import", "--file", str(file))
    finally:
        file.unlink()
    return {}


def _unlock(stack: _Stack, job: Job, recorder: Recorder) -> dict[str, Any]:  # noqa: ARG001
    stack.cancel()
    return {}


_ACTIONS: dict[str, Callable[[_Stack, Job, Recorder], dict[str, Any]]] = {
    "up": _up,
    "preview": _preview,
    "refresh": _refresh,
    "destroy": _destroy,
    "outputs": _outputs,
    "export": _export,
    "import": _import,
    "unlock": _unlock,
}


def _create(stack: _Stack) -> bool:
    """True when it is ours: somebody may have been quicker."""
    try:
        stack.workspace.create_stack(stack.name)
    except StackAlreadyExistsError:
        return False
    return True


def _command(stack: _Stack, *words: str) -> str:
    workspace = stack.workspace
    args = [*words, "--stack", stack.name]
    return workspace.pulumi_command.run(args, workspace.work_dir, {}).stdout


def _drop(line: str) -> None:
    """The display is not kept: the events say the same as data."""


def _keep_journal(recorder: Recorder, path: Path) -> None:
    def begun(create: PlannedCreate) -> None:
        journal.note(path, {"begun": dataclasses.asdict(create)})

    recorder.begun = begun
    recorder.answered = lambda urn: journal.note(path, {"answered": urn})


def _settle(recorder: Recorder, path: Path, *, killed: bool) -> None:
    """A create that failed by the provider's own word made nothing that is not in the state."""
    for urn in sorted(recorder.failed):
        said = [d.message for d in recorder.diagnostics if _about(d, urn)]
        if not killed and said and not any(answer_was_lost(text) for text in said):
            journal.note(path, {"answered": urn})


def _about(diagnostic: Diagnostic, urn: str) -> bool:
    return diagnostic.urn == urn


def _stderr(error: CommandError) -> str:
    """The CLI's complaint; its display says nothing that the events do not."""
    display, _, complaint = str(error).partition("\n stderr: ")
    return complaint.strip() or display


def _byoc_cause(error: BaseException) -> ByocError | None:
    """The first of ours among an error and all that led to it, which may run in a circle."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, ByocError):
            return one
        seen.add(id(one))
        led = (one.__cause__, one.__context__)
        waiting += [cause for cause in led if cause is not None and id(cause) not in seen]
    return None


def _is_rpc_error(error: Exception) -> bool:
    import grpc  # noqa: PLC0415  # only where it is already loaded

    return isinstance(error, grpc.RpcError)

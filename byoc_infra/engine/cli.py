"""Runs the Pulumi CLI for the Automation API: exact environment, known process, one signal."""

import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from pulumi.automation import CommandResult, OnOutput, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

__all__ = ["Cli"]

KEPT_LINES = 2000


class Cli(PulumiCommand):
    """The Automation API's command, made stoppable.

    The stock one inherits the caller's environment and hides the process it starts, so that
    nobody can signal it.
    """

    def __init__(self, path: str, version: str, env: Mapping[str, str]) -> None:
        self.command = path
        self.version = VersionInfo.parse(version.removeprefix("v"))
        self._env = dict(env)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.interrupted = False
        self.killed = False
        """True once a CLI of this run ended by a signal that nobody can handle."""

    def interrupt(self) -> None:
        """SIGINT, once: the engine finishes what is in flight, saves and unlocks."""
        with self._lock:
            if self.interrupted:
                return
            self.interrupted = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGINT)

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run one command to its end; a failed one raises as the Automation API's does."""
        env = {**self._env, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        command = [self.command, "--non-interactive", *args]
        with self._lock:
            if self.interrupted:
                raise create_command_error(CommandResult("", "interrupted before it started", 130))
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
            self._process = process
        result = _finish(process, on_output, on_error)
        self._process = None
        if result.code != 0:
            self.killed = self.killed or result.code == -signal.SIGKILL
            raise create_command_error(result)
        return result


def _finish(
    process: subprocess.Popen[str], on_output: OnOutput | None, on_error: OnOutput | None
) -> CommandResult:
    # The whole of stdout is an answer (`export`); of a long run's progress the end is enough.
    limit = None if on_output is None else KEPT_LINES
    out: deque[str] = deque(maxlen=limit)
    err: deque[str] = deque(maxlen=KEPT_LINES)
    reader = threading.Thread(target=_drain, args=(process.stderr, on_error, err), daemon=True)
    reader.start()
    _drain(process.stdout, on_output, out)
    reader.join()
    code = process.wait()
    return CommandResult("\n".join(out), "\n".join(err), code)


def _drain(stream: IO[str] | None, callback: OnOutput | None, lines: deque[str]) -> None:
    if stream is None:
        return
    with stream:
        for line in stream:
            lines.append(line.rstrip())
            if callback:
                callback(line.rstrip())

"""What passes between the caller and a worker process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.engine.events import Diagnostic, PlannedCreate
from byoc_infra.engine.outcome import Change, Kind
from byoc_infra.errors import ByocError

__all__ = ["Interrupt", "Job", "Report"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run for a worker."""

    kind: Kind
    project: str
    stack: str
    program: bytes = field(repr=False)
    """The pickled program; it is unpickled once the run's environment stands."""
    env: Mapping[str, str] = field(repr=False)
    """The whole environment of the run."""
    config: Mapping[str, str]
    secrets_provider: str | None
    cli: str
    cli_version: str
    work_dir: str
    new: bool = False
    """True when there is no such stack yet, by the backend's records."""
    targets: tuple[str, ...] = ()
    state: Mapping[str, Any] | None = field(default=None, repr=False)
    """A deployment to put in place (`import`)."""
    journal: str | None = None
    remove: bool = False
    grace_s: float = 60.0
    holds_lock: bool = False
    """True when the stack's lock follows this message as a file descriptor."""


@dataclass(frozen=True, kw_only=True)
class Interrupt:
    """Let the engine finish what is in flight, save and stop."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a worker saw of a run; failure in words is made of it by the caller."""

    ok: bool
    changes: tuple[Change, ...] = ()
    planned: tuple[PlannedCreate, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] | None = field(default=None, repr=False)
    diagnostics: tuple[Diagnostic, ...] = ()
    said: str = ""
    """The end of what the CLI said on stderr, or the text of an unexpected exception."""
    program_error: ByocError | None = None
    program_failure: str = ""
    interrupted: bool = False
    killed: bool = False
    """True when the CLI itself was ended by SIGKILL (out of memory, an operator)."""
    duration_s: float = 0.0
    rss_bytes: int = 0

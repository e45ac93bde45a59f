"""What came of a run: data, so that whoever drives it handles no exceptions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from byoc_infra.errors import ByocError

__all__ = ["Change", "Kind", "Outcome", "Planned", "StackRef"]

Kind = Literal[
    "up", "preview", "refresh", "destroy", "outputs", "export", "import", "recover", "unlock"
]


@dataclass(frozen=True, kw_only=True)
class StackRef:
    """One stack, and all that a run of it needs.

    `env` is the whole truth for `AWS_*` and `PULUMI_*`: those of the caller's own process never
    reach the run. `program` must be picklable, because it runs in another process.
    """

    project: str
    name: str
    program: Callable[[], None]
    backend_url: str = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    config: Mapping[str, str]
    secrets_provider: str | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one resource: create, update, replace, delete, import and the like."""

    urn: str
    type: str
    name: str
    op: str
    diff_keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An object that the program wants, by what it would be created with."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    kind: Kind
    ok: bool
    changes: tuple[Change, ...] = ()
    """Every resource that was (or would be) touched; providers and components count too."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """The program's outputs; a secret one reads `[secret]`."""
    state: Mapping[str, Any] | None = field(default=None, repr=False)
    """The stack's deployment, where it was asked for; never to be logged."""
    duration_s: float = 0.0
    failure: ByocError | None = None
    messages: tuple[str, ...] = ()
    """Warnings and errors that the engine told, scrubbed."""

    def raise_for_failure(self) -> "Outcome":
        """This outcome, or its failure as the exception it is."""
        if self.failure is not None:
            raise self.failure
        return self

"""The engine's event stream, made small: what a person wants to see, and what a run came to.

Counting starts from the steps themselves, because the engine's own summary leaves providers out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

from byoc_infra.engine.outcome import Change, Planned

__all__ = ["Diagnostic", "EngineEvent", "PlannedCreate", "Recorder", "name_of"]

CREATES = ("create", "create-replacement")
REPLACES = ("replace", "create-replacement", "delete-replaced", "discard-replaced")
QUIET = ("same", "read", "read-replacement", "refresh")
PROVIDER_TYPES = "pulumi:providers:"
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105  # Pulumi's mark of a special value
MASKED = "[secret]"


@dataclass(frozen=True, kw_only=True)
class EngineEvent:
    """One line of progress: a resource that starts, ends or fails, or a message."""

    kind: Literal["started", "done", "failed", "message", "note"]
    urn: str = ""
    type: str = ""
    name: str = ""
    op: str = ""
    message: str = ""
    elapsed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """A warning or an error that the engine told, and of which resource."""

    severity: str
    message: str
    urn: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedCreate(Planned):
    """A planned object with what its state entry needs: kind, parent and provider."""

    custom: bool
    parent: str
    provider: str
    retain_on_delete: bool = False
    """A destroy forgets it, and something else takes it away."""


@dataclass(kw_only=True)
class Recorder:
    """Listens to the raw events of one run and keeps what its outcome is made of."""

    tell: Callable[[EngineEvent], None]
    scrub: Callable[[str], str] = str
    begun: Callable[[PlannedCreate], None] | None = None
    """Called before an object is created, so that a killed run leaves a trace of it."""
    answered: Callable[[str], None] | None = None
    """Called with the URN once the provider has made the object and said so."""
    steps: dict[str, Change] = field(default_factory=dict)
    planned: dict[str, PlannedCreate] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    _since: dict[str, float] = field(default_factory=dict)

    def __call__(self, event: Any) -> None:  # noqa: ANN401  # the SDK's EngineEvent, by shape
        """Take one event of the stream."""
        if event.resource_pre_event is not None:
            self._starts(event.resource_pre_event.metadata, event.resource_pre_event.planning)
        elif event.res_outputs_event is not None:
            self._ends(event.res_outputs_event.metadata, event.res_outputs_event.planning)
        elif event.res_op_failed_event is not None:
            self._fails(event.res_op_failed_event.metadata)
        elif event.diagnostic_event is not None:
            self._says(event.diagnostic_event)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was touched, by URN: the engine's own order differs from run to run."""
        touched = (step for step in self.steps.values() if step.op not in QUIET)
        return tuple(sorted(touched, key=lambda change: change.urn))

    def _starts(self, step: Any, planning: bool | None) -> None:  # noqa: ANN401, FBT001
        self._keep(step, _op(step))
        self._since[step.urn] = monotonic()
        if _op(step) in CREATES and step.new is not None:
            wanted = _planned_create(step)
            self.planned[step.urn] = wanted
            if self.begun and not planning and wanted.custom:
                self.begun(wanted)
        if _op(step) not in QUIET:
            self.tell(self._event("started", step))

    def _ends(self, step: Any, planning: bool | None) -> None:  # noqa: ANN401, FBT001
        if step.type == "pulumi:pulumi:Stack" and step.new is not None and _op(step) != "delete":
            self.outputs = readable(step.new.outputs or {})
        before = self.steps.get(step.urn)
        if before is not None and before.op == "refresh":
            self._keep(step, _op(step))
        if self.answered and not planning and _op(step) in CREATES:
            self.answered(step.urn)
        if _op(step) not in QUIET:
            self.tell(self._event("done", step))

    def _fails(self, step: Any) -> None:  # noqa: ANN401
        self.failed.add(step.urn)
        self.tell(self._event("failed", step))

    def _says(self, diagnostic: Any) -> None:  # noqa: ANN401
        if diagnostic.severity not in {"warning", "error"} or diagnostic.ephemeral:
            return
        text = self.scrub(diagnostic.message).strip()
        kept = Diagnostic(severity=diagnostic.severity, message=text, urn=diagnostic.urn or "")
        self.diagnostics.append(kept)
        urn = kept.urn
        self.tell(EngineEvent(kind="message", urn=urn, name=name_of(urn), message=text))

    def _keep(self, step: Any, op: str) -> None:  # noqa: ANN401
        before = self.steps.get(step.urn)
        if before is not None and before.op == "replace":
            return
        op = "replace" if op in REPLACES else op
        keys = tuple(sorted(step.detailed_diff or step.diffs or ()))
        self.steps[step.urn] = Change(
            urn=step.urn,
            type=step.type,
            name=name_of(step.urn),
            op=op,
            diff_keys=keys if op in {"update", "replace"} else (),
        )

    def _event(self, kind: Literal["started", "done", "failed"], step: Any) -> EngineEvent:  # noqa: ANN401
        spent = monotonic() - self._since.get(step.urn, monotonic())
        return EngineEvent(
            kind=kind,
            urn=step.urn,
            type=step.type,
            name=name_of(step.urn),
            op=_op(step),
            elapsed_s=0.0 if kind == "started" else spent,
        )


def name_of(urn: str) -> str:
    """The logical name, which is the last part of a URN."""
    return urn.rsplit("::", 1)[-1]


def readable(value: Any) -> Any:  # noqa: ANN401  # JSON
    """JSON of the event stream with Pulumi's wrappings taken off; a secret stays masked."""
    if isinstance(value, dict):
        if SECRET_SIGNATURE in value:
            return MASKED
        return {key: readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [readable(inner) for inner in value]
    return value


def _op(step: Any) -> str:  # noqa: ANN401
    return str(getattr(step.op, "value", step.op))


def _planned_create(step: Any) -> PlannedCreate:  # noqa: ANN401
    return PlannedCreate(
        urn=step.urn,
        type=step.type,
        name=name_of(step.urn),
        inputs=readable(step.new.inputs or {}),
        custom=bool(step.new.custom) and not step.type.startswith(PROVIDER_TYPES),
        parent=step.new.parent or "",
        provider=step.new.provider or "",
        retain_on_delete=bool(step.new.retain_on_delete),
    )

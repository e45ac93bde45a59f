"""After a killed run: what it made is found again and taken over, never made twice, never lost.

What may have been made without the state knowing is looked for in three places: the state's own
pending creates (the engine was killed), the journal's unanswered creates (the provider died, and
the engine left no trace), and what a preview still wants to create (the state itself is older
than the account).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from byoc_infra.engine.events import EngineEvent, PlannedCreate
from byoc_infra.engine.graft import graft, is_object, pending_creates, settle
from byoc_infra.engine.history import Unreadable, read_state, recorded
from byoc_infra.engine.journal import Journal
from byoc_infra.engine.messages import Report
from byoc_infra.engine.outcome import Change, Kind, Outcome, Planned, StackRef
from byoc_infra.engine.processes import end_session
from byoc_infra.errors import ByocError, EngineFailed, NotFound, SpecError

__all__ = ["Steps", "has_pending", "import_by_id", "recover", "state_has_pending"]

ORPHAN_GRACE_S = 15.0
ROUNDS = 12
"""A find may only become possible once an object above it is in the state again."""
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for a string that is not known yet (Pulumi SDK, `rpc.UNKNOWN`)."""
Find = Callable[[Planned], str | None]


class Step(Protocol):
    """Runs one thing on the stack; a failed one raises the error that it is."""

    def __call__(self, kind: Kind, **given: object) -> Report:
        """Run it."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What recovery may do to the stack."""

    stack: StackRef
    step: Step
    tell: Callable[[EngineEvent], None]


def recover(steps: Steps, journal: Journal, find: Find, *, thorough: bool = False) -> Outcome:
    """Settle everything that a killed run left open; `thorough` where its notes are elsewhere."""
    killed = thorough or journal.present()
    if not killed and state_has_pending(steps.stack) is False:
        return Outcome(kind="recover", ok=True)
    if killed:
        _wait_for_survivors(journal)
    if thorough:
        with suppress(NotFound):
            steps.step("unlock")
    adopted: dict[str, PlannedCreate] = {}
    state = _exported(steps)
    if state is not None:
        _adopt(steps, state, (*pending_creates(state), *journal.unanswered()), find, adopted)
    if killed:
        _adopt_planned(steps, find, adopted)
        journal.close()
    changes = tuple(
        Change(urn=c.urn, type=c.type, name=c.name, op="import") for c in adopted.values()
    )
    return Outcome(kind="recover", ok=True, changes=changes)


def import_by_id(steps: Steps, ids: Mapping[str, str]) -> Outcome:
    """Take over the objects `ids` (URN → id), which the program must name."""
    planned = {create.urn: create for create in steps.step("preview").planned}
    if unknown := sorted(set(ids) - set(planned)):
        raise SpecError(
            "ids",
            wanted="URNs that the program would create",
            got=", ".join(unknown),
            next_step="Take the URNs from a preview.",
        )
    state = _exported(steps) or {"version": 3, "deployment": {}}
    _put(steps, graft(state, ids, planned), ids)
    changes = tuple(
        Change(urn=urn, type=planned[urn].type, name=planned[urn].name, op="import") for urn in ids
    )
    return Outcome(kind="import", ok=True, changes=changes)


def has_pending(report: Report | None) -> bool:
    """True when the exported state holds creates without an answer."""
    return bool(report and report.state and pending_creates(report.state))


def _wait_for_survivors(journal: Journal) -> None:
    """A dead worker's provider may still be in the middle of its call."""
    worker = journal.owner("worker")
    if worker is not None and worker.gone():
        end_session(worker.pid, grace_s=ORPHAN_GRACE_S)


def state_has_pending(stack: StackRef) -> bool | None:
    """What the backend says without any CLI; None where it cannot be known so cheaply."""
    try:
        text = read_state(stack)
        latest = json.loads(text)["checkpoint"].get("latest") or {} if text is not None else {}
    except (Unreadable, ValueError, KeyError):
        return None
    return any(op["type"] == "creating" for op in latest.get("pending_operations") or ())


def _exported(steps: Steps) -> dict[str, object] | None:
    if (known := recorded(steps.stack)) is not None:
        return known
    try:
        return dict(steps.step("export").state or {})
    except NotFound:
        return None


def _adopt(
    steps: Steps,
    state: Mapping[str, object],
    candidates: Iterable[PlannedCreate],
    find: Find,
    adopted: dict[str, PlannedCreate],
) -> bool:
    """Look for each; what is found goes into the state. True when something was found."""
    wanted = {create.urn: create for create in candidates if create.custom}
    ids = {
        urn: identity
        for urn, create in wanted.items()
        if (identity := _found(find, create)) and not _known(state, urn, identity)
    }
    pending = [create.urn for create in pending_creates(state)]
    if ids or pending:
        _put(steps, settle(graft(state, ids, wanted), pending), ids)
    for urn, identity in ids.items():
        adopted[urn] = wanted[urn]
        steps.tell(
            EngineEvent(
                kind="note",
                urn=urn,
                type=wanted[urn].type,
                name=wanted[urn].name,
                op="import",
                message=f"found again and taken over: {identity}",
            )
        )
    return bool(ids)


def _adopt_planned(steps: Steps, find: Find, adopted: dict[str, PlannedCreate]) -> None:
    looked: set[str] = set()
    for _ in range(ROUNDS):
        try:
            planned = {create.urn: create for create in steps.step("preview").planned}
        except ByocError:
            return  # a program that cannot be previewed cannot create anything either
        fresh = {u: c for u, c in planned.items() if c.custom and _mark(c) not in looked}
        looked |= {_mark(create) for create in fresh.values()}
        ids = {u: i for u, c in fresh.items() if (i := _found(find, c))}
        if not ids:
            return
        state = _exported(steps) or {"version": 3, "deployment": {}}
        ids = {u: i for u, i in ids.items() if not _known(state, u, i)}
        if not ids:
            return
        _put(steps, graft(state, ids, planned), ids)
        adopted |= {urn: planned[urn] for urn in ids}


def _mark(create: PlannedCreate) -> str:
    """A create is looked for again when more of its inputs have become known."""
    return create.urn + json.dumps(dict(create.inputs), sort_keys=True, default=str)


def _found(find: Find, create: PlannedCreate) -> str | None:
    known = {name: value for name, value in create.inputs.items() if _is_known(value)}
    plain = Planned(urn=create.urn, type=create.type, name=create.name, inputs=known)
    try:
        return find(plain)
    except ByocError:
        raise
    except Exception as error:
        raise EngineFailed(
            create.urn,
            wanted="an answer whether the object exists",
            got=f"{type(error).__name__}",
            next_step="Check access to the account, then run it again.",
        ) from error


def _is_known(value: object) -> bool:
    """False where a preview could not say what a value, or a part of it, will be."""
    return UNKNOWN not in json.dumps(value, default=str)


def _known(state: Mapping[str, object], urn: str, identity: str) -> bool:
    deployment = state.get("deployment")
    resources = deployment.get("resources") or () if isinstance(deployment, dict) else ()
    return any(r["urn"] == urn and is_object(r, identity) for r in resources)


def _put(steps: Steps, state: Mapping[str, object], ids: Mapping[str, str]) -> None:
    """Write the state, then read the truth of what was added."""
    steps.step("import", state=state)
    if ids:
        with suppress(NotFound):
            steps.step("refresh", targets=tuple(ids))

"""Log lines on demand: from the customer's CloudWatch to whoever asks, and kept nowhere."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from byoc_infra.aws.log_levels import LEVELS, level_of, readable
from byoc_infra.aws.log_pages import Page, Position, Window, newest, oldest
from byoc_infra.aws.logs import LogLine
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.logs import WIDEST_WINDOW, LogEntry, LogPage, LogRequest
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.services.views import event_entry
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store._base import missing
from byoc_infra.control_plane.store.tables import AccountRow, RevisionRow
from byoc_infra.errors import SpecError
from byoc_infra.flows.reading import places
from byoc_infra.redaction import scrub
from byoc_infra.spec import DeploymentSpec

__all__ = ["Logs"]

USUAL_WINDOW = timedelta(days=7)
SERVICES = ("api", "queue")
"""Not the cache: its lines are Redis's own, and never about a graph."""
OFFSET = re.compile(r"(\d{1,15})-(.*)", re.DOTALL)
MOST_EVENTS = 5000
"""Of one revision; more have never been seen."""


@dataclass(frozen=True)
class _Source:
    """Whose lines, and where they are."""

    account: AccountRow
    spec: DeploymentSpec
    begins: datetime | None
    ends: datetime | None
    """Of a revision: when it came and went."""


class Logs:
    """What a deployment's containers wrote, and what was done about a revision."""

    def __init__(self, store: Store, reach: Reach) -> None:
        self._store = store
        self._reach = reach

    def deployed(
        self,
        caller: Caller,
        deployment_id: uuid.UUID,
        asked: LogRequest,
        *,
        revision_id: uuid.UUID | None = None,
    ) -> LogPage:
        """Lines of the deployment's containers; of a revision, those of its time."""
        position = _position(asked.offset)
        with self._store.begin() as tx:
            source = _source(tx, caller, deployment_id, revision_id)
        window = _window(asked, source)
        if window.end_ms < window.start_ms:
            return LogPage(logs=[], next_offset=None)
        where = [one for service in SERVICES for one in places(source.spec, service)]
        wanted = _wanted(asked)
        with self._reach.session(source.account, caller) as session:
            if asked.order == "desc":
                page = newest(
                    session, where, window, limit=asked.limit, wanted=wanted, before=position
                )
            else:
                page = oldest(
                    session, where, window, limit=asked.limit, wanted=wanted, after=position
                )
        return _page(page)

    def built(
        self, caller: Caller, deployment_id: uuid.UUID, revision_id: uuid.UUID, asked: LogRequest
    ) -> LogPage:
        """What was done to bring a revision up: nothing is built here, and this stands there."""
        position = _position(asked.offset)
        with self._store.begin() as tx:
            revision = _revision(tx, caller, deployment_id, revision_id)
            events = [
                event
                for operation in tx.operations.of_revision(caller.tenant_id, revision.id)
                for event in tx.events.after(operation.id, 0, limit=MOST_EVENTS)
            ]
        entries = [entry for event in events if (entry := event_entry(event)) is not None]
        entries = [one for one in entries if _asked_for(one, asked)]
        if asked.order == "desc":
            entries.reverse()
        if position is not None:
            behind = [n for n, one in enumerate(entries, start=1) if one.id == position.id]
            entries = entries[behind[0] if behind else 0 :]
        shown = entries[: asked.limit]
        last = shown[-1] if shown else None
        return LogPage(logs=shown, next_offset=_offset(last) if last else asked.offset)


def _source(
    tx: Transaction, caller: Caller, deployment_id: uuid.UUID, revision_id: uuid.UUID | None
) -> _Source:
    deployment = tx.deployments.get(caller.tenant_id, deployment_id)
    account = tx.accounts.get(caller.tenant_id, deployment.account_id)
    chosen = revision_id or deployment.latest_revision_id
    if chosen is None:
        raise missing("revision", deployment_id)
    revision = _revision(tx, caller, deployment_id, chosen)
    begins, ends = (None, None) if revision_id is None else _time_of(tx, caller, revision)
    spec = DeploymentSpec.model_validate(revision.spec)
    return _Source(account=account, spec=spec, begins=begins, ends=ends)


def _revision(
    tx: Transaction, caller: Caller, deployment_id: uuid.UUID, revision_id: uuid.UUID
) -> RevisionRow:
    tx.deployments.get(caller.tenant_id, deployment_id)
    revision = tx.revisions.get(caller.tenant_id, revision_id)
    if revision.deployment_id != deployment_id:
        raise missing("revision", revision_id)
    return revision


def _time_of(
    tx: Transaction, caller: Caller, revision: RevisionRow
) -> tuple[datetime | None, datetime | None]:
    """From the start of its first roll-out to the end of its successor's."""
    own = tx.operations.of_revision(caller.tenant_id, revision.id)
    begins = min((one.started_at for one in own if one.started_at is not None), default=None)
    follower = tx.revisions.follower(revision)
    after = tx.operations.of_revision(caller.tenant_id, follower.id) if follower else ()
    ends = max((one.finished_at for one in after if one.finished_at is not None), default=None)
    return begins or revision.created_at, ends


def _window(asked: LogRequest, source: _Source) -> Window:
    end = asked.end_time or datetime.now(UTC)
    start = asked.start_time or end - USUAL_WINDOW
    if end - start > WIDEST_WINDOW:
        raise SpecError(
            "start_time",
            wanted=f"a window of {WIDEST_WINDOW.days} days or less",
            got=f"one of {(end - start).days} days",
            next_step="Give end_time as well.",
        )
    starts = [start, *([source.begins] if source.begins else [])]
    ends = [end, *([source.ends] if source.ends else [])]
    return Window(start_ms=_ms(max(starts)), end_ms=_ms(min(ends)), text=asked.query or "")


def _wanted(asked: LogRequest) -> Callable[[LogLine], bool]:
    grave = LEVELS[LEVELS.index(asked.level) :] if asked.level else LEVELS
    text = asked.query or ""
    return lambda line: text in line.message and level_of(line.message) in grave


def _asked_for(entry: LogEntry, asked: LogRequest) -> bool:
    return (
        (asked.level is None or LEVELS.index(entry.level) >= LEVELS.index(asked.level))
        and (asked.query or "") in entry.message
        and (asked.start_time is None or entry.timestamp >= asked.start_time)
        and (asked.end_time is None or entry.timestamp <= asked.end_time)
    )


def _page(page: Page) -> LogPage:
    position = page.position
    return LogPage(
        logs=[
            LogEntry(
                id=line.id,
                timestamp=datetime.fromtimestamp(line.at_ms / 1000, UTC),
                level=level_of(line.message),
                message=scrub(readable(line.message)),
            )
            for line in page.lines
        ],
        next_offset=None if position is None else f"{position.at_ms}-{position.id}",
    )


def _position(offset: str | None) -> Position | None:
    if offset is None:
        return None
    found = OFFSET.fullmatch(offset)
    if found is None:
        raise SpecError(
            "offset",
            wanted="the next_offset of an earlier answer",
            got="another text",
            next_step="Leave it out to begin anew.",
        )
    return Position(int(found.group(1)), found.group(2))


def _offset(entry: LogEntry) -> str:
    return f"{_ms(entry.timestamp)}-{entry.id}"


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

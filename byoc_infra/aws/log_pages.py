"""A page of a deployment's log lines, from either end of a window of time.

CloudWatch reads forwards only. The newest lines are found by looking at short windows before the
end first, then at longer ones, and at halves of a window that holds too much.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from byoc_infra.aws.logs import ABSENT, LogLine, LogPlace
from byoc_infra.aws.session import Session

__all__ = ["Page", "Position", "Window", "newest", "oldest"]

FIRST_LOOK_MS = 60_000
WIDER = 8
"""Each look goes back so many times as far as the one before."""
AT_ONCE = 10_000
"""More lines than these in one look, and only its newer half is looked at."""
MOST_SCANNED = 100_000
"""After so many lines an answer says how far it came, and the caller goes on from there."""

Wanted = Callable[[LogLine], bool]


@dataclass(frozen=True)
class Position:
    """A line that has been given; the next page begins behind it."""

    at_ms: int
    id: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """From when to when, both included, and a text that CloudWatch looks for."""

    start_ms: int
    end_ms: int
    text: str = ""

    @property
    def pattern(self) -> str:
        """As one quoted phrase of CloudWatch's filter syntax."""
        escaped = self.text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"' if self.text else ""


@dataclass(frozen=True)
class Page:
    """Lines, and where to go on: backwards nowhere, when the window holds no more."""

    lines: list[LogLine]
    position: Position | None


def oldest(
    session: Session,
    where: Sequence[LogPlace],
    window: Window,
    *,
    limit: int,
    wanted: Wanted,
    after: Position | None = None,
) -> Page:
    """The first lines of the window, oldest first."""
    start = window.start_ms if after is None else max(window.start_ms, after.at_ms)
    lines = _behind(_read(session, where, window, start, window.end_ms), after)
    found: list[LogLine] = []
    position = after
    for line in islice(lines, MOST_SCANNED):
        position = Position(line.at_ms, line.id)
        if wanted(line):
            found.append(line)
            if len(found) == limit:
                break
    return Page(found, position)


def newest(
    session: Session,
    where: Sequence[LogPlace],
    window: Window,
    *,
    limit: int,
    wanted: Wanted,
    before: Position | None = None,
) -> Page:
    """The last lines of the window, newest first."""
    end = window.end_ms if before is None else min(window.end_ms, before.at_ms)
    found: list[LogLine] = []
    parts = (_behind(part[::-1], before) for part in _looks(session, where, window, end))
    for scanned, line in enumerate(chain.from_iterable(parts), start=1):
        if wanted(line):
            found.append(line)
        if len(found) == limit or scanned == MOST_SCANNED:
            return Page(found, Position(line.at_ms, line.id))
    return Page(found, None)


def _looks(
    session: Session, where: Sequence[LogPlace], window: Window, end: int
) -> Iterator[list[LogLine]]:
    """Lines of ever earlier parts of the window, each part oldest first."""
    width = FIRST_LOOK_MS
    while end >= window.start_ms:
        start = max(window.start_ms, end - width + 1)
        lines = list(islice(_read(session, where, window, start, end), AT_ONCE + 1))
        while len(lines) > AT_ONCE and start < end:
            start += (end - start + 1) // 2
            lines = list(islice(_read(session, where, window, start, end), AT_ONCE + 1))
        yield lines
        width = (end - start + 1) * WIDER
        end = start - 1


def _read(
    session: Session, where: Sequence[LogPlace], window: Window, start: int, end: int
) -> Iterator[LogLine]:
    """All lines between two moments, oldest first, as they are taken."""
    each = [_events(session, place, window.pattern, start, end) for place in where]
    return heapq.merge(*each, key=lambda line: line.at_ms)


def _events(
    session: Session, place: LogPlace, pattern: str, start: int, end: int
) -> Iterator[LogLine]:
    asked: dict[str, object] = {
        "logGroupName": place.group,
        "logStreamNamePrefix": place.streams,
        "startTime": start,
        "endTime": end,
        "interleaved": True,  # AWS always does
        **({"filterPattern": pattern} if pattern else {}),
    }
    for event in session.each("logs", "filter_log_events", "events", absent=ABSENT, **asked):
        stream = event["logStreamName"]
        if stream.startswith(place.streams):  # an emulator may not filter
            yield LogLine(event["timestamp"], stream, event["message"], event.get("eventId", ""))


def _behind(lines: Iterable[LogLine], position: Position | None) -> Iterator[LogLine]:
    """Without those up to `position`, in the order in which they come."""
    if position is None:
        yield from lines
        return
    waiting: list[LogLine] = []  # of the position's own moment, until the line itself has come
    passed = False
    for line in lines:
        if passed or line.at_ms != position.at_ms:
            yield from waiting
            waiting = []
            passed = True
            yield line
        elif line.id == position.id:
            waiting = []
            passed = True
        else:
            waiting.append(line)
    yield from waiting

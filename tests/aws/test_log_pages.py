"""Pages of log lines, from either end of a window."""

import time

import pytest

from byoc_infra.aws import log_pages
from byoc_infra.aws.log_pages import Page, Position, Window, newest, oldest
from byoc_infra.aws.logs import LogLine, LogPlace
from byoc_infra.aws.session import Session

GROUP = "/aws/ecs/langgraph-cloud"
NOW = int(time.time() * 1000)
API = LogPlace(container="api", group=GROUP, prefix="lg-x")
QUEUE = LogPlace(container="queue", group=GROUP, prefix="lg-x")
HOUR_MS = 3_600_000
ALL = Window(start_ms=NOW - 7 * 24 * HOUR_MS, end_ms=NOW)


def words(page: Page) -> list[str]:
    """The lines' own words."""
    return [line.message for line in page.lines]


def anything(_: LogLine) -> bool:
    """Every line is wanted."""
    return True


@pytest.fixture
def written(session: Session) -> Session:
    """Ten lines an hour apart, of two containers in turn, and one of another deployment."""
    logs = session.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for stream, numbers in {
        "lg-x/api/t1": range(0, 10, 2),
        "lg-x/queue/t2": range(1, 10, 2),
        "lg-xy/api/t3": [3],
    }.items():
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[
                {"timestamp": NOW - (10 - n) * HOUR_MS, "message": f"line {n}"} for n in numbers
            ],
        )
    return session


def test_the_newest_lines_come_first(written: Session) -> None:
    """Of both containers, however long ago they were written."""
    page = newest(written, [API, QUEUE], ALL, limit=3, wanted=anything)

    assert words(page) == ["line 9", "line 8", "line 7"]


@pytest.mark.parametrize("limit", [1, 3, 4, 10, 11])
def test_pages_backwards_hold_every_line_once(written: Session, limit: int) -> None:
    """Each begins behind the last line of the one before."""
    said: list[str] = []
    position: Position | None = None
    while True:
        page = newest(written, [API, QUEUE], ALL, limit=limit, wanted=anything, before=position)
        said += words(page)
        position = page.position
        if position is None:
            break

    assert said == [f"line {n}" for n in range(9, -1, -1)]


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_pages_forwards_hold_every_line_once(written: Session, limit: int) -> None:
    """The position behind the last one stays, for a reader who follows."""
    said: list[str] = []
    position: Position | None = None
    while page := oldest(written, [API, QUEUE], ALL, limit=limit, wanted=anything, after=position):
        if not page.lines:
            break
        said += words(page)
        position = page.position

    assert said == [f"line {n}" for n in range(10)]
    assert page.position == position


def test_unwanted_lines_do_not_count(written: Session) -> None:
    """The limit is of what is given."""
    page = newest(written, [API, QUEUE], ALL, limit=2, wanted=lambda line: line.message < "line 3")

    assert words(page) == ["line 2", "line 1"]


def test_cloudwatch_looks_for_the_text(written: Session) -> None:
    """As one phrase: its quotes and all that CloudWatch would read as syntax stay text."""
    window = Window(start_ms=ALL.start_ms, end_ms=ALL.end_ms, text="line 4")

    assert words(newest(written, [API, QUEUE], window, limit=9, wanted=anything)) == ["line 4"]
    assert Window(start_ms=0, end_ms=1, text='say "hi" \\ ?').pattern == '"say \\"hi\\" \\\\ ?"'


def test_lines_of_one_moment_are_not_lost_between_pages(session: Session) -> None:
    """The position names the line and not only its time."""
    logs = session.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="lg-x/api/t1")
    logs.put_log_events(
        logGroupName=GROUP,
        logStreamName="lg-x/api/t1",
        logEvents=[{"timestamp": NOW - 5, "message": f"same {n}"} for n in range(3)],
    )

    first = oldest(session, [API], ALL, limit=2, wanted=anything)
    second = oldest(session, [API], ALL, limit=2, wanted=anything, after=first.position)

    assert words(first) + words(second) == ["same 0", "same 1", "same 2"]


def test_a_window_with_too_many_lines_is_halved(
    written: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the newest are found without reading all."""
    monkeypatch.setattr(log_pages, "AT_ONCE", 2)

    page = newest(written, [API, QUEUE], ALL, limit=10, wanted=anything)

    assert words(page) == [f"line {n}" for n in range(9, -1, -1)]


def test_scanning_ends_after_so_many_lines(
    written: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place where to go on, in both directions."""
    monkeypatch.setattr(log_pages, "MOST_SCANNED", 4)

    back = newest(written, [API, QUEUE], ALL, limit=9, wanted=lambda _: False)
    on = oldest(written, [API, QUEUE], ALL, limit=9, wanted=lambda _: False)

    assert back.lines == on.lines == []
    assert back.position is not None
    assert on.position is not None
    assert back.position.at_ms == NOW - 4 * HOUR_MS
    assert on.position.at_ms == NOW - 7 * HOUR_MS

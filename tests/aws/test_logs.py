"""Log lines: passed through."""

import time
from itertools import islice
from typing import Any

import pytest

from byoc_infra.aws.logs import LogPlace, follow, last_lines, places, read
from byoc_infra.aws.session import Session
from tests.aws.fakes import NEW, FakeSession

GROUP = "/aws/ecs/langgraph-cloud"
START = int(time.time() * 1000) - 60_000
"""CloudWatch takes no lines from long ago."""
MINE = LogPlace(container="api", group=GROUP, prefix="lg-x")


@pytest.fixture
def written(session: Session) -> Session:
    """Two deployments' lines in one group, and those of another container."""
    logs = session.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    for stream, lines in {
        "lg-x/api/t1": [(3, "third ERROR"), (1, "first")],
        "lg-x/api/t2": [(2, "second")],
        "lg-x/cache/t3": [(2, "of the cache")],
        "lg-xy/api/t4": [(2, "of another deployment")],
    }.items():
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[{"timestamp": START + at, "message": text} for at, text in sorted(lines)],
        )
    return session


def test_lines_of_all_tasks_come_in_order(written: Session) -> None:
    """And none of another deployment's or container's."""
    lines = read(written, [MINE])

    assert [line.message for line in lines] == ["first", "second", "third ERROR"]


def test_only_the_last_lines_are_given(written: Session) -> None:
    """What happened last matters."""
    assert [line.message for line in read(written, [MINE], limit=1)] == ["third ERROR"]


def test_lines_before_the_time_are_left_out(written: Session) -> None:
    """A window keeps it quick."""
    lines = read(written, [MINE], since_ms=START + 2)

    assert [line.message for line in lines] == ["second", "third ERROR"]


def test_cloudwatch_filters(written: Session) -> None:
    """The pattern is CloudWatch's."""
    assert [line.message for line in read(written, [MINE], pattern="ERROR")] == ["third ERROR"]


def test_no_group_is_no_lines(session: Session) -> None:
    """Nothing was written yet."""
    assert read(session, [MINE]) == []


def test_following_gives_each_line_once() -> None:
    """Also those that arrive late, with an earlier time."""

    def event(number: int, at: int) -> dict[str, Any]:
        return {
            "timestamp": at,
            "logStreamName": "lg-x/api/t1",
            "message": f"line {number}",
            "eventId": str(number),
        }

    rounds = iter(
        [
            [event(1, 10_000)],
            [event(1, 10_000), event(3, 12_000)],
            [event(1, 10_000), event(2, 11_000), event(3, 12_000)],
        ]
    )
    session = FakeSession(filter_log_events=lambda **_: {"events": next(rounds)})

    lines = follow(session, [MINE], since_ms=5_000, sleep=lambda _: None)

    assert [line.message for line in islice(lines, 3)] == ["line 1", "line 3", "line 2"]


def test_the_task_definition_tells_where_containers_write() -> None:
    """No name has to be guessed."""
    assert places(FakeSession(), NEW) == [MINE]


def test_last_lines_mask_passwords_in_addresses(written: Session) -> None:
    """They end up in error texts."""
    written.client("logs").put_log_events(
        logGroupName=GROUP,
        logStreamName="lg-x/api/t1",
        logEvents=[{"timestamp": START + 9, "message": "redis://:pa55word@cache:6379"}],
    )

    assert last_lines(written, MINE, "t1", 1) == ["redis://:…@cache:6379"]

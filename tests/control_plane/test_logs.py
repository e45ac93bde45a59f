"""The log: JSON lines that say what they belong to and no secret."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from byoc_infra.control_plane import logs
from byoc_infra.redaction import hide

SECRET = 'quo"ted\\secret-ü-1'


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What has been logged; the process's logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    written = io.StringIO()
    logs.configure("info", written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_who_and_for_which_request(stream: io.StringIO) -> None:
    """Whichever way it was logged."""
    with structlog.contextvars.bound_contextvars(request_id="req-1", operation_id="op-1"):
        structlog.get_logger("byoc.a").warning("told", size=2)
        logging.getLogger("byoc.b").info("told %s", "too", extra={"size": 3})

    first, second = lines(stream)
    assert {key: first[key] for key in ("event", "level", "logger", "size")} == {
        "event": "told",
        "level": "warning",
        "logger": "byoc.a",
        "size": 2,
    }
    assert second["event"] == "told too"
    assert second["size"] == 3
    for line in (first, second):
        assert line["request_id"] == "req-1"
        assert line["operation_id"] == "op-1"
        assert line["at"].endswith("Z")


def test_a_secret_is_in_no_part_of_a_line(stream: io.StringIO) -> None:
    """Message, arguments, fields, keys, nested ones, and an exception's text and locals."""
    hide(SECRET)
    log = structlog.get_logger("byoc.a")

    words = f"with {SECRET}"
    log.info(words, field=SECRET, nested={SECRET: [SECRET, ({"deep": SECRET},)]})
    logging.getLogger("library.child").error("arg %s", SECRET)
    try:
        int(SECRET)
    except ValueError:
        log.exception("failed")
        logging.getLogger("library.child").exception("failed")

    text = stream.getvalue()
    assert len(lines(stream)) == 4
    assert "ValueError" in text
    for spelt in (SECRET, json.dumps(SECRET)[1:-1], "secret-"):
        assert spelt not in text


def test_a_password_in_an_address_is_not_written(stream: io.StringIO) -> None:
    """Also one that nobody has made known."""
    logging.getLogger("library").warning("connecting to postgresql://me:s3cr3t-pw@host/db")

    assert "s3cr3t-pw" not in stream.getvalue()
    assert "postgresql://me:…@host/db" in lines(stream)[0]["event"]


def test_configured_twice_a_line_is_written_once(stream: io.StringIO) -> None:
    """Also where a level was given that is not reached."""
    logs.configure("warning", stream)

    logging.getLogger("a").info("not this")
    logging.getLogger("a").warning("this")

    assert [line["event"] for line in lines(stream)] == ["this"]


def test_a_line_that_names_an_operation_has_its_id(stream: io.StringIO) -> None:
    """So that all of an operation's lines are found by one field."""
    logging.getLogger("a").warning("%s waits", "op-0123456789abcdef")

    assert lines(stream)[0]["operation_id"] == "op-0123456789abcdef"


def test_what_ends_a_thread_or_the_process_is_a_line_too(stream: io.StringIO) -> None:
    """A traceback of Python's own would go past redaction."""
    hide(SECRET)
    thread = threading.Thread(target=int, args=(SECRET,))
    thread.start()
    thread.join()
    try:
        int(SECRET)
    except ValueError as error:
        sys.excepthook(ValueError, error, None)

    assert [line["event"] for line in lines(stream)] == ["ended by an error"] * 2
    assert "Traceback" in stream.getvalue()
    assert "secret-" not in stream.getvalue()

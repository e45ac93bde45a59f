"""Levels of log lines."""

import pytest

from byoc_infra.aws.log_levels import level_of, readable


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"event": "x", "level": "error", "timestamp": "t"}', "ERROR"),
        ('{"severity": "WARN", "message": "x"}', "WARNING"),
        ('{"event": "no level"}', "INFO"),
        ("{not json", "INFO"),
        ("2026-11-26T02:05:11.123456Z [warning  ] slow [langgraph_api.queue]", "WARNING"),
        ("2026-11-26T02:05:11.123456Z [\x1b[31m\x1b[1merror    \x1b[0m] failed", "ERROR"),
        ("2026-11-26 02:05:11,123 CRITICAL out of memory", "CRITICAL"),
        ("INFO:     Application startup complete.", "INFO"),
        ("DEBUG cache hit", "DEBUG"),
        ("Traceback (most recent call last):", "ERROR"),
        ("the user wrote: error in my code", "INFO"),
        ("", "INFO"),
    ],
)
def test_a_line_has_a_level(line: str, level: str) -> None:
    """By JSON field or by the word at the beginning; what stands later is anybody's."""
    assert level_of(line) == level


def test_colours_are_left_out() -> None:
    """They are for terminals."""
    assert readable("\x1b[1mhello\x1b[0m \n") == "hello"

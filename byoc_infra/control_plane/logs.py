"""The log: JSON lines on standard error, with the ids of request and operation, without secrets.

Redaction is the handler's, through which the lines of every library go as well.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.types import Processor

from byoc_infra.redaction import scrub

__all__ = ["configure"]

OPERATION = re.compile(r"\bop-[0-9a-f]{16}\b")
QUIET = ("alembic", "botocore", "dbos", "httpcore", "httpx", "urllib3", "uvicorn")
"""Libraries that tell at level INFO what is of use to nobody."""


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Let everything that this process logs be written in one form, also what ends it or one of
    its threads; may be called again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_before(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _with_operation,
                redacted,
                structlog.processors.JSONRenderer(sort_keys=True, default=str),
            ],
        )
    )
    root = logging.getLogger()
    for one in root.handlers[:]:
        if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(one)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _ending
    threading.excepthook = lambda ended: _ending(ended.exc_type, ended.exc_value, None)
    structlog.configure(
        processors=[*_before(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _ending(
    kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None
) -> None:
    if issubclass(kind, SystemExit):
        return
    logging.getLogger(__name__).critical("ended by an error", exc_info=error or kind())


def _with_operation(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A line that names an operation can be found by it."""
    named = OPERATION.search(str(event.get("event", "")))
    if named:
        event.setdefault("operation_id", named[0])
    return event


def redacted(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The event without the secrets that are known here, before it is JSON: quoting hides them."""
    return {key: _scrubbed(value) for key, value in event.items()}


def _scrubbed(value: object) -> object:
    if isinstance(value, Mapping):
        return {_scrubbed(key): _scrubbed(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrubbed(one) for one in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return scrub(str(value))


def _before() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
    ]

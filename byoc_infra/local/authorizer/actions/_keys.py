"""Condition keys: what each is called, and how a request tells its value.

A row declares its keys by name, so that it can be asked which ones it may produce. A key whose
value the request does not say is absent, as it is in AWS.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from byoc_infra.local.wire import Call

__all__ = ["Keys", "Value", "Values", "fixed", "fold", "produce", "said", "switch"]

Values = str | tuple[str, ...]
"""One value, or those of a key that may have several."""
Value = Callable[[Call], Values | None]
Keys = Mapping[str, Value]


def produce(keys: Keys, call: Call) -> dict[str, Values]:
    """The keys that a call has, with their values."""
    found = {name: value(call) for name, value in keys.items()}
    return {name: value for name, value in found.items() if value is not None}


def fixed(value: str) -> Value:
    """The same in every request."""
    return lambda _call: value


def said(path: str, default: str | None = None) -> Value:
    """A parameter as text, reached by its names with dots between; several of a list."""

    def value(call: Call) -> Values | None:
        return fold(_reach(call.params, path), default)

    return value


def switch(path: str, *, on: object = True, default: str | None = None) -> Value:
    """Whether a parameter is `on`, as `true` or `false`; `default` where it is not said."""

    def value(call: Call) -> Values | None:
        found = _reach(call.params, path)
        return default if found is None else str(found == on).lower()

    return value


def fold(value: object, default: str | None = None) -> Values | None:
    """Any value as a key has it; an empty list counts as nothing said."""
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value) or default
    return default if value is None else _text(value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _reach(params: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - a parameter
    found: Any = params
    for name in path.split("."):
        if isinstance(found, Iterable) and not isinstance(found, Mapping | str):
            found = [item[name] for item in found if name in item]
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found

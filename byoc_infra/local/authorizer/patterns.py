"""The patterns of IAM policies: wildcards, policy variables, ARNs; pure.

Each `…_matches` answers True, False, or None where it cannot be told. Sources: IAM User Guide,
"Resource", "Action" and "Variables and tags".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

__all__ = [
    "Context",
    "Pattern",
    "Request",
    "Variable",
    "action_matches",
    "all_of",
    "any_of",
    "arn_matches",
    "lacks_value",
    "pattern_of",
    "resource_matches",
    "text_matches",
]

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys of a request; a key that may hold several values, such as `aws:TagKeys`, has them
in a tuple."""
ARN_PARTS = 6
_TOKEN = re.compile(r"\$\{([^}]*)\}|[*?]")
_DEFAULT = re.compile(r"([^,]*),\s*'(.*)'", re.DOTALL)
_WILDCARDS = {"*": ".*", "?": "."}


@dataclass(frozen=True)
class Wildcard:
    """`*` or `?` of a policy."""

    sign: str


@dataclass(frozen=True)
class Variable:
    """`${key, 'default'}` of a policy."""

    key: str
    """In lower case."""
    default: str | None


Part = str | Wildcard | Variable
Pattern = tuple[Part, ...]
"""Text, wildcards and variables in a row."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked, as policies see it."""

    action: str
    resource: str
    values: Context
    """Its condition keys, in lower case."""
    unproduced: Callable[[str], bool]
    """Whether an absent key (in lower case) is one that AWS would have and this request lacks."""

    def value(self, key: str) -> str | tuple[str, ...] | None:
        """The value of a key in lower case; None if it is absent, or has no values."""
        found = self.values.get(key)
        return None if found == () else found


@lru_cache(maxsize=8192)
def pattern_of(text: str, *, variables: bool) -> Pattern:
    """A policy's text, taken apart; without `variables`, `${` is text like any other."""
    found: list[Part] = []
    place = 0
    for token in _TOKEN.finditer(text):
        name = token[1]
        if name is not None and not variables:
            continue
        found.append(text[place : token.start()])
        found.append(Wildcard(token[0]) if name is None else _variable(name))
        place = token.end()
    found.append(text[place:])
    return tuple(part for part in found if part != "")


def _variable(name: str) -> str | Variable:
    if name in {"*", "?", "$"}:
        return name
    default = _DEFAULT.fullmatch(name)
    if default is None:
        return Variable(name.strip().lower(), None)
    return Variable(default[1].strip().lower(), default[2])


def text_matches(
    pattern: Pattern,
    value: str,
    request: Request,
    *,
    wildcards: bool = True,
    ignore_case: bool = False,
) -> bool | None:
    """Whether a text is what a pattern asks for; case counts unless told otherwise.

    A variable without value and default matches nothing ("Policy variables with no value").
    """
    fixed = _fixed_source(pattern, wildcards=wildcards)
    if fixed is not None:
        return _regex(fixed, ignore_case=ignore_case).fullmatch(value) is not None
    unclear = False
    filled: list[str | Wildcard] = []
    for part in pattern:
        if not isinstance(part, Variable):
            filled.append(part)
            continue
        found = request.value(part.key)
        unclear |= found is None and request.unproduced(part.key)
        text = found if isinstance(found, str) and found else part.default
        if text is None and not unclear:
            return False
        filled.append(text or "")
    source = "".join(_source(part, wildcards=wildcards) for part in filled)
    return None if unclear else _regex(source, ignore_case=ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=8192)
def _fixed_source(pattern: Pattern, *, wildcards: bool) -> str | None:
    """A pattern as a regular expression; None if it has variables."""
    parts = [part for part in pattern if not isinstance(part, Variable)]
    if len(parts) < len(pattern):
        return None
    return "".join(_source(part, wildcards=wildcards) for part in parts)


def _source(part: str | Wildcard, *, wildcards: bool) -> str:
    if isinstance(part, str):
        return re.escape(part)
    return _WILDCARDS[part.sign] if wildcards else re.escape(part.sign)


@lru_cache(maxsize=8192)
def _regex(source: str, *, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(source, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


@lru_cache(maxsize=65536)
def action_matches(wanted: str, action: str) -> bool:
    """Whether an action is meant; case does not count."""
    source = _fixed_source(pattern_of(wanted, variables=False), wildcards=True)
    return _regex(source or "", ignore_case=True).fullmatch(action) is not None


def arn_matches(pattern: Pattern, value: str, request: Request) -> bool | None:
    """An ARN in a condition, each of its six parts by itself; a pattern that lacks some is unclear.

    A wildcard before the resource part does not reach over a colon.
    """
    given = value.split(":", ARN_PARTS - 1)
    wanted = _segments(pattern)
    if len(wanted) < ARN_PARTS:
        return None
    if len(given) < ARN_PARTS:
        return False
    return all_of(text_matches(want, got, request) for want, got in zip(wanted, given, strict=True))


def resource_matches(
    pattern: Pattern, value: str, request: Request, *, complete: bool
) -> bool | None:
    """A Resource or NotResource: with `complete`, parts that a pattern lacks count as `*`."""
    parts = _segments(pattern)
    if len(parts) == 1 or value.count(":") < ARN_PARTS - 1:
        return text_matches(pattern, value, request)
    missing = ARN_PARTS - len(parts) if complete else 0
    return arn_matches(_joined(pattern, missing), value, request)


def lacks_value(pattern: Pattern, request: Request) -> bool:
    """Whether a variable of the pattern has neither a value in the request nor a default."""
    return any(
        isinstance(part, Variable) and part.default is None and not request.value(part.key)
        for part in pattern
    )


@lru_cache(maxsize=8192)
def _joined(pattern: Pattern, missing: int) -> Pattern:
    return (*pattern, *(":", Wildcard("*")) * missing)


@lru_cache(maxsize=8192)
def _segments(pattern: Pattern) -> tuple[Pattern, ...]:
    """A pattern, cut at its first five colons; those inside variables do not count."""
    found: list[list[Part]] = [[]]
    for part in pattern:
        pieces = part.split(":", ARN_PARTS - len(found)) if isinstance(part, str) else [part]
        found[-1].append(pieces[0])
        found += [[piece] for piece in pieces[1:]]
    return tuple(tuple(piece for piece in segment if piece != "") for segment in found)


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """True if one is; else None if one cannot be told."""
    unclear = False
    for answer in answers:
        if answer:
            return True
        unclear |= answer is None
    return None if unclear else False


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """False if one is; else None if one cannot be told."""
    unclear = False
    for answer in answers:
        if answer is False:
            return False
        unclear |= answer is None
    return None if unclear else True

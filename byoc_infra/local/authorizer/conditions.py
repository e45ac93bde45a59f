"""The Condition of a statement: every operator of the IAM User Guide; pure.

True, False, or None where it cannot be told: an unknown operator, a value that is not of the
operator's kind, a key that AWS would have and the local cloud does not produce. Source: IAM User
Guide, "Condition operators" and "Set operators for multivalued context keys".
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from byoc_infra.local.authorizer.patterns import (
    Request,
    all_of,
    any_of,
    arn_matches,
    pattern_of,
    text_matches,
)

__all__ = ["OPERATORS", "condition_holds"]

_QUALIFIED = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_EPOCH = re.compile(r"\d{5,}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?")

Answer = bool | None
Compare = Callable[[str, str, Request, bool], Answer]
"""`compare(wanted, value, request, variables)`: whether one value is what the policy wants."""


@dataclass(frozen=True)
class _Operator:
    compare: Compare
    negated: bool = False


def condition_holds(
    name: str, key: str, wanted: Sequence[str], request: Request, *, variables: bool
) -> Answer:
    """Whether a condition is met by a request; `variables` as in its statement."""
    found = _QUALIFIED.fullmatch(name)
    qualifier, plain, if_exists = found.groups() if found else (None, "", None)
    value = request.value(key.lower())
    if value is None and request.unproduced(key.lower()):
        return None
    if name == "Null":
        return _is_null(wanted, absent=value is None)
    known = OPERATORS.get(plain)
    if known is None:
        return None
    if value is None:
        return _of_absent(qualifier, known, if_exists=if_exists is not None)
    return _of_present(qualifier, known, value, [(one, variables) for one in wanted], request)


def _is_null(wanted: Sequence[str], *, absent: bool) -> Answer:
    truths = [_truth(want) for want in wanted]
    return any_of(None if truth is None else truth == absent for truth in truths)


def _of_absent(qualifier: str | None, known: _Operator, *, if_exists: bool) -> Answer:
    if qualifier == "ForAnyValue":
        # "False if there is no such key" and "true if it is not present" contradict each other.
        return None if if_exists else False
    return if_exists or qualifier == "ForAllValues" or known.negated


def _of_present(
    qualifier: str | None,
    known: _Operator,
    value: str | tuple[str, ...],
    wanted: Sequence[tuple[str, bool]],
    request: Request,
) -> Answer:
    def holds(one: str) -> Answer:
        met = any_of(known.compare(want, one, request, fill) for want, fill in wanted)
        return met if met is None else met != known.negated

    if qualifier is None:
        # AWS wants a set operator for a key with several values and does not say what else happens.
        return holds(value) if isinstance(value, str) else None
    # An empty string is a "null data set", as is a key that is not there.
    values = [one for one in ([value] if isinstance(value, str) else value) if one]
    if qualifier == "ForAllValues":
        return all_of(holds(one) for one in values)
    return any_of(holds(one) for one in values)


def _string(
    wanted: str,
    value: str,
    request: Request,
    variables: bool,  # noqa: FBT001 - one signature for all comparisons
    *,
    wildcards: bool = False,
    ignore_case: bool = False,
) -> Answer:
    pattern = pattern_of(wanted, variables=variables)
    return text_matches(pattern, value, request, wildcards=wildcards, ignore_case=ignore_case)


def _arn(wanted: str, value: str, request: Request, variables: bool) -> Answer:  # noqa: FBT001
    return arn_matches(pattern_of(wanted, variables=variables), value, request)


def _bool(wanted: str, value: str, request: Request, variables: bool) -> Answer:  # noqa: FBT001
    if "${" in wanted:
        return _string(wanted, value, request, variables, ignore_case=True)
    want, got = _truth(wanted), _truth(value)
    return None if want is None or got is None else want == got


def _truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _read(
    read: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    wanted: str,
    value: str,
    _request: Request,
    _variables: bool,  # noqa: FBT001
) -> Answer:
    """Both sides, read as what the operator is for; policy variables are not filled in there."""
    want, got = read(wanted), read(value)
    return None if want is None or got is None else compare(want, got)


@lru_cache(maxsize=1024)
def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def _moment(text: str) -> float | None:
    """Seconds since 1970, which AWS takes too; four digits could also be a year."""
    if _EPOCH.fullmatch(text):
        return float(text)
    if not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=1024)
def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _inside(wanted: Any, value: Any) -> bool:  # noqa: ANN401 - networks of either version
    return bool(wanted.version == value.version and value.subnet_of(wanted))


def _ordered(read: Callable[[str], Any], kind: str) -> dict[str, _Operator]:
    """The six comparisons of numbers and dates: the request's value against the wanted one."""
    compared: dict[str, Callable[[Any, Any], bool]] = {
        "Equals": operator.eq,
        "LessThan": operator.gt,
        "LessThanEquals": operator.ge,
        "GreaterThan": operator.lt,
        "GreaterThanEquals": operator.le,
    }
    made = {f"{kind}{name}": _Operator(partial(_read, read, how)) for name, how in compared.items()}
    return {**made, f"{kind}NotEquals": _Operator(partial(_read, read, operator.eq), negated=True)}


OPERATORS: dict[str, _Operator] = {
    "StringEquals": _Operator(_string),
    "StringNotEquals": _Operator(_string, negated=True),
    "StringEqualsIgnoreCase": _Operator(partial(_string, ignore_case=True)),
    "StringNotEqualsIgnoreCase": _Operator(partial(_string, ignore_case=True), negated=True),
    "StringLike": _Operator(partial(_string, wildcards=True)),
    "StringNotLike": _Operator(partial(_string, wildcards=True), negated=True),
    **_ordered(_number, "Numeric"),
    **_ordered(_moment, "Date"),
    "Bool": _Operator(_bool),
    "BinaryEquals": _Operator(partial(_read, _bytes, operator.eq)),
    "IpAddress": _Operator(partial(_read, _network, _inside)),
    "NotIpAddress": _Operator(partial(_read, _network, _inside), negated=True),
    "ArnEquals": _Operator(_arn),
    "ArnLike": _Operator(_arn),
    "ArnNotEquals": _Operator(_arn, negated=True),
    "ArnNotLike": _Operator(_arn, negated=True),
}
"""All but `Null`, without set qualifier and `IfExists`."""

"""IAM policies, read and evaluated; pure.

An explicit Deny wins, then one Allow is needed. What this cannot evaluate (an operator or key it
does not know, a policy variable) is never guessed in the caller's favour: with it an Allow does
not match and a Deny does, and the verdict says so.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = [
    "Context",
    "Statement",
    "UnreadablePolicyError",
    "Verdict",
    "condition_holds",
    "evaluate",
    "like",
    "read_policy",
]

_EXACT_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:requestedregion",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceidentity",
        "aws:viaawsservice",
        "ec2:createaction",
        "ecs:cluster",
        "ecs:createaction",
        "elasticloadbalancing:createaction",
        "iam:awsservicename",
        "iam:passedtoservice",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
    }
)
_KEY_FAMILIES = (
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "ec2:resourcetag/",
    "ecs:resourcetag/",
    "elasticloadbalancing:resourcetag/",
    "iam:resourcetag/",
    "secretsmanager:resourcetag/",
)
_KNOWN_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    }
)


Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys of a request; a key that may hold several values, such as `aws:TagKeys`, has them
in a tuple."""


class UnreadablePolicyError(ValueError):
    """A policy document that is not one."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy document."""

    name: str
    """Its Sid, or its place in the document: what verdicts call it."""
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_actions: bool = False
    """`actions` are those that it is *not* about."""
    not_resources: bool = False
    principals: Mapping[str, tuple[str, ...]] | None = None
    """Kind → names, in a trust policy; `{"*": ("*",)}` for everybody."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(operator, key, wanted values)."""
    strange: tuple[str, ...] = ()
    """Why it cannot be evaluated at all."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether one action on some resources is allowed, and why."""

    allowed: bool
    explicit: bool = False
    """Denied by a statement, not by the lack of one."""
    why: str
    unclear: tuple[str, ...] = ()
    """What could not be evaluated on the way."""


def evaluate(
    statements: Iterable[Statement],
    action: str,
    resources: Sequence[str],
    context: Context,
) -> Verdict:
    """The verdict of one policy set; every resource must be allowed."""
    known = tuple(statements)
    values = {key.lower(): value for key, value in context.items()}
    verdict = Verdict(allowed=False, why=f"no statement allows {action}")
    for resource in resources:
        verdict = _evaluate_one(known, action, resource, values)
        if not verdict.allowed:
            return verdict
    return verdict


def _evaluate_one(
    statements: Sequence[Statement], action: str, resource: str, values: Context
) -> Verdict:
    granted: str | None = None
    unclear: list[str] = []
    for statement in statements:
        holds, doubts = _applies(statement, action, resource, values)
        unclear += [f"{statement.name}: {doubt}" for doubt in doubts]
        if not statement.allows and holds:
            doubt = f" (could not be evaluated: {', '.join(doubts)})" if doubts else ""
            why = f"explicit deny in {statement.name}{doubt}"
            return Verdict(allowed=False, explicit=True, why=why, unclear=tuple(unclear))
        if statement.allows and holds and not doubts and granted is None:
            granted = statement.name
    if granted is not None:
        return Verdict(allowed=True, why=f"allowed by {granted}", unclear=tuple(unclear))
    doubt = f"; could not be evaluated: {', '.join(unclear)}" if unclear else ""
    why = f"no statement allows {action} on {resource}{doubt}"
    return Verdict(allowed=False, why=why, unclear=tuple(unclear))


def _applies(
    statement: Statement, action: str, resource: str, values: Context
) -> tuple[bool, list[str]]:
    """Whether a statement is about this request, as far as can be told, and what cannot."""
    named = any(_matches(want.lower(), action.lower()) for want in statement.actions)
    if named == statement.not_actions:
        return False, []
    placed = any(
        _matches_arn(want, resource) for want in statement.resources if not _has_variable(want)
    )
    doubts = list(statement.strange)
    if not placed:
        doubts += [f"variable in {want}" for want in statement.resources if _has_variable(want)]
    if placed == statement.not_resources and (placed or not doubts):
        return False, []
    for operator, key, wanted in statement.conditions:
        answer = condition_holds(operator, key, wanted, values)
        # A condition that is clearly not met settles the statement, whatever else is unclear.
        if answer is False:
            return False, []
        if answer is None:
            doubts.append(f"{operator} {key}")
    return True, doubts


def condition_holds(operator: str, key: str, wanted: Sequence[str], values: Context) -> bool | None:
    """Whether a condition is met; None if that cannot be told. `values` has lower-case keys."""
    compare = _OPERATORS.get(operator)
    known = key.lower() in _EXACT_KEYS or key.lower().startswith(_KEY_FAMILIES)
    if compare is None or not known or any(_has_variable(want) for want in wanted):
        return None
    found = values.get(key.lower(), ())
    given = (found,) if isinstance(found, str) else found
    return any(compare(want, value) for want in wanted for value in given)


def like(pattern: str, value: str) -> bool:
    """IAM's wildcards: `*` is any text, `?` any one character; case counts."""
    return _matches(pattern, value)


@lru_cache(maxsize=8192)
def _regex(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(char) or re.escape(char) for char in pattern), re.DOTALL)


def _matches(pattern: str, value: str) -> bool:
    return pattern == "*" or _regex(pattern).fullmatch(value) is not None


def _matches_arn(pattern: str, value: str) -> bool:
    """Segment by segment: a wildcard before the resource part does not reach over a colon.

    Missing segments count as `*` (IAM User Guide, "Resource": incomplete ARNs).
    """
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    if len(wanted) == 1 or len(given) < 6:
        return _matches(pattern, value)
    wanted += ["*"] * (6 - len(wanted))
    return all(_matches(want, got) for want, got in zip(wanted, given, strict=True))


def _has_variable(text: str) -> bool:
    return "${" in text


def _equal(wanted: str, value: str) -> bool:
    return wanted == value


def _same_truth(wanted: str, value: str) -> bool:
    return wanted.lower() == value.lower()


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equal,
    "StringLike": _matches,
    "ArnEquals": _matches_arn,
    "ArnLike": _matches_arn,
    "Bool": _same_truth,
}


@lru_cache(maxsize=1024)
def read_policy(document: str) -> tuple[Statement, ...]:
    """The statements of a JSON document; `UnreadablePolicyError` if it is not a policy."""
    try:
        content = json.loads(document)
    except ValueError as error:
        raise UnreadablePolicyError(f"the policy is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UnreadablePolicyError("the policy is not a JSON object")
    statements = content.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return tuple(_read_statement(number, item) for number, item in enumerate(listed, start=1))


def _read_statement(number: int, item: object) -> Statement:
    if not isinstance(item, dict):
        raise UnreadablePolicyError(f"statement {number} is not an object")
    effect = item.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise UnreadablePolicyError(f"statement {number} has Effect {effect!r}")
    strange = [f"element {name}" for name in item if name not in _KNOWN_ELEMENTS]
    strange += ["element NotPrincipal"] if "NotPrincipal" in item else []
    principal = item.get("Principal")
    return Statement(
        name=str(item.get("Sid") or f"statement {number}"),
        allows=effect == "Allow",
        actions=_texts(item.get("NotAction", item.get("Action"))),
        not_actions="NotAction" in item,
        # A trust policy has no Resource: it is about the role that carries it.
        resources=_texts(item.get("NotResource", item.get("Resource", "*"))),
        not_resources="NotResource" in item,
        principals=None if principal is None else _read_principals(principal),
        conditions=tuple(_read_conditions(item.get("Condition", {}))),
        strange=tuple(strange),
    )


def _read_principals(principal: object) -> dict[str, tuple[str, ...]]:
    if isinstance(principal, dict):
        return {str(kind): _texts(names) for kind, names in principal.items()}
    return {"*": _texts(principal)}


def _read_conditions(block: object) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    if not isinstance(block, dict):
        raise UnreadablePolicyError("a Condition is not an object")
    for operator, keys in block.items():
        if not isinstance(keys, dict):
            raise UnreadablePolicyError(f"the Condition {operator} is not an object")
        for key, wanted in keys.items():
            yield str(operator), str(key), _texts(wanted)


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the JSON held
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(_text(item) for item in value)
    return (_text(value),)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

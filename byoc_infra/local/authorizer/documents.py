"""IAM policy documents, read into statements; pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from byoc_infra.local.authorizer.patterns import action_matches

__all__ = ["Policy", "Statement", "UnreadablePolicyError", "named_policy", "read_policy"]

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
_VERSION_WITH_VARIABLES = "2012-10-17"
"""In the older version, which is also the one of a document that names none, `${` is text."""

Principals = Mapping[str, tuple[str, ...]]


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
    principals: Principals | None = None
    """Kind → names, in a policy of a resource; `{"*": ("*",)}` for everybody."""
    not_principals: bool = False
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(operator, key, wanted values)."""
    variables: bool = False
    """`${aws:…}` stands for a value of the request."""
    strange: tuple[str, ...] = ()
    """Why it cannot be evaluated at all."""

    def is_about(self, action: str) -> bool:
        """Whether its Action or NotAction covers an action."""
        named = any(action_matches(want, action) for want in self.actions)
        return named != self.not_actions


@dataclass(frozen=True, kw_only=True, eq=False)
class Policy:
    """A policy with its name; one object for each, so that what was found stays found."""

    name: str
    document: str
    statements: tuple[Statement, ...]
    digest: str
    """Names this policy with this document in the log."""
    _about: dict[str, tuple[Statement, ...]] = field(default_factory=dict, repr=False)

    def about(self, action: str) -> tuple[Statement, ...]:
        """The statements whose Action or NotAction covers an action."""
        found = self._about.get(action)
        if found is None:
            found = tuple(item for item in self.statements if item.is_about(action))
            self._about[action] = found
        return found


@lru_cache(maxsize=1024)
def named_policy(name: str, document: str) -> Policy:
    """A policy whose statements are each called `<policy>/<Sid>`.

    A policy that cannot be read counts as one Deny of everything that could not be evaluated.
    """
    try:
        read = read_policy(document)
    except UnreadablePolicyError as error:
        everything = Statement(
            name="unreadable",
            allows=False,
            actions=("*",),
            resources=("*",),
            principals={"*": ("*",)},
            strange=(str(error),),
        )
        read = (everything,)
    return Policy(
        name=name,
        document=document,
        statements=tuple(replace(item, name=f"{name}/{item.name}") for item in read),
        digest=hashlib.sha256(f"{name}\n{document}".encode()).hexdigest()[:16],
    )


@lru_cache(maxsize=1024)
def read_policy(document: str) -> tuple[Statement, ...]:
    """The statements of a JSON document; `UnreadablePolicyError` if it is not a policy."""
    try:
        content = json.loads(document)
    except ValueError as error:
        raise UnreadablePolicyError(f"the policy is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UnreadablePolicyError("the policy is not a JSON object")
    variables = content.get("Version") == _VERSION_WITH_VARIABLES
    statements = content.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    read = (_read_statement(number, item) for number, item in enumerate(listed, start=1))
    return tuple(replace(item, variables=variables) for item in read)


def _read_statement(number: int, item: object) -> Statement:
    if not isinstance(item, dict):
        raise UnreadablePolicyError(f"statement {number} is not an object")
    effect = item.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise UnreadablePolicyError(f"statement {number} has Effect {effect!r}")
    principal = item.get("NotPrincipal", item.get("Principal"))
    return Statement(
        name=str(item.get("Sid") or f"statement {number}"),
        allows=effect == "Allow",
        actions=_texts(item.get("NotAction", item.get("Action"))),
        not_actions="NotAction" in item,
        # A trust policy has no Resource: it is about the role that carries it.
        resources=_texts(item.get("NotResource", item.get("Resource", "*"))),
        not_resources="NotResource" in item,
        principals=None if principal is None else _read_principals(principal),
        not_principals="NotPrincipal" in item,
        conditions=tuple(_read_conditions(item.get("Condition", {}))),
        strange=tuple(_oddities(item)),
    )


def _oddities(item: Mapping[str, object]) -> Iterable[str]:
    for name in item:
        if name not in _KNOWN_ELEMENTS:
            yield f"element {name}"
        elif f"Not{name}" in item:
            yield f"both {name} and Not{name}"


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

"""Statements of IAM policies, evaluated for one request; pure.

An explicit Deny wins, then one Allow is needed. What this cannot evaluate (an unknown operator, a
key that AWS would have and the local cloud does not produce) is never guessed in the caller's
favour: with it an Allow does not match and a Deny does, and the verdict says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from byoc_infra.local.authorizer.conditions import condition_holds
from byoc_infra.local.authorizer.documents import Statement, UnreadablePolicyError, read_policy
from byoc_infra.local.authorizer.patterns import (
    Context,
    Request,
    any_of,
    lacks_value,
    pattern_of,
    resource_matches,
)

__all__ = [
    "Context",
    "Request",
    "Statement",
    "Unproduced",
    "UnreadablePolicyError",
    "Verdict",
    "decide",
    "evaluate",
    "read_policy",
    "request_of",
]

Unproduced = Callable[[str, str], bool]
"""`unproduced(action, key)`: whether a key, in lower case, may be there on AWS and is not here."""


def _all_are_produced(_action: str, _key: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether one action on some resources is allowed, and why."""

    allowed: bool
    explicit: bool = False
    """Denied by a statement, not by the lack of one."""
    why: str
    unclear: tuple[str, ...] = ()
    """What could not be evaluated on the way."""


def request_of(
    action: str, resource: str, context: Context, unproduced: Unproduced = _all_are_produced
) -> Request:
    """One action on one resource, as policies see it."""
    return Request(
        action=action,
        resource=resource,
        values={key.lower(): value for key, value in context.items()},
        unproduced=lambda key: unproduced(action, key),
    )


def evaluate(
    statements: Iterable[Statement],
    action: str,
    resources: Sequence[str],
    context: Context,
    unproduced: Unproduced = _all_are_produced,
) -> Verdict:
    """The verdict of one policy set; every resource must be allowed."""
    about = tuple(item for item in statements if item.is_about(action))
    verdict = Verdict(allowed=False, why=f"no statement allows {action}")
    for resource in resources:
        verdict = decide(about, request_of(action, resource, context, unproduced))
        if not verdict.allowed:
            return verdict
    return verdict


def decide(statements: Iterable[Statement], request: Request) -> Verdict:
    """The verdict of statements whose Action is known to cover the request's."""
    granted: str | None = None
    unclear: list[str] = []
    for statement in statements:
        holds, doubts = _applies(statement, request)
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
    why = f"no statement allows {request.action} on {request.resource}{doubt}"
    return Verdict(allowed=False, why=why, unclear=tuple(unclear))


def _applies(statement: Statement, request: Request) -> tuple[bool, list[str]]:
    """Whether a statement holds for this request, as far as can be told, and what cannot."""
    doubts = list(statement.strange)
    placed = any_of(_is_at(statement, want, request) for want in statement.resources)
    if placed is None:
        doubts.append("a resource that is incomplete or has a variable")
    elif placed == statement.not_resources:
        return False, []
    for operator, key, wanted in statement.conditions:
        answer = condition_holds(operator, key, wanted, request, variables=statement.variables)
        # A condition that is clearly not met settles the statement, whatever else is unclear.
        if answer is False:
            return False, []
        if answer is None:
            doubts.append(f"{operator} {key}")
    return True, doubts


def _is_at(statement: Statement, wanted: str, request: Request) -> bool | None:
    if wanted == "*":
        return True
    # AWS says that it completes ARNs in the Resource of policies of identities, and nothing more.
    complete = statement.principals is None and not statement.not_resources
    pattern = pattern_of(wanted, variables=statement.variables)
    if statement.not_resources and lacks_value(pattern, request):
        # "Will not match any resource", says AWS, and with NotResource that can mean either.
        return None
    return resource_matches(pattern, request.resource, request, complete=complete)

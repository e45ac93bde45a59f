"""Whom a role trusts: its trust policy, evaluated for one caller; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from byoc_infra.local.authorizer.policies import Context, Statement, Verdict, evaluate
from byoc_infra.local.wire import Principal

__all__ = ["Caller", "as_caller", "service_caller", "trusts"]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The names under which a trust policy may mean a caller."""

    kind: str
    """`AWS` or `Service`."""
    names: frozenset[str]


def as_caller(principal: Principal) -> Caller:
    """A user or session: by its own ARN, its role's, its account's root or number, or `*`."""
    account = principal.account_id
    names = {principal.arn, account, f"arn:aws:iam::{account}:root", "*"}
    return Caller(kind="AWS", names=frozenset(names | {principal.role_arn or principal.arn}))


def service_caller(service: str) -> Caller:
    """An AWS service: `ecs-tasks.amazonaws.com`."""
    return Caller(kind="Service", names=frozenset({service}))


def trusts(
    statements: Iterable[Statement],
    caller: Caller,
    action: str,
    role_arn: str,
    context: Context,
) -> Verdict:
    """Whether a trust policy lets this caller do `action` with the role."""
    about = [item for item in statements if _names(item, caller) or _undecided(item)]
    if not about:
        return Verdict(allowed=False, why="the trust policy names another principal")
    return evaluate(about, action, [role_arn], context)


def _names(statement: Statement, caller: Caller) -> bool:
    principals = statement.principals or {}
    meant = {*principals.get(caller.kind, ()), *principals.get("*", ())}
    return bool(meant & caller.names)


def _undecided(statement: Statement) -> bool:
    """A Deny that names its principals in a way we cannot evaluate is kept, so that it hits."""
    return not statement.allows and bool(statement.strange)

"""Whom a policy of a resource means by its Principal or NotPrincipal; pure.

Sources: IAM User Guide, "Principal", "NotPrincipal with Deny" and "Policy evaluation for requests
within a single account".
"""

from dataclasses import dataclass
from enum import Enum

from byoc_infra.local.authorizer.documents import Statement
from byoc_infra.local.wire import Principal

__all__ = ["Caller", "Meant", "meant_by", "service_caller", "signer"]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The names under which a policy may mean a caller."""

    account: str
    """Empty for an AWS service."""
    itself: str
    """A user's or session's ARN, or a service's name."""
    role: str | None = None
    """The ARN of the role behind a session."""
    bounded: bool = False
    """Has a permissions boundary."""

    @property
    def kind(self) -> str:
        """The key of Principal that names such callers."""
        return "AWS" if self.account else "Service"


class Meant(Enum):
    """How closely a statement names a caller: it decides what else must allow the request."""

    NOT = "not"
    ACCOUNT = "account"
    """Its account: the account's own policies decide further."""
    ROLE = "role"
    """The role behind a session; its boundary and the session's policy still limit it."""
    ITSELF = "itself"
    """The user, the session or service, or everybody."""


def signer(principal: Principal, *, bounded: bool = False) -> Caller:
    """A user or session that signed a request."""
    return Caller(
        account=principal.account_id,
        itself=principal.arn,
        role=principal.role_arn,
        bounded=bounded,
    )


def service_caller(service: str) -> Caller:
    """An AWS service: `ecs-tasks.amazonaws.com`."""
    return Caller(account="", itself=service)


def meant_by(statement: Statement, caller: Caller) -> tuple[Meant, str | None]:
    """How a statement means a caller, and what of that is unclear."""
    listed = statement.principals or {}
    names = {*listed.get(caller.kind, ()), *listed.get("*", ())}
    if statement.not_principals:
        return _not_listed(statement, names, caller)
    if {"*", caller.itself} & names:
        return Meant.ITSELF, None
    if caller.role in names:
        return Meant.ROLE, None
    return (Meant.ACCOUNT if _account_names(caller) & names else Meant.NOT), None


def _account_names(caller: Caller) -> set[str]:
    if not caller.account:
        return set()
    return {caller.account, f"arn:aws:iam::{caller.account}:root"}


def _not_listed(statement: Statement, names: set[str], caller: Caller) -> tuple[Meant, str | None]:
    """A Deny spares a caller only if account, role and session are all listed.

    AWS "might validate the account first, then the role, and then the assumed-role user", so less
    is unclear; and it never spares one with a permissions boundary.
    """
    if "*" in names:
        return Meant.NOT, None
    account = bool(_account_names(caller) & names) or not caller.account
    listed = [account, caller.itself in names]
    if caller.role is not None:
        listed.append(caller.role in names)
    if statement.allows:
        return (Meant.NOT if any(listed) else Meant.ITSELF), None
    if caller.bounded or not any(listed):
        return Meant.ITSELF, None
    if all(listed):
        return Meant.NOT, None
    return Meant.ITSELF, "NotPrincipal lists only a part of account, role and session"

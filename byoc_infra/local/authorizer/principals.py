"""Who owns an access key, and which policies are theirs: read in process from moto's IAM."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from moto.iam.models import iam_backends

from byoc_infra.local.authorizer.policies import Statement, UnreadablePolicyError, read_policy
from byoc_infra.local.wire import Principal

__all__ = ["MotoPolicies", "PolicySource", "Role", "UserKey", "named_statements"]


@dataclass(frozen=True, kw_only=True)
class UserKey:
    """A long-lived access key of an IAM user."""

    secret: str
    active: bool
    principal: Principal


@dataclass(frozen=True, kw_only=True)
class Role:
    """What deciding about an IAM role takes."""

    arn: str
    id: str
    trust: str
    max_session_s: int


class PolicySource(Protocol):
    """Where keys, roles and policies come from."""

    def user_key(self, access_key_id: str) -> UserKey | None:
        """The user's key of that id, if there is one."""

    def role(self, arn: str) -> Role | None:
        """The role of exactly that ARN."""

    def statements(self, principal: Principal) -> tuple[Statement, ...]:
        """All identity policies of a user (with groups), or of the role behind a session."""

    def user_id(self, principal: Principal) -> str:
        """A user's unique id: `AIDA…`."""

    def managed_policy(self, account_id: str, arn: str) -> str | None:
        """The document of a managed policy as that account sees it."""


@lru_cache(maxsize=1024)
def named_statements(policy: str, document: str) -> tuple[Statement, ...]:
    """A policy's statements, each called `<policy>/<Sid>`.

    A policy that cannot be read counts as one Deny of everything that could not be evaluated.
    """
    try:
        read = read_policy(document)
    except UnreadablePolicyError as error:
        name, strange = f"{policy}/unreadable", (str(error),)
        return (
            Statement(name=name, allows=False, actions=("*",), resources=("*",), strange=strange),
        )
    return tuple(replace(item, name=f"{policy}/{item.name}") for item in read)


class MotoPolicies:
    """The policy source of the emulator: moto's IAM backends in this process."""

    def user_key(self, access_key_id: str) -> UserKey | None:
        """The user's key of that id, if there is one."""
        for account_id in list(iam_backends):
            backend = iam_backends[account_id]["aws"]
            key = backend.access_keys.get(access_key_id)
            if key is None or not key.user_name:
                continue
            user = backend.users.get(key.user_name)
            if user is not None:
                owner = Principal(arn=user.arn, account_id=account_id)
                active = key.status == "Active"
                return UserKey(secret=key.secret_access_key, active=active, principal=owner)
        return None

    def role(self, arn: str) -> Role | None:
        """The role of exactly that ARN."""
        found = self._role(arn)
        if found is None:
            return None
        return Role(
            arn=found.arn,
            id=found.id,
            trust=found.assume_role_policy_document,
            max_session_s=int(found.max_session_duration or 3600),
        )

    def statements(self, principal: Principal) -> tuple[Statement, ...]:
        """All identity policies of a user (with groups), or of the role behind a session."""
        holders = self._holders(principal)
        return tuple(item for holder in holders for item in _statements_of(holder))

    def user_id(self, principal: Principal) -> str:
        """A user's unique id: `AIDA…`."""
        return str(next((holder.id for holder in self._holders(principal)), ""))

    def managed_policy(self, account_id: str, arn: str) -> str | None:
        """The document of a managed policy as that account sees it."""
        policy = iam_backends[account_id]["aws"].managed_policies.get(arn)
        return None if policy is None else _default_document(policy)

    def _holders(self, principal: Principal) -> Iterable[Any]:
        if principal.role_arn is not None:
            role = self._role(principal.role_arn)
            return () if role is None else (role,)
        backend = iam_backends[principal.account_id]["aws"]
        users = list(backend.users.values())
        user = next((item for item in users if item.arn == principal.arn), None)
        if user is None:
            return ()
        groups = (group for group in list(backend.groups.values()) if user in group.users)
        return (user, *groups)

    def _role(self, arn: str) -> Any:  # noqa: ANN401 - moto's object
        account_id = arn.split(":")[4] if arn.count(":") >= 5 else ""
        if account_id not in iam_backends:
            return None
        roles = iam_backends[account_id]["aws"].roles.values()
        return next((role for role in list(roles) if role.arn == arn), None)


def _statements_of(holder: Any) -> Iterable[Statement]:  # noqa: ANN401 - moto's object
    for name, document in list(holder.policies.items()):
        yield from named_statements(name, _text(document))
    for policy in list(holder.managed_policies.values()):
        yield from named_statements(policy.name, _default_document(policy))


def _default_document(policy: Any) -> str:  # noqa: ANN401 - moto's object
    versions = {version.version_id: version.document for version in policy.versions}
    return _text(versions[policy.default_version_id])


def _text(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document)

"""Who owns an access key, and which policies have a say: read in process from moto's backends."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from moto.iam.models import iam_backends

from byoc_infra.local.authorizer.carriers import BOUNDARY, resource_policy, role_of
from byoc_infra.local.authorizer.documents import Policy, named_policy
from byoc_infra.local.wire import Principal

__all__ = ["MotoPolicies", "PolicySource", "Role", "UserKey"]


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

    def identity(self, principal: Principal) -> tuple[Policy, ...]:
        """All policies of a user (with groups), or of the role behind a session."""

    def boundary(self, principal: Principal) -> tuple[Policy, ...] | None:
        """The permissions boundary of a user or role; None without one."""

    def of_resource(self, action: str, arn: str) -> Policy | None:
        """The policy that a resource carries: a secret's, a key's, a role's trust."""

    def user_id(self, principal: Principal) -> str:
        """A user's unique id: `AIDA…`."""

    def managed_policy(self, account_id: str, arn: str) -> str | None:
        """The document of a managed policy as that account sees it."""


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
        found = role_of(arn)
        if found is None:
            return None
        return Role(
            arn=found.arn,
            id=found.id,
            trust=found.assume_role_policy_document,
            max_session_s=int(found.max_session_duration or 3600),
        )

    def identity(self, principal: Principal) -> tuple[Policy, ...]:
        """All policies of a user (with groups), or of the role behind a session."""
        holders = self._holders(principal)
        return tuple(policy for holder in holders for policy in _policies_of(holder))

    def boundary(self, principal: Principal) -> tuple[Policy, ...] | None:
        """The permissions boundary of a user or role; None without one."""
        holder = next(iter(self._holders(principal)), None)
        arn = getattr(holder, BOUNDARY, None)
        if not arn:
            return None
        # A boundary that is gone allows nothing: the empty text is not a policy.
        document = self.managed_policy(principal.account_id, arn) or ""
        return (named_policy(f"boundary {arn.rpartition('/')[2]}", document),)

    def of_resource(self, action: str, arn: str) -> Policy | None:
        """The policy that a resource carries: a secret's, a key's, a role's trust."""
        found = resource_policy(action, arn)
        return None if found is None else named_policy(*found)

    def user_id(self, principal: Principal) -> str:
        """A user's unique id: `AIDA…`."""
        return str(next((holder.id for holder in self._holders(principal)), ""))

    def managed_policy(self, account_id: str, arn: str) -> str | None:
        """The document of a managed policy as that account sees it."""
        policy = iam_backends[account_id]["aws"].managed_policies.get(arn)
        return None if policy is None else _default_document(policy)

    def _holders(self, principal: Principal) -> Iterable[Any]:
        if principal.role_arn is not None:
            role = role_of(principal.role_arn)
            return () if role is None else (role,)
        backend = iam_backends[principal.account_id]["aws"]
        users = list(backend.users.values())
        user = next((item for item in users if item.arn == principal.arn), None)
        if user is None:
            return ()
        groups = (group for group in list(backend.groups.values()) if user in group.users)
        return (user, *groups)


def _policies_of(holder: Any) -> Iterable[Policy]:  # noqa: ANN401 - moto's object
    for name, document in list(holder.policies.items()):
        yield named_policy(name, _text(document))
    for policy in list(holder.managed_policies.values()):
        yield named_policy(policy.name, _default_document(policy))


def _default_document(policy: Any) -> str:  # noqa: ANN401 - moto's object
    versions = {version.version_id: version.document for version in policy.versions}
    return _text(versions[policy.default_version_id])


def _text(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document)

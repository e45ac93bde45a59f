"""Policies that resources carry, and boundaries of users: read and kept in moto's backends."""

from collections.abc import Callable
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call

__all__ = ["BOUNDARY", "keep_user_boundaries", "resource_policy", "role_of"]

BOUNDARY = "permissions_boundary_arn"
"""The attribute in which moto keeps a role's boundary, and we a user's, which moto drops."""


def resource_policy(action: str, arn: str) -> tuple[str, str] | None:
    """What is decisive for an action on a resource besides the caller's policies: name, document.

    A role carries its trust policy, which has a say only about becoming the role.
    """
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    _, _, service, region, account, rest = parts
    read = _READERS.get((action.partition(":")[0], service))
    document = read(account, region, arn, rest) if read is not None else None
    return (_NAMES[service], document) if document else None


def role_of(arn: str) -> Any:  # noqa: ANN401 - moto's object
    """The role of exactly that ARN, or None."""
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if account not in iam_backends:
        return None
    roles = iam_backends[account]["aws"].roles.values()
    return next((role for role in list(roles) if role.arn == arn), None)


def _secret(account: str, region: str, arn: str, _rest: str) -> str | None:
    secret = secretsmanager_backends[account][region].secrets.get(arn)
    return getattr(secret, "policy", None)


def _key(account: str, region: str, _arn: str, rest: str) -> str | None:
    key = kms_backends[account][region].keys.get(rest.removeprefix("key/"))
    return None if key is None else str(key.policy)


def _trust(_account: str, _region: str, arn: str, _rest: str) -> str | None:
    role = role_of(arn)
    return None if role is None else str(role.assume_role_policy_document)


_READERS: dict[tuple[str, str], Callable[[str, str, str, str], str | None]] = {
    ("kms", "kms"): _key,
    ("secretsmanager", "secretsmanager"): _secret,
    ("sts", "iam"): _trust,
}
"""(service of the action, service of the resource)."""
_NAMES = {"iam": "trust", "kms": "key policy", "secretsmanager": "secret policy"}


def keep_user_boundaries(hooks: Hooks) -> None:
    """Let users have permissions boundaries."""
    hooks.after("iam", "CreateUser", _set_boundary)
    for operation in ("PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary"):
        hooks.handle("iam", operation, _answer)


def _answer(call: Call) -> dict[str, Any]:
    _set_boundary(call)
    return {}


def _set_boundary(call: Call) -> None:
    """A request without a boundary is one that takes it off."""
    name = str(call.params.get("UserName", ""))
    user = iam_backends[call.account_id]["aws"].users.get(name)
    if user is None:
        raise AwsError("NoSuchEntity", f"The user with name {name} cannot be found.", status=404)
    setattr(user, BOUNDARY, call.params.get("PermissionsBoundary"))

"""Secrets Manager: what each operation asks.

A secret that is about to be made has no ARN yet; AWS adds six random characters to its name, and
here they are literally `-??????`, which `name-*` and `name-??????` match and the bare name does
not. With a key of the customer's own, reading and writing values asks for that key too.
"""

from collections.abc import Callable

from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    asked_tags,
    at,
    given,
    needs,
    reads,
)
from byoc_infra.local.authorizer.state import key_arn, secret_arn, secret_key_arn
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_NEW = at("secretsmanager", "secret:{Name}-??????")


def _secret(call: Call) -> tuple[str, ...]:
    return (secret_arn(call.account_id, call.region, str(call.params.get("SecretId", "*"))),)


def _given_key(call: Call) -> tuple[str, ...]:
    return (key_arn(call.account_id, call.region, str(call.params["KmsKeyId"])),)


def _own_key(call: Call) -> tuple[str, ...]:
    secret = str(call.params.get("SecretId", ""))
    key = secret_key_arn(call.account_id, call.region, secret)
    return (key,) if key else ()


def _writes_with_own_key(call: Call) -> bool:
    key = str(call.params.get("KmsKeyId") or "")
    return bool(key) and "alias/aws/" not in key


def _uses_key(key: Resources, actions: str, when: Callable[[Call], bool] | None = None) -> Row:
    return tuple(
        needs(f"kms:{name}", key, when=when or (lambda _: True), forwarded=True)
        for name in actions.split()
    )


def _each(operations: str) -> dict[str, Row]:
    return {name: (needs(f"secretsmanager:{name}", _secret),) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateSecret": (
        needs("secretsmanager:CreateSecret", _NEW, tagged=True),
        needs(
            "secretsmanager:TagResource",
            _NEW,
            tagged=True,
            when=lambda call: bool(asked_tags(call)),
        ),
        *_uses_key(_given_key, "GenerateDataKey Decrypt", _writes_with_own_key),
    ),
    "PutSecretValue": (
        needs("secretsmanager:PutSecretValue", _secret),
        *_uses_key(_own_key, "GenerateDataKey Decrypt"),
    ),
    "GetSecretValue": (
        needs("secretsmanager:GetSecretValue", _secret),
        *_uses_key(_own_key, "Decrypt"),
    ),
    "UpdateSecret": (
        needs("secretsmanager:UpdateSecret", _secret),
        *_uses_key(_given_key, "GenerateDataKey Decrypt", given("KmsKeyId")),
    ),
    "TagResource": (needs("secretsmanager:TagResource", _secret, tagged=True),),
    **_each(
        "DescribeSecret DeleteSecret RestoreSecret ListSecretVersionIds RotateSecret "
        "CancelRotateSecret PutResourcePolicy GetResourcePolicy DeleteResourcePolicy "
        "ValidateResourcePolicy UntagResource UpdateSecretVersionStage",
    ),
    **reads("secretsmanager", "ListSecrets GetRandomPassword"),
}

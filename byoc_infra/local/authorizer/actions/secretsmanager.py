"""Secrets Manager: what each operation asks.

A secret that is about to be made has no ARN yet; AWS adds six random characters to its name, and
here they are literally `-??????`, which `name-*` and `name-??????` match and the bare name does
not. With a key of the customer's own, reading and writing values asks for that key too.
"""

from collections.abc import Callable

from byoc_infra.local.authorizer.actions._keys import Keys, Values, said, switch
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    asked_tags,
    at,
    given,
    needs,
    reads,
    removed_tags,
)
from byoc_infra.local.authorizer.state import (
    key_arn,
    secret_arn,
    secret_key_arn,
    secret_rotation,
)
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


def _key_arn(call: Call) -> Values | None:
    name = call.params.get("KmsKeyId")
    return key_arn(call.account_id, call.region, str(name)) if name else None


def _rotation(call: Call) -> Values | None:
    return secret_rotation(call.account_id, call.region, str(call.params.get("SecretId", "")))


def _rules_given(call: Call) -> Values | None:
    return str("RotationRules" in call.params).lower()


_SM = "secretsmanager"
_EXISTING: Keys = {
    f"{_SM}:SecretId": lambda call: _secret(call)[0],
    f"{_SM}:SecretPrimaryRegion": lambda call: call.region,
    f"{_SM}:resource/AllowRotationLambdaArn": _rotation,
}
_ENCRYPTED: Keys = {f"{_SM}:KmsKeyArn": _key_arn, f"{_SM}:KmsKeyId": said("KmsKeyId")}
_NEW_SECRET: Keys = {
    **_ENCRYPTED,
    f"{_SM}:AddReplicaRegions": said("AddReplicaRegions.Region"),
    f"{_SM}:Description": said("Description"),
    f"{_SM}:ForceOverwriteReplicaSecret": switch("ForceOverwriteReplicaSecret"),
    f"{_SM}:Name": said("Name"),
    f"{_SM}:Type": said("Type"),
}


def _on(operation: str, keys: Keys | None = None, *, tagged: bool = False) -> Row:
    """A row for an operation on an existing secret, with further keys."""
    every = {**_EXISTING, **(keys or {})}
    return (needs(f"{_SM}:{operation}", _secret, tagged=tagged, keys=every),)


def _each(operations: str) -> dict[str, Row]:
    return {name: _on(name) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateSecret": (
        needs("secretsmanager:CreateSecret", _NEW, tagged=True, keys=_NEW_SECRET),
        needs(
            "secretsmanager:TagResource",
            _NEW,
            tagged=True,
            when=lambda call: bool(asked_tags(call)),
        ),
        *_uses_key(_given_key, "GenerateDataKey Decrypt", _writes_with_own_key),
    ),
    "PutSecretValue": (
        *_on("PutSecretValue"),
        *_uses_key(_own_key, "GenerateDataKey Decrypt"),
    ),
    "GetSecretValue": (
        *_on(
            "GetSecretValue",
            {f"{_SM}:VersionId": said("VersionId"), f"{_SM}:VersionStage": said("VersionStage")},
        ),
        *_uses_key(_own_key, "Decrypt"),
    ),
    "UpdateSecret": (
        *_on("UpdateSecret", {**_ENCRYPTED, f"{_SM}:Description": said("Description")}),
        *_uses_key(_given_key, "GenerateDataKey Decrypt", given("KmsKeyId")),
    ),
    "DeleteSecret": _on(
        "DeleteSecret",
        {
            f"{_SM}:ForceDeleteWithoutRecovery": switch("ForceDeleteWithoutRecovery"),
            f"{_SM}:RecoveryWindowInDays": said("RecoveryWindowInDays"),
        },
    ),
    "PutResourcePolicy": _on(
        "PutResourcePolicy", {f"{_SM}:BlockPublicPolicy": switch("BlockPublicPolicy")}
    ),
    "RotateSecret": _on(
        "RotateSecret",
        {
            f"{_SM}:ModifyRotationRules": _rules_given,
            f"{_SM}:RotateImmediately": switch("RotateImmediately"),
            f"{_SM}:RotationLambdaARN": said("RotationLambdaARN"),
        },
    ),
    "TagResource": _on("TagResource", tagged=True),
    "UntagResource": _on("UntagResource", {"aws:TagKeys": removed_tags}),
    **_each(
        "DescribeSecret RestoreSecret ListSecretVersionIds CancelRotateSecret GetResourcePolicy "
        "DeleteResourcePolicy ValidateResourcePolicy UpdateSecretVersionStage",
    ),
    **reads("secretsmanager", "ListSecrets GetRandomPassword"),
}

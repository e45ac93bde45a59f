"""KMS: what each operation asks of the caller's own policies.

Key policies are not evaluated: the default one leaves the decision to IAM.
"""

from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    asked_tags,
    at,
    needs,
    reads,
)
from byoc_infra.local.authorizer.state import key_arn
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_ALIAS = at("kms", "{AliasName}")


def _key(parameter: str) -> Resources:
    def resources(call: Call) -> tuple[str, ...]:
        return (key_arn(call.account_id, call.region, str(call.params.get(parameter) or "*")),)

    return resources


def _key_of_alias(call: Call) -> tuple[str, ...]:
    return (key_arn(call.account_id, call.region, str(call.params.get("AliasName", "*"))),)


def _each(operations: str) -> dict[str, Row]:
    return {name: (needs(f"kms:{name}", _key("KeyId")),) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateKey": (
        needs("kms:CreateKey", tagged=True),
        needs(
            "kms:TagResource",
            at("kms", "key/*"),
            tagged=True,
            when=lambda call: bool(asked_tags(call)),
        ),
    ),
    "CreateAlias": (
        needs("kms:CreateAlias", _ALIAS),
        needs("kms:CreateAlias", _key("TargetKeyId")),
    ),
    "UpdateAlias": (
        needs("kms:UpdateAlias", _ALIAS),
        needs("kms:UpdateAlias", _key("TargetKeyId")),
    ),
    "DeleteAlias": (
        needs("kms:DeleteAlias", _ALIAS),
        needs("kms:DeleteAlias", _key_of_alias),
    ),
    "TagResource": (needs("kms:TagResource", _key("KeyId"), tagged=True),),
    **_each(
        "DescribeKey GetKeyPolicy PutKeyPolicy ListKeyPolicies GetKeyRotationStatus "
        "EnableKeyRotation DisableKeyRotation EnableKey DisableKey UpdateKeyDescription "
        "ScheduleKeyDeletion CancelKeyDeletion UntagResource ListResourceTags Encrypt Decrypt "
        "GenerateDataKey GenerateDataKeyWithoutPlaintext CreateGrant ListGrants RevokeGrant",
    ),
    **reads("kms", "ListAliases ListKeys"),
}

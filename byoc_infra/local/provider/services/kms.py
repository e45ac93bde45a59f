"""KMS keys and aliases."""

from collections.abc import Mapping, Sequence

from byoc_infra.local.provider.aws import Client
from byoc_infra.local.provider.compare import same
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map, unique
from byoc_infra.local.provider.schema import Failure

__all__ = ["Alias", "Key"]


class _Kms(Resource):
    gone = ("NotFoundException",)

    @property
    def kms(self) -> Client:
        """The KMS client."""
        return self.aws.client("kms")


class Key(_Kms):
    """`aws:kms/key:Key`; kms: resourceKeyCreate, findKeyInfo, resourceKeyUpdate, …Delete."""

    type_name = "aws:kms/key:Key"
    title = "KMS Key"
    unmodelled = ("customKeyStoreId", "xksKeyId")

    @classmethod
    def refuse(cls, inputs: Props) -> list[Failure]:
        """A rotation period needs rotation."""
        if inputs.get("rotationPeriodInDays") and not inputs.get("enableKeyRotation"):
            return [Failure("rotationPeriodInDays", "needs 'enableKeyRotation'")]
        return []

    def make(self, new: Props) -> str:
        """CreateKey, with policy and tags."""
        answer = self.kms.create_key(
            KeySpec=new["customerMasterKeySpec"],
            **params(new, "keyUsage", "description", "multiRegion", "policy"),
            **params(new, "bypassPolicyLockoutSafetyCheck"),
            **(
                {"Tags": tag_list(new["tagsAll"], "TagKey", "TagValue")}
                if new.get("tagsAll")
                else {}
            ),
        )
        key_id: str = answer["KeyMetadata"]["KeyId"]
        return key_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Rotation, disabled state, then wait until policy and tags read back right."""
        if new.get("enableKeyRotation"):
            self._rotate(resource_id, new)
        if new.get("isEnabled") is False:
            self.kms.disable_key(KeyId=resource_id)
        self.aws.wait(f"KMS Key ({resource_id}) create", lambda: self._settled(resource_id, new))

    def _rotate(self, key_id: str, new: Props) -> None:
        if new.get("enableKeyRotation"):
            period = params(new, rotationPeriodInDays="RotationPeriodInDays")
            self.kms.enable_key_rotation(KeyId=key_id, **period)
        else:
            self.kms.disable_key_rotation(KeyId=key_id)

    def _policy(self, key_id: str) -> str:
        answer = self.kms.get_key_policy(KeyId=key_id, PolicyName="default")
        policy: str = answer["Policy"]
        return policy

    def _tags(self, key_id: str) -> Props:
        answer = self.kms.list_resource_tags(KeyId=key_id)
        return tag_map(answer.get("Tags"), "TagKey", "TagValue")

    def _settled(self, key_id: str, new: Props) -> bool | None:
        policy = new.get("policy")
        if policy and not same(self.rules, "policy", self._policy(key_id), policy):
            return None
        wanted = new.get("tagsAll")
        return None if wanted and self._tags(key_id) != wanted else True

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeKey, GetKeyPolicy, GetKeyRotationStatus, ListResourceTags."""
        key: Json = self.kms.describe_key(KeyId=resource_id)["KeyMetadata"]
        if key["KeyState"] == "PendingDeletion":
            return None
        rotation = self.kms.get_key_rotation_status(KeyId=resource_id)
        period = rotation.get("RotationPeriodInDays") or state.get("rotationPeriodInDays")
        return {
            "arn": key["Arn"],
            "keyId": key["KeyId"],
            "customerMasterKeySpec": key.get("KeySpec") or key.get("CustomerMasterKeySpec"),
            "keyUsage": key["KeyUsage"],
            "description": key.get("Description") or None,
            "isEnabled": key["Enabled"],
            "multiRegion": key.get("MultiRegion", False),
            "policy": self._policy(resource_id),
            "enableKeyRotation": rotation["KeyRotationEnabled"],
            "rotationPeriodInDays": period if rotation["KeyRotationEnabled"] else None,
            "tags": self._tags(resource_id),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Enable first, then rotation, description, policy; disable last."""
        if "isEnabled" in changed and new.get("isEnabled"):
            self.kms.enable_key(KeyId=resource_id)
        if changed & {"enableKeyRotation", "rotationPeriodInDays"}:
            self._rotate(resource_id, new)
        if "description" in changed:
            text = new.get("description", "")
            self.kms.update_key_description(KeyId=resource_id, Description=text)
        if "policy" in changed:
            self.kms.put_key_policy(KeyId=resource_id, PolicyName="default", Policy=new["policy"])
        if "isEnabled" in changed and not new.get("isEnabled"):
            self.kms.disable_key(KeyId=resource_id)
        self.aws.wait(f"KMS Key ({resource_id}) update", lambda: self._settled(resource_id, new))
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """ScheduleKeyDeletion, then wait for PendingDeletion, which counts as gone."""
        window = params(state, deletionWindowInDays="PendingWindowInDays")
        self.kms.schedule_key_deletion(KeyId=resource_id, **window)
        self.aws.wait(f"KMS Key ({resource_id}) delete", lambda: self._pending(resource_id))

    def _pending(self, key_id: str) -> bool | None:
        state = self.kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
        return True if state == "PendingDeletion" else None

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.kms.tag_resource(KeyId=resource_id, Tags=tag_list(tags, "TagKey", "TagValue"))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.kms.untag_resource(KeyId=resource_id, TagKeys=list(keys))


class Alias(_Kms):
    """`aws:kms/alias:Alias`; kms: resourceAliasCreate, findAliasByName, …Update, …Delete."""

    type_name = "aws:kms/alias:Alias"
    title = "KMS Alias"

    def make(self, new: Props) -> str:
        """CreateAlias."""
        name = new.get("name") or unique(new["namePrefix"])
        self.kms.create_alias(AliasName=name, TargetKeyId=new["targetKeyId"])
        return str(name)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """ListAliases."""
        pages = self.kms.get_paginator("list_aliases").paginate()
        aliases = (alias for page in pages for alias in page["Aliases"])
        alias: Json = next((a for a in aliases if a["AliasName"] == resource_id), None)
        if alias is None:
            return None
        key = alias.get("TargetKeyId")
        return {
            "arn": alias["AliasArn"],
            "name": alias["AliasName"],
            "targetKeyId": key,
            "targetKeyArn": self.aws.arn("kms", f"key/{key}"),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdateAlias."""
        self.kms.update_alias(AliasName=resource_id, TargetKeyId=new["targetKeyId"])
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteAlias."""
        self.kms.delete_alias(AliasName=resource_id)

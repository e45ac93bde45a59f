"""Secrets (never their values), their policies and their rotation."""

from collections.abc import Callable, Mapping, Sequence

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import Client, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map, unique
from byoc_infra.local.provider.schema import Failure

__all__ = ["Secret", "SecretPolicy", "SecretRotation"]


class _Secrets(Resource):
    gone = ("ResourceNotFoundException",)

    @property
    def secrets(self) -> Client:
        """The Secrets Manager client."""
        return self.aws.client("secretsmanager")

    def describe(self, secret_id: str) -> Json:
        """DescribeSecret; one that is scheduled for deletion counts as gone."""
        secret = self.secrets.describe_secret(SecretId=secret_id)
        return None if secret.get("DeletedDate") else secret

    def policy_of(self, secret_id: str) -> str | None:
        """GetResourcePolicy."""
        answer = self.secrets.get_resource_policy(SecretId=secret_id)
        return answer.get("ResourcePolicy") or None

    def wait_gone(self, what: str, look: Callable[[], Json]) -> None:
        """Read until nothing is found."""
        self.aws.wait(what, lambda: None if self._exists(look) else True, timeout_s=120)

    def _exists(self, look: Callable[[], Json]) -> bool:
        try:
            return bool(look())
        except ClientError as refused:
            if error_code(refused) in (*self.gone, "InvalidRequestException"):
                return False
            raise


class Secret(_Secrets):
    """`aws:secretsmanager/secret:Secret`; secretsmanager: resourceSecretCreate, …Read, …Delete."""

    type_name = "aws:secretsmanager/secret:Secret"
    title = "Secrets Manager Secret"
    unmodelled = ("forceOverwriteReplicaSecret", "replicas", "type")

    def make(self, new: Props) -> str:
        """CreateSecret without a value, with tags."""
        answer = self.secrets.create_secret(
            Name=new.get("name") or unique(new["namePrefix"]),
            Description=new.get("description", ""),
            **params(new, "kmsKeyId"),
            **({"Tags": tag_list(new["tagsAll"])} if new.get("tagsAll") else {}),
        )
        arn: str = answer["ARN"]
        return arn

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait until it can be read, PutResourcePolicy."""
        what = f"Secrets Manager Secret ({resource_id}) create"
        self.aws.wait(what, lambda: self.describe(resource_id))
        if new.get("policy") and new["policy"] != "{}":
            self.secrets.put_resource_policy(SecretId=resource_id, ResourcePolicy=new["policy"])

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeSecret, GetResourcePolicy."""
        secret = self.describe(resource_id)
        if secret is None:
            return None
        return {
            "arn": secret["ARN"],
            "name": secret["Name"],
            "description": secret.get("Description") or None,
            "kmsKeyId": secret.get("KmsKeyId"),
            "policy": self.policy_of(resource_id) or "",
            "tags": tag_map(secret.get("Tags")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdateSecret for description and key, Put- or DeleteResourcePolicy."""
        if changed & {"description", "kmsKeyId"}:
            self.secrets.update_secret(
                SecretId=resource_id,
                Description=new.get("description", ""),
                **params(new, "kmsKeyId"),
            )
        if "policy" in changed:
            if new.get("policy") and new["policy"] != "{}":
                policy = new["policy"]
                self.secrets.put_resource_policy(SecretId=resource_id, ResourcePolicy=policy)
            else:
                self.secrets.delete_resource_policy(SecretId=resource_id)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteSecret with its recovery window, 0 for none; then it is seen no more."""
        days = state.get("recoveryWindowInDays", 30)
        how = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        self.secrets.delete_secret(SecretId=resource_id, **how)
        what = f"Secrets Manager Secret ({resource_id}) delete"
        self.wait_gone(what, lambda: self.describe(resource_id))

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.secrets.tag_resource(SecretId=resource_id, Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.secrets.untag_resource(SecretId=resource_id, TagKeys=list(keys))


class SecretPolicy(_Secrets):
    """`aws:secretsmanager/secretPolicy:SecretPolicy`; resourceSecretPolicyCreate."""

    type_name = "aws:secretsmanager/secretPolicy:SecretPolicy"
    title = "Secrets Manager Secret Policy"

    def label(self, inputs: Props) -> str:
        """Of which secret."""
        return f" ({inputs.get('secretArn')})"

    def make(self, new: Props) -> str:
        """PutResourcePolicy."""
        answer = self.secrets.put_resource_policy(
            SecretId=new["secretArn"],
            ResourcePolicy=new["policy"],
            **params(new, "blockPublicPolicy"),
        )
        arn: str = answer["ARN"]
        return arn

    def look(self, resource_id: str, state: Props) -> Props | None:
        """GetResourcePolicy."""
        policy = self.policy_of(resource_id)
        return {"secretArn": resource_id, "policy": policy} if policy else None

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """PutResourcePolicy again."""
        self.make(new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteResourcePolicy, then wait until there is none."""
        self.secrets.delete_resource_policy(SecretId=resource_id)
        what = f"Secrets Manager Secret Policy ({resource_id}) delete"
        self.wait_gone(what, lambda: self.policy_of(resource_id))


class SecretRotation(_Secrets):
    """`aws:secretsmanager/secretRotation:SecretRotation`; resourceSecretRotation."""

    type_name = "aws:secretsmanager/secretRotation:SecretRotation"
    title = "Secrets Manager Secret Rotation"
    unmodelled = ("externalSecretRotationMetadatas", "externalSecretRotationRoleArn")

    @classmethod
    def refuse(cls, inputs: Props) -> list[Failure]:
        """Exactly one way to say when; and whether at all is not an input of the source read."""
        if "rotationEnabled" in inputs:
            return [Failure("rotationEnabled", "the local cloud does not model this input")]
        rules = inputs.get("rotationRules")
        if not isinstance(rules, dict):
            return [] if rules else [Failure("rotationRules", "missing required 'rotationRules'")]
        given = [n for n in ("automaticallyAfterDays", "scheduleExpression") if rules.get(n)]
        if len(given) == 1:
            return []
        reason = "exactly one of automaticallyAfterDays and scheduleExpression"
        return [Failure("rotationRules", reason)]

    def label(self, inputs: Props) -> str:
        """Of which secret."""
        return f" ({inputs.get('secretId')})"

    def make(self, new: Props) -> str:
        """RotateSecret with the schedule; no Lambda for a secret that AWS manages."""
        answer = self.secrets.rotate_secret(
            SecretId=new["secretId"],
            RotateImmediately=bool(new.get("rotateImmediately", True)),
            RotationRules=params(
                new["rotationRules"], "automaticallyAfterDays", "duration", "scheduleExpression"
            ),
            **params(new, rotationLambdaArn="RotationLambdaARN"),
        )
        arn: str = answer["ARN"]
        return arn

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeSecret."""
        secret = self.describe(resource_id)
        if secret is None:
            return None
        enabled = bool(secret.get("RotationEnabled"))
        rules = secret.get("RotationRules") or {}
        names = {
            "automaticallyAfterDays": "AutomaticallyAfterDays",
            "duration": "Duration",
            "scheduleExpression": "ScheduleExpression",
        }
        return {
            "secretId": resource_id,
            "rotationEnabled": enabled,
            "rotationLambdaArn": secret.get("RotationLambdaARN") or None,
            "rotationRules": {n: rules[k] for n, k in names.items() if rules.get(k)}
            if enabled
            else None,
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """RotateSecret with the new schedule; `rotateImmediately` alone asks nothing."""
        if changed - {"rotateImmediately"}:
            self.make(new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """CancelRotateSecret."""
        self.secrets.cancel_rotate_secret(SecretId=state["secretId"])

"""CloudWatch log groups."""

from collections.abc import Mapping, Sequence

from byoc_infra.local.provider.aws import Client
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, unique

__all__ = ["LogGroup"]


class LogGroup(Resource):
    """`aws:cloudwatch/logGroup:LogGroup`; logs: resourceGroupCreate, …Read, …Update, …Delete."""

    type_name = "aws:cloudwatch/logGroup:LogGroup"
    title = "CloudWatch Logs Log Group"
    gone = ("ResourceNotFoundException",)
    unmodelled = ("deletionProtectionEnabled",)

    @property
    def logs(self) -> Client:
        """The CloudWatch Logs client."""
        return self.aws.client("logs")

    def make(self, new: Props) -> str:
        """CreateLogGroup, with tags."""
        name = new.get("name") or unique(new["namePrefix"])
        self.logs.create_log_group(
            logGroupName=name,
            **params(new, kmsKeyId="kmsKeyId", logGroupClass="logGroupClass", tagsAll="tags"),
        )
        return str(name)

    def settle(self, resource_id: str, new: Props) -> None:
        """PutRetentionPolicy; 0 is for ever."""
        if new.get("retentionInDays"):
            self._retain(resource_id, new["retentionInDays"])

    def _retain(self, name: str, days: int) -> None:
        self.logs.put_retention_policy(logGroupName=name, retentionInDays=days)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeLogGroups, ListTagsForResource."""
        groups = self.logs.describe_log_groups(logGroupNamePrefix=resource_id)["logGroups"]
        group: Json = next((g for g in groups if g["logGroupName"] == resource_id), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tags = self.logs.list_tags_for_resource(resourceArn=arn)["tags"]
        return {
            "arn": arn,
            "name": group["logGroupName"],
            "kmsKeyId": group.get("kmsKeyId"),
            "logGroupClass": group.get("logGroupClass"),
            "retentionInDays": group.get("retentionInDays", 0),
            "tags": {k: v for k, v in tags.items() if not k.startswith("aws:")},
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Retention and key."""
        if "retentionInDays" in changed:
            if new.get("retentionInDays"):
                self._retain(resource_id, new["retentionInDays"])
            else:
                self.logs.delete_retention_policy(logGroupName=resource_id)
        if "kmsKeyId" in changed:
            if new.get("kmsKeyId"):
                self.logs.associate_kms_key(logGroupName=resource_id, kmsKeyId=new["kmsKeyId"])
            else:
                self.logs.disassociate_kms_key(logGroupName=resource_id)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteLogGroup, unless `skipDestroy`."""
        if not state.get("skipDestroy"):
            self.logs.delete_log_group(logGroupName=resource_id)

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.logs.tag_resource(resourceArn=state["arn"], tags=dict(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.logs.untag_resource(resourceArn=state["arn"], tagKeys=list(keys))

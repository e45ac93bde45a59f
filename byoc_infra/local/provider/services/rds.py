"""Subnet and parameter groups; instances are in `rds_instance.py`."""

from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.local.provider.aws import Client
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, tag_list, tag_map, unique

__all__ = ["ParameterGroup", "Rds", "SubnetGroup"]

PARAMETERS_AT_ONCE = 20
"""ModifyDBParameterGroup takes no more (RDS API reference)."""


class Rds(Resource):
    """RDS objects are tagged by ARN."""

    @property
    def rds(self) -> Client:
        """The RDS client."""
        return self.aws.client("rds")

    def tags_of(self, arn: str) -> Props:
        """ListTagsForResource."""
        return tag_map(self.rds.list_tags_for_resource(ResourceName=arn)["TagList"])

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """AddTagsToResource."""
        self.rds.add_tags_to_resource(ResourceName=state["arn"], Tags=tag_list(tags))

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """RemoveTagsFromResource."""
        self.rds.remove_tags_from_resource(ResourceName=state["arn"], TagKeys=list(keys))


class SubnetGroup(Rds):
    """`aws:rds/subnetGroup:SubnetGroup`; rds: resourceSubnetGroupCreate, …Read, …Update."""

    type_name = "aws:rds/subnetGroup:SubnetGroup"
    title = "RDS DB Subnet Group"
    gone = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")

    def make(self, new: Props) -> str:
        """CreateDBSubnetGroup, with tags."""
        name = new.get("name") or unique(new["namePrefix"])
        self.rds.create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=new["description"],
            SubnetIds=new["subnetIds"],
            Tags=tag_list(new.get("tagsAll")),
        )
        return str(name)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeDBSubnetGroups, ListTagsForResource."""
        answer = self.rds.describe_db_subnet_groups(DBSubnetGroupName=resource_id)
        group: Json = next(iter(answer["DBSubnetGroups"]), None)
        if group is None:
            return None
        return {
            "arn": group["DBSubnetGroupArn"],
            "name": group["DBSubnetGroupName"],
            "description": group["DBSubnetGroupDescription"],
            "subnetIds": [subnet["SubnetIdentifier"] for subnet in group["Subnets"]],
            "supportedNetworkTypes": group.get("SupportedNetworkTypes", []),
            "vpcId": group.get("VpcId"),
            "tags": self.tags_of(group["DBSubnetGroupArn"]),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """ModifyDBSubnetGroup."""
        self.rds.modify_db_subnet_group(
            DBSubnetGroupName=resource_id,
            DBSubnetGroupDescription=new["description"],
            SubnetIds=new["subnetIds"],
        )
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteDBSubnetGroup, then wait until it is gone."""
        self.rds.delete_db_subnet_group(DBSubnetGroupName=resource_id)
        self.aws.wait(
            f"RDS DB Subnet Group ({resource_id}) delete",
            lambda: None if self._exists(resource_id) else True,
            timeout_s=180,
        )

    def _exists(self, resource_id: str) -> bool:
        try:
            answer = self.rds.describe_db_subnet_groups(DBSubnetGroupName=resource_id)
        except self.rds.exceptions.DBSubnetGroupNotFoundFault:
            return False
        return bool(answer["DBSubnetGroups"])


class ParameterGroup(Rds):
    """`aws:rds/parameterGroup:ParameterGroup`; rds: resourceParameterGroupRead, …Update."""

    type_name = "aws:rds/parameterGroup:ParameterGroup"
    title = "RDS DB Parameter Group"
    gone = ("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault")

    def make(self, new: Props) -> str:
        """CreateDBParameterGroup, with tags."""
        name = new.get("name") or unique(new["namePrefix"])
        self.rds.create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily=new["family"],
            Description=new["description"],
            Tags=tag_list(new.get("tagsAll")),
        )
        return str(name)

    def settle(self, resource_id: str, new: Props) -> None:
        """ModifyDBParameterGroup, 20 at a time."""
        self._set(resource_id, new.get("parameters") or [])

    def _set(self, name: str, parameters: Sequence[Props]) -> None:
        for part in _batches([_parameter(p) for p in parameters]):
            self.rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=part)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeDBParameterGroups, DescribeDBParameters, ListTagsForResource."""
        answer = self.rds.describe_db_parameter_groups(DBParameterGroupName=resource_id)
        group: Json = next(iter(answer["DBParameterGroups"]), None)
        if group is None:
            return None
        return {
            "arn": group["DBParameterGroupArn"],
            "name": group["DBParameterGroupName"],
            "family": group["DBParameterGroupFamily"],
            "description": group["Description"],
            "parameters": self._parameters(resource_id, state),
            "tags": self.tags_of(group["DBParameterGroupArn"]),
        }

    def _parameters(self, name: str, state: Props) -> list[Props]:
        """Those that a user set, and those that the program names."""
        named = {parameter["name"] for parameter in state.get("parameters") or []}
        only = {} if named else {"Source": "user"}
        pages = self.rds.get_paginator("describe_db_parameters").paginate(
            DBParameterGroupName=name, **only
        )
        return [
            {
                "name": p["ParameterName"],
                "value": p["ParameterValue"],
                "applyMethod": p.get("ApplyMethod", "immediate"),
            }
            for page in pages
            for p in page["Parameters"]
            if p.get("ParameterValue") is not None
            and (p.get("Source") == "user" or p["ParameterName"] in named)
        ]

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """New and changed parameters are sent, dropped ones reset."""
        if "parameters" not in changed:
            return None
        before = {p["name"]: p for p in old.get("parameters") or []}
        after = {p["name"]: p for p in new.get("parameters") or []}
        self._set(
            resource_id,
            [p for name, p in after.items() if before.get(name, {}).get("value") != p["value"]],
        )
        dropped = [_parameter(p) for name, p in before.items() if name not in after]
        for part in _batches(dropped):
            self.rds.reset_db_parameter_group(
                DBParameterGroupName=resource_id, ResetAllParameters=False, Parameters=part
            )
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteDBParameterGroup, retried while in use; `skipDestroy` leaves it in AWS."""
        if state.get("skipDestroy"):
            return
        self.aws.retry(
            f"deleting RDS DB Parameter Group ({resource_id})",
            lambda: self.rds.delete_db_parameter_group(DBParameterGroupName=resource_id),
            *("InvalidDBParameterGroupState", "InvalidDBParameterGroupStateFault"),
            timeout_s=20,
        )


def _parameter(parameter: Props) -> dict[str, Any]:
    return {
        "ParameterName": parameter["name"],
        "ParameterValue": parameter["value"],
        "ApplyMethod": parameter.get("applyMethod", "immediate"),
    }


def _batches(parameters: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    step = PARAMETERS_AT_ONCE
    return [parameters[i : i + step] for i in range(0, len(parameters), step)]

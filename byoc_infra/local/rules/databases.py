"""RDS: zones of a subnet group, last snapshots, what is still in use."""

import re
from typing import Any

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]

IDENTIFIER = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)")
"""RDS API reference, CreateDBInstance, DBInstanceIdentifier."""


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto."""
    hooks.before("rds", "CreateDBSubnetGroup", refuse_taken_group)
    hooks.before("rds", "CreateDBSubnetGroup", want_two_zones)
    hooks.before("rds", "ModifyDBSubnetGroup", want_two_zones)
    hooks.before("rds", "DeleteDBSubnetGroup", keep_used_subnet_group)
    hooks.before("rds", "DeleteDBParameterGroup", keep_used_parameter_group)
    hooks.before("rds", "CreateDBInstance", check_instance)
    hooks.before("rds", "DeleteDBInstance", check_last_snapshot)


def refuse_taken_group(call: Call) -> None:
    """Moto would overwrite it."""
    name = call.params["DBSubnetGroupName"].lower()
    if name in _rds(call).subnet_groups:
        raise AwsError(
            "DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists."
        )


def want_two_zones(call: Call) -> None:
    """A subnet group covers two zones or more."""
    zones = {
        one.availability_zone
        for of_zone in backend_of("ec2", call.account_id, call.region).subnets.values()
        for key, one in of_zone.items()
        if key in call.params["SubnetIds"]
    }
    if len(zones) < 2:
        raise AwsError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current "
            f"AZ coverage: {', '.join(sorted(zones))}. Add subnets to cover at least 2 AZs.",
        )


def keep_used_subnet_group(call: Call) -> None:
    """A subnet group with an instance in it stays."""
    name = call.params["DBSubnetGroupName"]
    for one in _rds(call).databases.values():
        group = getattr(one, "db_subnet_group", None)
        if group is not None and group.name == name:
            raise AwsError(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{one.db_instance_identifier} is still using it.",
            )


def keep_used_parameter_group(call: Call) -> None:
    """A parameter group with an instance that follows it stays."""
    name = call.params["DBParameterGroupName"]
    if any(one.db_parameter_group_name == name for one in _rds(call).databases.values()):
        raise AwsError(
            "InvalidDBParameterGroupState",
            "One or more database instances are still members of this parameter group "
            f"{name}, so the group cannot be deleted",
        )


def check_instance(call: Call) -> None:
    """An identifier that RDS takes, a subnet group that exists, one source of the password."""
    identifier = call.params["DBInstanceIdentifier"]
    if not IDENTIFIER.fullmatch(identifier):
        raise AwsError(
            "InvalidParameterValue",
            "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin "
            "with a letter; must contain only ASCII letters, digits, and hyphens; and must not end "
            "with a hyphen or contain two consecutive hyphens.",
        )
    group = call.params.get("DBSubnetGroupName")
    if group and group not in _rds(call).subnet_groups:
        raise AwsError(
            "DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404
        )
    if call.params.get("ManageMasterUserPassword") and call.params.get("MasterUserPassword"):
        raise AwsError(
            "InvalidParameterCombination",
            "You can't specify MasterUserPassword for a DB instance with "
            "ManageMasterUserPassword enabled.",
        )


def check_last_snapshot(call: Call) -> None:
    """A last snapshot under a free name, or none on purpose; never by forgetting it."""
    if call.params["DBInstanceIdentifier"] not in _rds(call).databases:
        return
    name, skip = call.params.get("FinalDBSnapshotIdentifier"), call.params.get("SkipFinalSnapshot")
    if name and skip:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.",
        )
    if not name and not skip:
        raise AwsError(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if name and name in _rds(call).database_snapshots:
        raise AwsError(
            "DBSnapshotAlreadyExists",
            f"Cannot create the snapshot because a snapshot with the identifier {name} already "
            "exists.",
        )


def _rds(call: Call) -> Any:  # noqa: ANN401 - moto's own
    return backend_of("rds", call.account_id, call.region)

"""RDS: what each operation on instances and their groups asks.

Creating an instance asks for every group that it will use, also the default ones (the AWS example
policies grant `pg:default*`, `og:default*` and `subgrp:default` for that reason); modifying asks
for those that the call names. A password that AWS manages asks the caller for the right to make
its secret (RDS User Guide, "Password management with Secrets Manager").
"""

from collections.abc import Callable

from byoc_infra.local.authorizer.actions._keys import Keys, Values, fixed, said, switch
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    asked_tags,
    at,
    creates_service_role,
    given,
    needs,
    passes_role,
    reads,
    removed_tags,
    values,
)
from byoc_infra.local.authorizer.state import database, key_arn
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_DB = at("rds", "db:{DBInstanceIdentifier}")
_SNAPSHOT = at("rds", "snapshot:{DBSnapshotIdentifier}")
_FINAL = at("rds", "snapshot:{FinalDBSnapshotIdentifier}")
_SUBNETS = at("rds", "subgrp:{DBSubnetGroupName}")
_PARAMETERS = at("rds", "pg:{DBParameterGroupName}")
_MANAGED = given("ManageMasterUserPassword")


def _default_group(kind: str, parameter: str, separator: str) -> Resources:
    """The group that the call names, or the default of its engine: `default.postgres16`."""

    def resources(call: Call) -> tuple[str, ...]:
        major = str(call.params.get("EngineVersion") or "*").partition(".")[0]
        stem = {"pg": "default.", "og": "default:"}[kind]
        default = f"{stem}{call.params.get('Engine', '*')}{separator}{major}"
        name = call.params.get(parameter) or default
        return (f"arn:aws:rds:{call.region}:{call.account_id}:{kind}:{name}",)

    return resources


def _subnet_group(call: Call) -> tuple[str, ...]:
    name = call.params.get("DBSubnetGroupName") or "default"
    return (f"arn:aws:rds:{call.region}:{call.account_id}:subgrp:{name}",)


def _key(parameter: str, default: str = "*") -> Resources:
    def resources(call: Call) -> tuple[str, ...]:
        name = call.params.get(parameter)
        if name:
            return (key_arn(call.account_id, call.region, str(name)),)
        return (f"arn:aws:kms:{call.region}:{call.account_id}:key/{default}",)

    return resources


def _managed_password() -> tuple[Rule, ...]:
    secret = at("secretsmanager", "secret:rds!db-*")
    own = lambda call: _MANAGED(call) and bool(call.params.get("MasterUserSecretKmsKeyId"))  # noqa: E731
    key = _key("MasterUserSecretKmsKeyId")
    return (
        needs("secretsmanager:CreateSecret", secret, when=_MANAGED, forwarded=True),
        needs("secretsmanager:TagResource", secret, when=_MANAGED, forwarded=True),
        needs("kms:DescribeKey", key, when=_MANAGED, forwarded=True),
        *_uses_key(key, own),
    )


def _uses_key(key: Resources, when: Callable[[Call], bool]) -> tuple[Rule, ...]:
    actions = ("kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey")
    return tuple(needs(action, key, when=when, forwarded=True) for action in actions)


def _own_storage_key() -> tuple[Rule, ...]:
    when = given("KmsKeyId")
    key = _key("KmsKeyId")
    return (needs("kms:DescribeKey", key, when=when, forwarded=True), *_uses_key(key, when))


def _still_managed(call: Call) -> Values | None:
    """Whether AWS keeps the password: as the request says, or as it is."""
    identifier = str(call.params.get("DBInstanceIdentifier", ""))
    held = database(call.account_id, call.region, identifier)
    known = getattr(held, "manage_master_user_password", None) or False
    return switch("ManageMasterUserPassword", default=str(bool(known)).lower())(call)


_REQUESTED: Keys = {
    "rds:BackupTarget": said("BackupTarget", "region"),
    "rds:ManageMasterUserPassword": switch("ManageMasterUserPassword", default="false"),
    "rds:PubliclyAccessible": switch("PubliclyAccessible"),
}
_NEW_DATABASE: Keys = {
    **_REQUESTED,
    "rds:DatabaseClass": said("DBInstanceClass"),
    "rds:DatabaseEngine": said("Engine"),
    "rds:DatabaseName": said("DBName"),
    "rds:MultiAz": switch("MultiAZ", default="false"),
    "rds:Piops": said("Iops", "0"),
    "rds:StorageEncrypted": switch("StorageEncrypted", default="false"),
    "rds:StorageSize": said("AllocatedStorage"),
    "rds:Vpc": fixed("true"),
}
_BACKUP: Keys = {"rds:BackupTarget": said("BackupTarget", "region")}
_PASSWORD: Keys = {"rds:ManageMasterUserPassword": _still_managed}
_EXPLICIT: Keys = {"rds:TagsFromRequest": fixed("true")}
_INHERITED: Keys = {"rds:TagsFromRequest": fixed("false")}


def _makes(operation: str, new: Resources, *more: Rule, keys: Keys | None = None) -> Row:
    tags = needs(
        "rds:AddTagsToResource",
        new,
        tagged=True,
        keys=_EXPLICIT,
        when=lambda call: bool(asked_tags(call)),
    )
    return (needs(f"rds:{operation}", new, tagged=True, keys=keys), *more, tags)


def _creates_with(group: Resources) -> Rule:
    return needs("rds:CreateDBInstance", group, tagged=True, keys=_REQUESTED)


def _modifies(resources: Resources, parameter: str) -> Rule:
    return needs("rds:ModifyDBInstance", resources, keys=_PASSWORD, when=given(parameter))


def _copies_tags(call: Call) -> bool:
    identifier = str(call.params.get("DBInstanceIdentifier", ""))
    held = database(call.account_id, call.region, identifier)
    return bool(call.params.get("FinalDBSnapshotIdentifier")) and bool(
        getattr(held, "copy_tags_to_snapshot", False)
    )


def _rotates(call: Call) -> bool:
    return bool(call.params.get("RotateMasterUserPassword"))


def _each(resources: Resources, operations: str) -> dict[str, Row]:
    return {name: (needs(f"rds:{name}", resources),) for name in operations.split()}


ROWS: dict[str, Row] = {
    "CreateDBInstance": _makes(
        "CreateDBInstance",
        _DB,
        _creates_with(_default_group("pg", "DBParameterGroupName", "")),
        _creates_with(_default_group("og", "OptionGroupName", "-")),
        _creates_with(_subnet_group),
        *passes_role("monitoring.rds.amazonaws.com", "MonitoringRoleArn"),
        *_managed_password(),
        *_own_storage_key(),
        creates_service_role("rds.amazonaws.com", "AWSServiceRoleForRDS"),
        keys=_NEW_DATABASE,
    ),
    "ModifyDBInstance": (
        _modifies(_DB, "DBInstanceIdentifier"),
        _modifies(_PARAMETERS, "DBParameterGroupName"),
        _modifies(at("rds", "og:{OptionGroupName}"), "OptionGroupName"),
        _modifies(_SUBNETS, "DBSubnetGroupName"),
        *passes_role("monitoring.rds.amazonaws.com", "MonitoringRoleArn"),
        *_managed_password(),
        needs(
            "secretsmanager:RotateSecret",
            at("secretsmanager", "secret:rds!db-*"),
            when=_rotates,
            forwarded=True,
        ),
    ),
    "DeleteDBInstance": (
        needs("rds:DeleteDBInstance", _DB),
        *(
            needs(
                "rds:CreateDBSnapshot",
                resources,
                keys=_BACKUP,
                when=given("FinalDBSnapshotIdentifier"),
            )
            for resources in (_DB, _FINAL)
        ),
        needs("rds:AddTagsToResource", _FINAL, keys=_INHERITED, when=_copies_tags),
    ),
    **_each(
        _DB,
        "DescribeDBInstances RebootDBInstance StartDBInstance StopDBInstance DescribeDBLogFiles",
    ),
    "DescribeDBInstanceAutomatedBackups": (
        needs("rds:DescribeDBInstanceAutomatedBackups", at("rds", "auto-backup:*")),
    ),
    "CreateDBSubnetGroup": _makes("CreateDBSubnetGroup", _SUBNETS),
    **_each(_SUBNETS, "ModifyDBSubnetGroup DeleteDBSubnetGroup DescribeDBSubnetGroups"),
    "CreateDBParameterGroup": _makes("CreateDBParameterGroup", _PARAMETERS),
    **_each(
        _PARAMETERS,
        "ModifyDBParameterGroup ResetDBParameterGroup DeleteDBParameterGroup "
        "DescribeDBParameterGroups DescribeDBParameters",
    ),
    "CreateDBSnapshot": _makes(
        "CreateDBSnapshot",
        _SNAPSHOT,
        needs("rds:CreateDBSnapshot", _DB, tagged=True, keys=_BACKUP),
        keys=_BACKUP,
    ),
    **_each(_SNAPSHOT, "DeleteDBSnapshot DescribeDBSnapshots ModifyDBSnapshotAttribute"),
    "AddTagsToResource": (
        needs("rds:AddTagsToResource", values("ResourceName"), tagged=True, keys=_EXPLICIT),
    ),
    "RemoveTagsFromResource": (
        needs(
            "rds:RemoveTagsFromResource",
            values("ResourceName"),
            keys={"aws:TagKeys": removed_tags},
        ),
    ),
    **_each(values("ResourceName"), "ListTagsForResource"),
    "DescribeOptionGroups": (needs("rds:DescribeOptionGroups", at("rds", "og:*")),),
    "DescribeDBClusters": (needs("rds:DescribeDBClusters", at("rds", "cluster:*")),),
    "DescribePendingMaintenanceActions": (
        needs("rds:DescribePendingMaintenanceActions", at("rds", "db:*")),
    ),
    **reads(
        "rds",
        "DescribeCertificates DescribeDBEngineVersions DescribeEvents "
        "DescribeOrderableDBInstanceOptions",
    ),
}

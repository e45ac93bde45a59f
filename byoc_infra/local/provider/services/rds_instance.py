"""RDS database instances."""

from typing import Any, ClassVar

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import ProviderError, error_code
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_list, tag_map, unique
from byoc_infra.local.provider.schema import Failure
from byoc_infra.local.provider.services.rds import Rds

__all__ = ["Instance"]

_DELETE_PROTECTED = "disable deletion pro"
_NO_CALL = {
    "allowMajorVersionUpgrade",
    "blueGreenUpdate",
    "deleteAutomatedBackups",
    "finalSnapshotIdentifier",
    "identifierPrefix",
    "replicateSourceDb",
    "skipFinalSnapshot",
    "applyImmediately",
}
"""Changes that alone ask AWS nothing (rds: resourceInstanceUpdate)."""


class Instance(Rds):
    """`aws:rds/instance:Instance`; rds: resourceInstanceCreate, …Read, …Update, …Delete.

    The id is the DbiResourceId, not the identifier.
    """

    type_name = "aws:rds/instance:Instance"
    title = "RDS DB Instance"
    gone = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    unmodelled = (
        "backupTarget",
        "blueGreenUpdate",
        "characterSetName",
        "customIamInstanceProfile",
        "customerOwnedIpEnabled",
        "dedicatedLogVolume",
        "domain*",
        "engineLifecycleSupport",
        "ncharCharacterSetName",
        "replicaMode",
        "replicateSourceDb",
        "restoreToPointInTime",
        "s3Import",
        "snapshotIdentifier",
        "timezone",
        "upgradeStorageConfig",
        "warningEventCategories",
    )
    changeable: ClassVar[dict[str, str]] = {
        "allocatedStorage": "AllocatedStorage",
        "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
        "backupRetentionPeriod": "BackupRetentionPeriod",
        "backupWindow": "PreferredBackupWindow",
        "caCertIdentifier": "CACertificateIdentifier",
        "copyTagsToSnapshot": "CopyTagsToSnapshot",
        "databaseInsightsMode": "DatabaseInsightsMode",
        "deletionProtection": "DeletionProtection",
        "engineVersion": "EngineVersion",
        "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
        "instanceClass": "DBInstanceClass",
        "iops": "Iops",
        "licenseModel": "LicenseModel",
        "maintenanceWindow": "PreferredMaintenanceWindow",
        "manageMasterUserPassword": "ManageMasterUserPassword",
        "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
        "maxAllocatedStorage": "MaxAllocatedStorage",
        "monitoringInterval": "MonitoringInterval",
        "monitoringRoleArn": "MonitoringRoleArn",
        "multiAz": "MultiAZ",
        "networkType": "NetworkType",
        "optionGroupName": "OptionGroupName",
        "parameterGroupName": "DBParameterGroupName",
        "password": "MasterUserPassword",
        "performanceInsightsEnabled": "EnablePerformanceInsights",
        "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
        "performanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
        "publiclyAccessible": "PubliclyAccessible",
        "storageThroughput": "StorageThroughput",
        "storageType": "StorageType",
        "vpcSecurityGroupIds": "VpcSecurityGroupIds",
        "dbSubnetGroupName": "DBSubnetGroupName",
    }
    at_create: ClassVar[dict[str, str]] = {
        "availabilityZone": "AvailabilityZone",
        "dbName": "DBName",
        "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
        "engine": "Engine",
        "kmsKeyId": "KmsKeyId",
        "passwordWo": "MasterUserPassword",
        "port": "Port",
        "username": "MasterUsername",
    }
    read_names: ClassVar[dict[str, str]] = {
        "allocatedStorage": "AllocatedStorage",
        "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
        "availabilityZone": "AvailabilityZone",
        "backupRetentionPeriod": "BackupRetentionPeriod",
        "backupTarget": "BackupTarget",
        "backupWindow": "PreferredBackupWindow",
        "caCertIdentifier": "CACertificateIdentifier",
        "copyTagsToSnapshot": "CopyTagsToSnapshot",
        "databaseInsightsMode": "DatabaseInsightsMode",
        "dbName": "DBName",
        "dedicatedLogVolume": "DedicatedLogVolume",
        "deletionProtection": "DeletionProtection",
        "enabledCloudwatchLogsExports": "EnabledCloudwatchLogsExports",
        "engine": "Engine",
        "engineLifecycleSupport": "EngineLifecycleSupport",
        "iamDatabaseAuthenticationEnabled": "IAMDatabaseAuthenticationEnabled",
        "identifier": "DBInstanceIdentifier",
        "instanceClass": "DBInstanceClass",
        "iops": "Iops",
        "kmsKeyId": "KmsKeyId",
        "licenseModel": "LicenseModel",
        "maintenanceWindow": "PreferredMaintenanceWindow",
        "maxAllocatedStorage": "MaxAllocatedStorage",
        "monitoringInterval": "MonitoringInterval",
        "monitoringRoleArn": "MonitoringRoleArn",
        "multiAz": "MultiAZ",
        "networkType": "NetworkType",
        "performanceInsightsEnabled": "PerformanceInsightsEnabled",
        "performanceInsightsKmsKeyId": "PerformanceInsightsKMSKeyId",
        "performanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
        "publiclyAccessible": "PubliclyAccessible",
        "resourceId": "DbiResourceId",
        "status": "DBInstanceStatus",
        "storageEncrypted": "StorageEncrypted",
        "storageThroughput": "StorageThroughput",
        "storageType": "StorageType",
        "timezone": "Timezone",
        "username": "MasterUsername",
        "arn": "DBInstanceArn",
    }

    @classmethod
    def refuse(cls, inputs: Props) -> list[Failure]:
        """What a new instance needs, and the write-only password's version."""
        failures = [
            Failure(name, f"'{name}' is required unless the instance is a replica or restored")
            for name in ("engine", "username", "allocatedStorage")
            if name not in inputs
        ]
        if inputs.get("passwordWo") and not inputs.get("passwordWoVersion"):
            failures.append(Failure("passwordWoVersion", "'passwordWo' needs 'passwordWoVersion'"))
        return failures

    def make(self, new: Props) -> str:
        """CreateDBInstance, with tags."""
        name = new.get("identifier") or unique(new["identifierPrefix"])
        optional = {k: v for k, v in self.changeable.items() if k not in ("allocatedStorage",)}
        answer = self.rds.create_db_instance(
            DBInstanceIdentifier=name,
            StorageEncrypted=bool(new.get("storageEncrypted")),
            **params({"deletionProtection": False, **_positive(new)}, **optional),
            **params(new, **self.at_create, allocatedStorage="AllocatedStorage"),
            Tags=tag_list(new.get("tagsAll")),
        )
        resource_id: str = answer["DBInstance"]["DbiResourceId"]
        new["identifier"] = name
        return resource_id

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for `available`."""
        self._wait_available(resource_id, new, "create", timeout_s=3000)

    def _wait_available(
        self, resource_id: str, state: Props, verb: str, *, timeout_s: float
    ) -> None:
        what = f"RDS DB Instance ({state.get('identifier', resource_id)}) {verb}"
        self.aws.wait(what, lambda: self._available(resource_id, state), timeout_s=timeout_s)

    def _available(self, resource_id: str, state: Props) -> Json:
        found = self._find(resource_id, state)
        if found is None:
            return None
        status = found["DBInstanceStatus"]
        if status in ("failed", "incompatible-parameters", "incompatible-network"):
            text = f"unexpected state '{status}', wanted target 'available'"
            raise ProviderError(": ".join([text, *_reasons(found)]))
        pending = (found.get("MasterUserSecret") or {}).get("SecretStatus") == "creating"
        return found if status in ("available", "storage-optimization") and not pending else None

    def _find(self, resource_id: str, state: Props) -> Json:
        """By resource id; an emulator may give several the same, so the identifier decides."""
        by_id = [{"Name": "dbi-resource-id", "Values": [resource_id]}]
        found = self.rds.describe_db_instances(Filters=by_id)["DBInstances"]
        name = state.get("identifier")
        same_name = [each for each in found if each["DBInstanceIdentifier"] == name]
        return next(iter(same_name or ([] if name else found)), None)

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeDBInstances by the resource id."""
        found = self._find(resource_id, state)
        if found is None:
            return None
        return {
            **{name: found.get(key) for name, key in self.read_names.items()},
            **_endpoint(found),
            **_groups(found),
            "engineVersion": found.get("EngineVersion"),
            "engineVersionActual": found.get("EngineVersion"),
            "masterUserSecrets": _secrets(found),
            "replicas": found.get("ReadReplicaDBInstanceIdentifiers", []),
            "tags": tag_map(found.get("TagList")),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """One ModifyDBInstance with what changed, then wait for `available`."""
        if not changed - _NO_CALL:
            return None
        given = {name: new.get(name) for name in changed if name in new}
        cleared = {
            self.changeable[name]: False
            for name in ("deletionProtection", "multiAz", "manageMasterUserPassword")
            if name in changed and not new.get(name)
        }
        self.rds.modify_db_instance(
            DBInstanceIdentifier=old.get("identifier") or new["identifier"],
            ApplyImmediately=bool(new.get("applyImmediately")),
            **{**params(given, **self.changeable), **cleared},
            **params(given, identifier="NewDBInstanceIdentifier", port="DBPortNumber"),
            **self._version(new, changed),
            **_exports(old, new, changed),
        )
        self._wait_available(resource_id, {**old, **new}, "update", timeout_s=4800)
        return None

    def _version(self, new: Props, changed: frozenset[str]) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        if "engineVersion" in changed:
            whole["AllowMajorVersionUpgrade"] = bool(new.get("allowMajorVersionUpgrade"))
        if "passwordWoVersion" in changed and new.get("passwordWo"):
            whole["MasterUserPassword"] = new["passwordWo"]
        return whole

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteDBInstance with the final snapshot as asked, then wait until it is gone."""
        asked = self._deletion(state)
        try:
            self.rds.delete_db_instance(**asked)
        except ClientError as refused:
            if not self._may_unprotect(refused, state):
                raise
            self.rds.modify_db_instance(
                DBInstanceIdentifier=state["identifier"],
                ApplyImmediately=True,
                DeletionProtection=False,
            )
            self._wait_available(resource_id, state, "update", timeout_s=4800)
            self.rds.delete_db_instance(**asked)
        self.aws.wait(
            f"RDS DB Instance ({state['identifier']}) delete",
            lambda: None if self._still(resource_id, state) else True,
            timeout_s=3600,
        )

    def _deletion(self, state: Props) -> dict[str, Any]:
        asked = {
            "DBInstanceIdentifier": state["identifier"],
            "DeleteAutomatedBackups": bool(state.get("deleteAutomatedBackups", True)),
            "SkipFinalSnapshot": bool(state.get("skipFinalSnapshot")),
        }
        if asked["SkipFinalSnapshot"]:
            return asked
        if not state.get("finalSnapshotIdentifier"):
            text = "final_snapshot_identifier is required when skip_final_snapshot is false"
            raise ProviderError(text)
        return {**asked, "FinalDBSnapshotIdentifier": state["finalSnapshotIdentifier"]}

    def _may_unprotect(self, refused: ClientError, state: Props) -> bool:
        """Only where the state says unprotected and changes apply immediately."""
        protected = _DELETE_PROTECTED in str(refused)
        return (
            protected
            and not state.get("deletionProtection")
            and bool(state.get("applyImmediately"))
        )

    def _still(self, resource_id: str, state: Props) -> bool:
        try:
            return self._find(resource_id, state) is not None
        except ClientError as refused:
            if error_code(refused) in self.gone:
                return False
            raise

    def found(self, import_id: str) -> tuple[str, Props]:
        """By identifier."""
        answer = self.rds.describe_db_instances(DBInstanceIdentifier=import_id)
        instance = answer["DBInstances"][0]
        managed = bool(instance.get("MasterUserSecret"))
        told = {"manageMasterUserPassword": True} if managed else {}
        return instance["DbiResourceId"], {"identifier": import_id, **told}

    def unknown_after(self, changed: frozenset[str]) -> tuple[str, ...]:
        """A changed way of keeping the password changes its secret."""
        password = changed & {"manageMasterUserPassword", "masterUserSecretKmsKeyId"}
        version = ("engineVersionActual",) if "engineVersion" in changed else ()
        return (*version, *(("masterUserSecrets",) if password else ()))


def _positive(new: Props) -> Props:
    """Zeros that stand for "not set" are not sent."""
    unset = ("monitoringInterval", "iops", "storageThroughput", "maxAllocatedStorage")
    return {name: value for name, value in new.items() if value or name not in unset}


def _exports(old: Props, new: Props, changed: frozenset[str]) -> dict[str, Any]:
    if "enabledCloudwatchLogsExports" not in changed:
        return {}
    before = set(old.get("enabledCloudwatchLogsExports") or [])
    after = set(new.get("enabledCloudwatchLogsExports") or [])
    config = {
        "EnableLogTypes": sorted(after - before),
        "DisableLogTypes": sorted(before - after),
    }
    return {"CloudwatchLogsExportConfiguration": config}


def _reasons(found: Json) -> list[str]:
    """Why it is in a bad state; the local cloud says it, AWS for read replicas only."""
    return [info["Message"] for info in found.get("StatusInfos") or [] if info.get("Message")]


def _endpoint(found: Json) -> Props:
    endpoint = found.get("Endpoint") or {}
    address, port = endpoint.get("Address"), endpoint.get("Port") or found.get("DbInstancePort")
    return {
        "address": address,
        "port": port,
        "endpoint": f"{address}:{port}" if address else None,
        "hostedZoneId": endpoint.get("HostedZoneId"),
    }


def _groups(found: Json) -> Props:
    options = found.get("OptionGroupMemberships") or [{}]
    parameters = found.get("DBParameterGroups") or [{}]
    return {
        "dbSubnetGroupName": (found.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "optionGroupName": options[0].get("OptionGroupName"),
        "parameterGroupName": parameters[0].get("DBParameterGroupName"),
        "vpcSecurityGroupIds": [
            group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups", [])
        ],
    }


def _secrets(found: Json) -> list[Props]:
    secret = found.get("MasterUserSecret")
    if not secret:
        return []
    names = {"kmsKeyId": "KmsKeyId", "secretArn": "SecretArn", "secretStatus": "SecretStatus"}
    return [{name: secret[key] for name, key in names.items() if secret.get(key)}]

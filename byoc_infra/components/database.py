"""A deployment's Postgres: one RDS instance in the customer's private subnets.

AWS makes the password and keeps it in the customer's Secrets Manager, so it is never in our
state, our logs or our process.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_pattern
from byoc_infra.components._connection import PostgresConnection, managed
from byoc_infra.components._database_tls import check_tls, rds_ca_bundle
from byoc_infra.components._sizes import DEVELOPMENT
from byoc_infra.errors import SpecError
from byoc_infra.naming import SECRET_TAG, DeploymentNames
from byoc_infra.spec import TlsMode

__all__ = ["Database", "DatabaseArgs", "check_version"]

STORAGE_GIB = (20, 65536)
"""gp3 on PostgreSQL (RDS user guide, storage types)."""
OLDEST = (15, 8)
"""What the LangGraph server asks for."""
VERSION = re.compile(r"(\d+)(?:\.(\d+))?")
SNAPSHOT_NAME = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,253}[A-Za-z0-9]")
"""RDS API reference, DeleteDBInstance FinalDBSnapshotIdentifier."""
ROTATION_DAYS = (1, 1000)
"""Secrets Manager API reference, RotationRulesType."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """What the caller decides. Everything else is this component's own choice."""

    names: DeploymentNames
    """Of the deployment; all names and tags follow from it."""
    subnet_group_name: pulumi.Input[str]
    """The DB subnet group, of private subnets in two zones or more."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """They decide who may reach it, on port 5432."""
    instance_class: str = DEVELOPMENT.instance_class
    """What it runs on, in RDS's words."""
    storage_gib: int = DEVELOPMENT.storage_gib
    """How much to begin with."""
    most_storage_gib: int | None = None
    """Up to where AWS lets the storage grow when it runs full; None for not at all."""
    multi_az: bool = False
    """A second instance stands by in another zone and takes over."""
    max_connections: int = DEVELOPMENT.max_connections
    """Set in the parameter group, so that the pools' arithmetic rests on it."""
    engine_version: str = "16"
    """A major version (RDS keeps its minor one up to date), or an exact one; 15.8 or newer."""
    backup_days: int = 7
    """How long automated backups are kept: 1 to 35."""
    rotation_days: int = 90
    """How often AWS makes a new password: 1 to 1000. Tasks must be started anew after it."""
    kms_key_arn: pulumi.Input[str] | None = None
    """Encrypts the storage; AWS's own key when absent."""
    deletion_protection: bool = True
    """Refuse deletion until it is lifted on purpose."""
    tls: TlsMode = "require"
    """What servers ask for when they connect; the database itself takes nothing in plain text."""
    ca_pem: str | None = None
    """With `verify-full`: the certificates to trust in place of AWS's for `region`."""
    region: str | None = None
    """With `verify-full`: where the instance is."""
    final_snapshot_name: str | None
    """Keep a last snapshot under this name (it carries the deployment's id), or none."""

    def __post_init__(self) -> None:
        _check_range("storage_gib", self.storage_gib, STORAGE_GIB)
        if self.most_storage_gib is not None:
            # RDS wants a tenth more at least (RDS user guide, storage autoscaling).
            least = math.ceil(self.storage_gib * 1.1)
            _check_range("most_storage_gib", self.most_storage_gib, (least, STORAGE_GIB[1]))
        _check_range("rotation_days", self.rotation_days, ROTATION_DAYS)
        _check_range("backup_days", self.backup_days, (1, 35))
        check_version("engine_version", self.engine_version)
        check_tls(self.tls, self.trusted)
        check_pattern(
            "final_snapshot_name",
            self.final_snapshot_name,
            SNAPSHOT_NAME,
            wanted="up to 255 letters, digits and single hyphens, beginning with a letter",
            next_step="Choose another name, or none on purpose.",
        )

    @property
    def trusted(self) -> str | None:
        """The certificates that servers check the database's against, if they check."""
        if self.tls == "verify-full" and self.ca_pem is None and self.region is not None:
            return rds_ca_bundle(self.region)
        return self.ca_pem

    @property
    def family(self) -> str:
        """The parameter group's family, such as `postgres16`."""
        return f"postgres{self.engine_version.split('.', maxsplit=1)[0]}"


def _check_range(field: str, value: int, limits: tuple[int, int]) -> None:
    least, most = limits
    if not least <= value <= most:
        raise SpecError(
            field, wanted=f"{least} to {most}", got=str(value), next_step="Choose one in between."
        )


def check_version(field: str, version: str) -> None:
    """Refuse a PostgreSQL that the LangGraph server does not run on."""
    parts = VERSION.fullmatch(version)
    known = (int(parts[1]), int(parts[2] or 0)) if parts else (0, 0)
    if known < OLDEST:
        raise SpecError(
            field,
            wanted="PostgreSQL 15.8 or newer",
            got=repr(version),
            next_step="Take 16; the LangGraph server does not run on older ones.",
        )


class Database(Component):
    """An RDS Postgres that only `security_group_ids` let in."""

    TYPE: ClassVar[str] = "byoc:aws:Database"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "password_made_by_aws",
        "password_is_rotated_on_schedule",
        "the_execution_role_may_read_the_password",
        "storage_is_encrypted",
        "tls_is_forced",
        "not_reachable_from_the_internet",
        "deletion_is_refused_until_lifted",
        "lifting_protection_keeps_the_last_snapshot",
        "backups_are_kept_a_week",
        "it_stands_in_two_zones_when_asked",
        "its_storage_grows_when_asked",
        "logs_go_to_cloudwatch",
    )

    identifier: pulumi.Output[str]
    """The RDS instance."""
    address: pulumi.Output[str]
    """The host name, without the port."""
    endpoint: pulumi.Output[str]
    """Host name and port."""
    secret_arn: pulumi.Output[str]
    """Where AWS keeps the password."""

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        tags = args.names.tags()
        parameters = self._parameters(name, args)
        instance = aws.rds.Instance(
            name,  # a child's name is its identity: renaming it replaces the database
            identifier=args.names.database,
            engine="postgres",
            engine_version=args.engine_version,
            instance_class=args.instance_class,
            storage_type="gp3",
            allocated_storage=args.storage_gib,
            storage_encrypted=True,
            kms_key_id=args.kms_key_arn,
            db_name="langgraph",
            username="langgraph",
            manage_master_user_password=True,
            iam_database_authentication_enabled=True,
            port=5432,
            publicly_accessible=False,
            max_allocated_storage=args.most_storage_gib,
            multi_az=args.multi_az,
            db_subnet_group_name=args.subnet_group_name,
            vpc_security_group_ids=args.security_group_ids,
            parameter_group_name=parameters.name,
            backup_retention_period=args.backup_days,
            copy_tags_to_snapshot=True,
            auto_minor_version_upgrade=True,
            apply_immediately=True,  # else AWS waits for a window and reports the old values
            enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
            deletion_protection=args.deletion_protection,
            skip_final_snapshot=args.final_snapshot_name is None,
            final_snapshot_identifier=args.final_snapshot_name,
            # RDS copies the tags to the password's secret at creation and never again.
            tags={**tags, SECRET_TAG: args.names.installation},
            opts=self.child(),
        )
        self.identifier, self.address = instance.identifier, instance.address
        self.endpoint = instance.endpoint
        self.secret_arn = instance.master_user_secrets.apply(lambda made: made[0].secret_arn or "")
        self._args = args
        self._schedule(name, args.rotation_days)
        self.register_outputs(
            {
                "identifier": self.identifier,
                "address": self.address,
                "endpoint": self.endpoint,
                "secret_arn": self.secret_arn,
            }
        )

    @property
    def connection(self) -> PostgresConnection:
        """What a server is told to reach this database."""
        return managed(
            address=self.address,
            password_secret_arn=self.secret_arn,
            max_connections=self._args.max_connections,
            tls=self._args.tls,
            ca_pem=self._args.trusted,
        )

    def _parameters(self, name: str, args: DatabaseArgs) -> aws.rds.ParameterGroup:
        return aws.rds.ParameterGroup(
            name,
            name=args.names.parameter_group,
            family=args.family,
            description="PostgreSQL of a LangGraph deployment",
            parameters=[
                {"name": "rds.force_ssl", "value": "1"},
                {
                    "name": "max_connections",
                    "value": str(args.max_connections),
                    "apply_method": "pending-reboot",
                },
            ],
            tags=args.names.tags(),
            opts=self.child(),
        )

    def _schedule(self, name: str, days: int) -> None:
        aws.secretsmanager.SecretRotation(
            f"{name}-password",
            secret_id=self.secret_arn,
            rotate_immediately=False,
            rotation_rules={"automatically_after_days": days},
            # The secret goes with the instance, and AWS lets nobody cancel a managed rotation.
            opts=self.child(retain_on_delete=True),
        )

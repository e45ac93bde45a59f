"""What a LangGraph deployment is asked to be, and what each of its parts is asked from that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from byoc_infra.components._checks import check_certificate
from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._database_choice import DEFAULT_VERSION, check_choice
from byoc_infra.components._environment import POSTGRES_SECRET, REDIS_SECRET, check_environment
from byoc_infra.components._sizes import (
    DATABASES,
    SIZES,
    Range,
    Size,
    check_range,
    most_storage,
)
from byoc_infra.components._tracing import RUNS_ENDPOINTS, SET_BY_THE_ACCOUNT
from byoc_infra.components.cache import CacheArgs
from byoc_infra.components.database import DatabaseArgs
from byoc_infra.components.external_database import ExternalDatabaseArgs
from byoc_infra.components.queue import QueueArgs
from byoc_infra.components.scaling import ScalingArgs
from byoc_infra.components.secrets import SecretsArgs
from byoc_infra.components.service import ServiceArgs
from byoc_infra.errors import ReservedName, SpecError
from byoc_infra.naming import DeploymentNames, Place
from byoc_infra.spec import SecretReference, TlsMode

__all__ = ["Filler", "LangGraphDeploymentArgs", "left_to_others"]

LICENSE_KEY = "LANGGRAPH_CLOUD_LICENSE_KEY"

Filler = Callable[[str, pulumi.Output[str], pulumi.Output[str]], pulumi.Output[str]]
"""(environment name or `redis`, ARN, cache host) → the ARN, once its secret has a value."""


def left_to_others(
    name: str,  # noqa: ARG001 - a Filler
    arn: pulumi.Output[str],
    cache_host: pulumi.Output[str],  # noqa: ARG001
) -> pulumi.Output[str]:
    """The filler that fills nothing: tasks do not start until somebody has put values in."""
    return arn


@dataclass(frozen=True, kw_only=True)
class LangGraphDeploymentArgs:
    """What is deployed, and the pieces of the account that it stands on."""

    names: DeploymentNames
    place: Place
    vpc_id: pulumi.Input[str]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    """For tasks; two zones or more."""
    balancer_subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets for an internal balancer, public ones for an internet-facing one."""
    balancer_security_group_id: pulumi.Input[str]
    """Decides who may reach the server."""
    app_security_group_id: pulumi.Input[str]
    """Of the server's tasks."""
    cache_security_group_id: pulumi.Input[str]
    """Of Redis; lets in the server's tasks."""
    database_security_group_id: pulumi.Input[str]
    """Of the database; lets in the server's tasks."""
    cluster_arn: pulumi.Input[str]
    log_group: pulumi.Input[str]
    namespace_id: pulumi.Input[str]
    namespace_name: pulumi.Input[str]
    """What follows the cache's own name."""
    db_subnet_group_name: pulumi.Input[str]
    """Where the database lies."""
    execution_role_arn: pulumi.Input[str]
    task_role_arn: pulumi.Input[str]
    redis_image: pulumi.Input[str]
    """By digest."""
    image: pulumi.Input[str]
    """In ECR, by digest."""
    final_snapshot_name: str | None
    """Keep a last snapshot of the database under this name, or none."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference | None] = field(default_factory=dict)
    """By environment name: a reference, or None for a container made here."""
    license_key: SecretReference | None = None
    """Where LANGGRAPH_CLOUD_LICENSE_KEY is kept, if it is not the account's."""
    platform_secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """By environment name: the ARNs of what the account's owner gives to all deployments."""
    tracing_endpoint: str | None = None
    """The LangSmith that the account's owner has all traces sent to."""
    size: Literal["development", "production"] = "development"
    """`production`: a queue service, 2 to 10 containers of each, a database in two zones."""
    cpu: int | None = None
    """CPU units; the size class's when absent."""
    memory_mib: int | None = None
    min_scale: int | None = None
    """Containers of the API service; the size class's when absent."""
    max_scale: int | None = None
    """The most of them."""
    queue_min_scale: int | None = None
    """Containers of the queue service; `production` only, as all that begins with `queue_`."""
    queue_max_scale: int | None = None
    """The most of them."""
    queue_cpu: int | None = None
    """CPU units; the API service's when absent."""
    queue_memory_mib: int | None = None
    """The API service's when absent."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    mount_prefix: str = ""
    public: bool = False
    certificate_arn: str | None = None
    """In ACM, in the deployment's account and region."""
    domain: str | None = None
    """The name that the certificate is for and that leads to the balancer."""
    password_rotation_days: int = 90
    """How often AWS makes a new database password."""
    postgres_version: str | None = None
    """Of RDS: a major version or an exact one; 16 when absent."""
    database_instance_class: str | None = None
    """Of RDS: one of those whose connections are known; the size class's when absent."""
    database_storage_gib: int | None = None
    """Of RDS: what it begins with; the size class's when absent."""
    database_tls: TlsMode = "require"
    """`verify-full` also checks the server's certificate and name."""
    database_ca_pem: str | None = None
    """With `verify-full`: public certificates; for RDS the region's own when absent."""
    database_max_connections: int | None = None
    """Of an external PostgreSQL: how many this deployment may use."""
    deletion_protection: bool = True
    """Of the database and of the load balancer."""
    filled: Filler = left_to_others
    """Puts values into containers, or waits for them, before tasks are made."""

    def __post_init__(self) -> None:
        """Refuse everything that any part would refuse, before the first part is made."""
        check_certificate(
            "certificate_arn", self.certificate_arn, aws_account_id=self.place.aws_account_id
        )
        self._check_queue()
        check_environment(self.environment, set(self.secrets) - {POSTGRES_SECRET})
        self._check_what_is_the_accounts()
        check_choice(self)
        self.cache_args(password_secret_arn="")
        taken_out = {REDIS_SECRET, POSTGRES_SECRET}
        given = {name: "" for name in self.secrets_args().entries if name not in taken_out}
        told: dict[str, pulumi.Input[str]] = {**given, **self.platform_secrets}
        self.service_args(database=PostgresConnection(), secrets=told)
        self.queue_args(database=PostgresConnection(), secrets=told)

    def _check_what_is_the_accounts(self) -> None:
        taken = set(self.platform_secrets)
        if self.tracing_endpoint is not None or RUNS_ENDPOINTS in taken:
            taken.update(SET_BY_THE_ACCOUNT)
        for where, names in (("environment", self.environment), ("secrets", self.secrets)):
            for name in sorted(taken & set(names)):
                raise ReservedName(
                    f"{where}.{name}",
                    wanted="a name that the account's owner has not set for all deployments",
                    got=name,
                    next_step="Remove it: every deployment of the account gets the owner's.",
                )

    def _check_queue(self) -> None:
        """Refuse a size for a service that the class does not have."""
        fields = ("queue_min_scale", "queue_max_scale", "queue_cpu", "queue_memory_mib")
        given = [field for field in fields if getattr(self, field) is not None]
        if given and not self.size_class.queue:
            raise SpecError(
                given[0],
                wanted=f"nothing: {self.size} has no queue service",
                got=str(getattr(self, given[0])),
                next_step="Set size: production, or leave it out.",
            )

    @property
    def size_class(self) -> Size:
        """What the size class means on AWS."""
        return SIZES[self.size]

    @property
    def replicas(self) -> Range:
        """Of the API service."""
        size = self.size_class
        return check_range(size.replicas, size.limits, least=self.min_scale, most=self.max_scale)

    @property
    def queue_replicas(self) -> Range:
        """Of the queue service."""
        size = self.size_class
        return check_range(
            size.replicas,
            size.limits,
            least=self.queue_min_scale,
            most=self.queue_max_scale,
            prefix="queue_",
        )

    def database_args(self) -> DatabaseArgs:
        """What the database is asked to be."""
        size = self.size_class
        kind = self.database_instance_class or size.instance_class
        storage = self.database_storage_gib or size.storage_gib
        return DatabaseArgs(
            names=self.names,
            subnet_group_name=self.db_subnet_group_name,
            security_group_ids=[self.database_security_group_id],
            instance_class=kind,
            storage_gib=storage,
            most_storage_gib=most_storage(size, storage),
            multi_az=size.multi_az,
            backup_days=size.backup_days,
            max_connections=DATABASES[kind].max_connections,
            engine_version=self.postgres_version or DEFAULT_VERSION,
            tls=self.database_tls,
            ca_pem=self.database_ca_pem,
            region=self.place.region,
            rotation_days=self.password_rotation_days,
            deletion_protection=self.deletion_protection,
            final_snapshot_name=self.final_snapshot_name,
        )

    def external_database_args(self, uri_secret: pulumi.Input[str]) -> ExternalDatabaseArgs:
        """How somebody else's database is reached."""
        return ExternalDatabaseArgs(
            uri_secret=uri_secret,
            max_connections=self.database_max_connections or self.size_class.max_connections,
            tls=self.database_tls,
            ca_pem=self.database_ca_pem,
        )

    def secrets_args(self) -> SecretsArgs:
        """The cache's password, the person's secrets, and the licence key."""
        license_key = {} if self.license_key is None else {LICENSE_KEY: self.license_key}
        return SecretsArgs(
            names=self.names,
            place=self.place,
            entries={REDIS_SECRET: None, **self.secrets, **license_key},
            execution_role_arn=self.execution_role_arn,
        )

    def cache_args(self, *, password_secret_arn: pulumi.Input[str]) -> CacheArgs:
        """What the cache is asked to be."""
        return CacheArgs(
            names=self.names,
            region=self.place.region,
            cluster_arn=self.cluster_arn,
            subnet_ids=self.private_subnet_ids,
            security_group_ids=[self.cache_security_group_id],
            namespace_id=self.namespace_id,
            execution_role_arn=self.execution_role_arn,
            log_group=self.log_group,
            image=self.redis_image,
            password_secret_arn=password_secret_arn,
        )

    def service_args(
        self, *, database: PostgresConnection, secrets: Mapping[str, pulumi.Input[str]]
    ) -> ServiceArgs:
        """What the server is asked to be."""
        size = self.size_class
        return ServiceArgs(
            **self._shared(),
            database=database,
            secrets=secrets,
            vpc_id=self.vpc_id,
            balancer_subnet_ids=self.balancer_subnet_ids,
            balancer_security_group_ids=[self.balancer_security_group_id],
            cpu=self.cpu if self.cpu is not None else size.cpu,
            memory_mib=self.memory_mib if self.memory_mib is not None else size.memory_mib,
            replicas=self.replicas.least,
            works_queue=not size.queue,
            mount_prefix=self.mount_prefix,
            public=self.public,
            certificate_arn=self.certificate_arn,
            domain=self.domain,
            deletion_protection=self.deletion_protection,
        )

    def queue_args(
        self, *, database: PostgresConnection, secrets: Mapping[str, pulumi.Input[str]]
    ) -> QueueArgs | None:
        """What works the queue, where it is a service of its own."""
        if not self.size_class.queue:
            return None
        api = self.service_args(database=database, secrets=secrets)
        return QueueArgs(
            **self._shared(),
            database=database,
            secrets=secrets,
            cpu=self.queue_cpu if self.queue_cpu is not None else api.cpu,
            memory_mib=(
                self.queue_memory_mib if self.queue_memory_mib is not None else api.memory_mib
            ),
            replicas=self.queue_replicas.least,
        )

    def _shared(self) -> dict[str, Any]:
        """What both services are told."""
        queue = self.queue_replicas.most if self.size_class.queue else 0
        return {
            "names": self.names,
            "region": self.place.region,
            "cluster_arn": self.cluster_arn,
            "subnet_ids": self.private_subnet_ids,
            "security_group_ids": [self.app_security_group_id],
            "execution_role_arn": self.execution_role_arn,
            "task_role_arn": self.task_role_arn,
            "log_group": self.log_group,
            "image": self.image,
            "environment": self.environment,
            "tracing_endpoint": self.tracing_endpoint,
            "most_containers": self.replicas.most + queue,
            "architecture": self.architecture,
        }

    def scaling_args(
        self, role: Literal["api", "queue"], service_name: pulumi.Input[str]
    ) -> ScalingArgs:
        """Within what one of the services scales."""
        replicas = self.replicas if role == "api" else self.queue_replicas
        cluster = pulumi.Output.from_input(self.cluster_arn)
        return ScalingArgs(
            names=self.names,
            role=role,
            cluster_name=cluster.apply(lambda arn: arn.rsplit("/", 1)[-1]),
            service_name=service_name,
            least=replicas.least,
            most=replicas.most,
        )

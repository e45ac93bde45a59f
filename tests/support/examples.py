"""The smallest sensible use of each component: what contract and promise tests start from."""

from collections.abc import Callable
from functools import partial

from byoc_infra.components import (
    Cache,
    CacheArgs,
    Cluster,
    ClusterArgs,
    CustomerAccess,
    CustomerAccessArgs,
    Database,
    DatabaseArgs,
    ExistingNetwork,
    ExistingNetworkArgs,
    ExternalDatabase,
    ExternalDatabaseArgs,
    LangGraphDeployment,
    LangGraphDeploymentArgs,
    Network,
    NetworkArgs,
    PlatformSecrets,
    PlatformSecretsArgs,
    PostgresConnection,
    Queue,
    QueueArgs,
    Scaling,
    ScalingArgs,
    Secrets,
    SecretsArgs,
    Service,
    ServiceArgs,
)
from byoc_infra.components._base import Component
from byoc_infra.naming import AccountNames, DeploymentNames
from byoc_infra.spec import SecretReference
from tests.support.recorder import ACCOUNT, PLACE, REGION

__all__ = [
    "ACCOUNT_NAMES",
    "DIGEST",
    "EXAMPLES",
    "EXECUTION_ROLE",
    "IMAGE",
    "NAMES",
    "REDIS_IMAGE",
    "REFERENCE",
    "VENDOR",
    "access_args",
    "cache_args",
    "cluster_args",
    "database_args",
    "deployment_args",
    "existing_network_args",
    "external_database_args",
    "network_args",
    "platform_secrets_args",
    "queue_args",
    "scaling_args",
    "secrets_args",
    "service_args",
]

DIGEST = "sha256:" + "0123456789abcdef" * 4
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
IMAGE = f"{REGISTRY}/agents@{DIGEST}"
REDIS_IMAGE = f"{REGISTRY}/byoc/redis@{DIGEST}"
VENDOR = "arn:aws:iam::111111111111:user/control-plane"
EXTERNAL_ID = "6d1c3d2e-5a70-4b1f-9e0c-3f1d2b8a4c55"
EXECUTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/LangGraphCloudECSTaskExecutionRole"
ACCOUNT_NAMES = AccountNames()
NAMES = DeploymentNames("orders", "1a2b3c4d")
REFERENCE = SecretReference(
    arn=PLACE.arn("secretsmanager", "secret:team/openai-AbCdEf"), json_key="key", version_id="v1"
)

access_args = partial(
    CustomerAccessArgs,
    names=ACCOUNT_NAMES,
    place=PLACE,
    vendor_principal_arn=VENDOR,
    external_ids=[EXTERNAL_ID],
    namespace_arn=PLACE.arn("servicediscovery", "namespace/ns-1"),
    repositories=["agents"],
)
network_args = partial(NetworkArgs, names=ACCOUNT_NAMES, zones=["eu-west-1a", "eu-west-1b"])
existing_network_args = partial(
    ExistingNetworkArgs,
    names=ACCOUNT_NAMES,
    vpc_id="vpc-00000001",
    cidr="10.1.0.0/16",
    private_subnet_ids=["subnet-0000000a", "subnet-0000000b"],
    public_subnet_ids=["subnet-000000aa", "subnet-000000bb"],
)
cluster_args = partial(
    ClusterArgs,
    names=ACCOUNT_NAMES,
    place=PLACE,
    vpc_id="vpc-1",
    private_subnet_ids=["subnet-1", "subnet-2"],
    ingress_cidrs=["10.40.0.0/16"],
    repositories=["agents", "byoc/redis"],
    redis_image=REDIS_IMAGE,
)
platform_secrets_args = partial(
    PlatformSecretsArgs,
    names=ACCOUNT_NAMES,
    place=PLACE,
    entries=["LANGSMITH_API_KEY"],
    execution_role_arn=EXECUTION_ROLE,
)
database_args = partial(
    DatabaseArgs,
    names=NAMES,
    subnet_group_name="private",
    security_group_ids=["sg-database"],
    final_snapshot_name="lg-orders-final-1a2b3c4d",
)
external_database_args = partial(
    ExternalDatabaseArgs, uri_secret=PLACE.arn("secretsmanager", "secret:team/orders-AbCdEf")
)
cache_args = partial(
    CacheArgs,
    names=NAMES,
    region=REGION,
    cluster_arn=PLACE.arn("ecs", "cluster/langgraph-cloud-cluster"),
    subnet_ids=["subnet-1", "subnet-2"],
    security_group_ids=["sg-cache"],
    namespace_id="ns-1",
    execution_role_arn=EXECUTION_ROLE,
    log_group=ACCOUNT_NAMES.log_group,
    image=REDIS_IMAGE,
    password_secret_arn=PLACE.arn("secretsmanager", "secret:redis-AbCdEf"),
)
secrets_args = partial(
    SecretsArgs,
    names=NAMES,
    place=PLACE,
    entries={"OPENAI_API_KEY": None, "TEAM_KEY": REFERENCE},
    execution_role_arn=EXECUTION_ROLE,
)
service_args = partial(
    ServiceArgs,
    names=NAMES,
    region=REGION,
    vpc_id="vpc-1",
    cluster_arn=PLACE.arn("ecs", "cluster/langgraph-cloud-cluster"),
    subnet_ids=["subnet-1", "subnet-2"],
    security_group_ids=["sg-app"],
    balancer_subnet_ids=["subnet-1", "subnet-2"],
    balancer_security_group_ids=["sg-lb-internal"],
    execution_role_arn=EXECUTION_ROLE,
    task_role_arn=PLACE.role_arn("LangGraphCloudTaskRole-default"),
    log_group=ACCOUNT_NAMES.log_group,
    image=IMAGE,
    database=PostgresConnection(
        environment={
            "DATABASE_URI": "postgresql://langgraph@db.internal:5432/langgraph?sslmode=require"
        },
        secrets={"PGPASSWORD": "arn:pg:password::"},
    ),
    secrets={"REDIS_URI": "arn:redis:uri::"},
)
queue_args = partial(
    QueueArgs,
    **{
        name: service_args.keywords[name]
        for name in (
            *("names", "region", "cluster_arn", "subnet_ids", "security_group_ids", "log_group"),
            *("execution_role_arn", "task_role_arn", "image", "database", "secrets"),
        )
    },
)
scaling_args = partial(
    ScalingArgs,
    names=NAMES,
    role="queue",
    cluster_name=ACCOUNT_NAMES.cluster,
    service_name=NAMES.service("queue"),
)
deployment_args = partial(
    LangGraphDeploymentArgs,
    names=NAMES,
    place=PLACE,
    vpc_id="vpc-1",
    private_subnet_ids=["subnet-1", "subnet-2"],
    balancer_subnet_ids=["subnet-1", "subnet-2"],
    balancer_security_group_id="sg-lb-internal",
    app_security_group_id="sg-app",
    cache_security_group_id="sg-cache",
    database_security_group_id="sg-database",
    cluster_arn=PLACE.arn("ecs", "cluster/langgraph-cloud-cluster"),
    log_group=ACCOUNT_NAMES.log_group,
    namespace_id="ns-1",
    namespace_name=ACCOUNT_NAMES.namespace,
    db_subnet_group_name=ACCOUNT_NAMES.db_subnet_group,
    execution_role_arn=EXECUTION_ROLE,
    task_role_arn=PLACE.role_arn("LangGraphCloudTaskRole-default"),
    redis_image=REDIS_IMAGE,
    image=IMAGE,
    final_snapshot_name="lg-orders-final-1a2b3c4d",
    secrets={"OPENAI_API_KEY": None},
)

EXAMPLES: dict[type[Component], Callable[[], Component]] = {
    CustomerAccess: lambda: CustomerAccess("orders", access_args()),
    Network: lambda: Network("orders", network_args()),
    ExistingNetwork: lambda: ExistingNetwork("orders", existing_network_args()),
    Cluster: lambda: Cluster("orders", cluster_args()),
    PlatformSecrets: lambda: PlatformSecrets("orders", platform_secrets_args()),
    Database: lambda: Database("orders", database_args()),
    ExternalDatabase: lambda: ExternalDatabase("orders", external_database_args()),
    Cache: lambda: Cache("orders", cache_args()),
    Secrets: lambda: Secrets("orders", secrets_args(own_key=True)),
    Service: lambda: Service("orders", service_args()),
    Queue: lambda: Queue("orders", queue_args()),
    Scaling: lambda: Scaling("orders", scaling_args()),
    LangGraphDeployment: lambda: LangGraphDeployment("orders", deployment_args()),
}
"""Found by class; a component without one fails the contract tests."""

"""byoc-infra: bring your own cloud for LangGraph deployments.

The public names: the components with their Args, and the words that they are told in. They are
loaded when they are used, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from byoc_infra.naming import AccountNames, DeploymentNames, Place
    from byoc_infra.spec import (
        AccountSpec,
        DeploymentSpec,
        ExistingNetworkSpec,
        ExternalDatabaseSpec,
        NetworkSpec,
        SecretReference,
        TaskRoleSpec,
        TracingSpec,
    )

__all__ = [
    "AccountNames",
    "AccountSpec",
    "Cache",
    "CacheArgs",
    "Cluster",
    "ClusterArgs",
    "CustomerAccess",
    "CustomerAccessArgs",
    "Database",
    "DatabaseArgs",
    "DeploymentNames",
    "DeploymentSpec",
    "ExistingNetwork",
    "ExistingNetworkArgs",
    "ExistingNetworkSpec",
    "ExternalDatabase",
    "ExternalDatabaseArgs",
    "ExternalDatabaseSpec",
    "LangGraphDeployment",
    "LangGraphDeploymentArgs",
    "Network",
    "NetworkArgs",
    "NetworkSpec",
    "Place",
    "PlatformSecrets",
    "PlatformSecretsArgs",
    "PostgresConnection",
    "Queue",
    "QueueArgs",
    "Scaling",
    "ScalingArgs",
    "SecretReference",
    "Secrets",
    "SecretsArgs",
    "Service",
    "ServiceArgs",
    "TaskRoleSpec",
    "TracingSpec",
]

SPEC = frozenset(
    {
        "AccountSpec",
        "DeploymentSpec",
        "ExistingNetworkSpec",
        "ExternalDatabaseSpec",
        "NetworkSpec",
        "SecretReference",
        "TaskRoleSpec",
        "TracingSpec",
    }
)
NAMING = frozenset({"AccountNames", "DeploymentNames", "Place"})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    """Load the module of a public name when the name is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "spec" if name in SPEC else "naming" if name in NAMING else "components"
    return getattr(import_module(f"{__name__}.{module}"), name)

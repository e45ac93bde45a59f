"""Pulumi components, one a file; names are loaded when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byoc_infra.components._connection import PostgresConnection
    from byoc_infra.components.access import CustomerAccess, CustomerAccessArgs
    from byoc_infra.components.cache import Cache, CacheArgs
    from byoc_infra.components.cluster import Cluster, ClusterArgs
    from byoc_infra.components.database import Database, DatabaseArgs
    from byoc_infra.components.deployment import LangGraphDeployment
    from byoc_infra.components.deployment_args import LangGraphDeploymentArgs
    from byoc_infra.components.existing_network import ExistingNetwork, ExistingNetworkArgs
    from byoc_infra.components.external_database import ExternalDatabase, ExternalDatabaseArgs
    from byoc_infra.components.network import Network, NetworkArgs
    from byoc_infra.components.platform_secrets import PlatformSecrets, PlatformSecretsArgs
    from byoc_infra.components.queue import Queue, QueueArgs
    from byoc_infra.components.scaling import Scaling, ScalingArgs
    from byoc_infra.components.secrets import Secrets, SecretsArgs
    from byoc_infra.components.service import Service, ServiceArgs

__all__ = [
    "Cache",
    "CacheArgs",
    "Cluster",
    "ClusterArgs",
    "CustomerAccess",
    "CustomerAccessArgs",
    "Database",
    "DatabaseArgs",
    "ExistingNetwork",
    "ExistingNetworkArgs",
    "ExternalDatabase",
    "ExternalDatabaseArgs",
    "LangGraphDeployment",
    "LangGraphDeploymentArgs",
    "Network",
    "NetworkArgs",
    "PlatformSecrets",
    "PlatformSecretsArgs",
    "PostgresConnection",
    "Queue",
    "QueueArgs",
    "Scaling",
    "ScalingArgs",
    "Secrets",
    "SecretsArgs",
    "Service",
    "ServiceArgs",
]

MODULES = {
    "CustomerAccess": "access",
    "ExistingNetwork": "existing_network",
    "ExternalDatabase": "external_database",
    "LangGraphDeployment": "deployment",
    "LangGraphDeploymentArgs": "deployment_args",
    "PlatformSecrets": "platform_secrets",
    "PostgresConnection": "_connection",
}
"""What is not in the module of its own name."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    """Load a component's module when its name is first used: Pulumi takes seconds to load."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    component = name.removesuffix("Args")
    found = MODULES.get(name) or MODULES.get(component) or component.lower()
    module = import_module(f"{__name__}.{found}")
    return getattr(module, name)

"""`resource_spec`: the platform's words for sizes, which come from Kubernetes."""

from typing import Annotated, Any

from pydantic import Field

from byoc_infra.control_plane.models._base import Asked, Text

__all__ = ["ResourceSpec"]

Cores = Annotated[float, Field(ge=0.1, le=8)]
MostCores = Annotated[float, Field(ge=0.1, le=16)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Refused = Any
"""Of Kubernetes; taken only where it is empty."""
NO_MEANING = "Has no meaning on Amazon ECS: leave it out."


class ResourceSpec(Asked):
    """Sizes. AWS has only some of them: what is asked for is rounded up to the next that it has,
    and a revision shows both. On an update the whole object is replaced.
    """

    min_scale: Count | None = None
    """Replicas of the API service at least."""
    max_scale: Count | None = None
    """Replicas of the API service at most."""
    cpu: Cores | None = None
    """Cores of one replica."""
    cpu_limit: MostCores | None = None
    """A task of ECS has what it has: the larger of the two counts."""
    memory_mb: Count | None = None
    """Memory of one replica, in MiB."""
    memory_limit_mb: Count | None = None
    """The larger of the two counts."""
    queue_min_scale: Count | None = None
    """Of the queue service, which only the type `prod` has; `min_scale` when absent."""
    queue_max_scale: Count | None = None
    """`max_scale` when absent."""
    queue_cpu: Cores | None = None
    """`cpu` when absent."""
    queue_cpu_limit: MostCores | None = None
    queue_memory_mb: Count | None = None
    """`memory_mb` when absent."""
    queue_memory_limit_mb: Count | None = None
    db_cpu: Annotated[float, Field(ge=0, le=1000)] | None = None
    """Cores of the database."""
    db_cpu_limit: Annotated[float, Field(ge=0, le=1000)] | None = None
    db_memory_mb: Count | None = None
    """Memory of the database, in MiB."""
    db_memory_limit_mb: Count | None = None
    db_storage_gi: Count | None = None
    """Storage of the database, in GiB."""
    db_max_connections: Count | None = None
    """Connections that the database takes."""
    redis_cpu: Cores | None = None
    redis_cpu_limit: MostCores | None = None
    redis_memory_mb: Count | None = None
    redis_memory_limit_mb: Count | None = None
    service_account_name: Text | None = None
    """The application's identity: the name of one of the account's `task_roles`."""
    labels: Refused = Field(default=None, description=NO_MEANING)
    annotations: Refused = Field(default=None, description=NO_MEANING)
    image_pull_secrets: Refused = Field(default=None, description=NO_MEANING)
    volumes: Refused = Field(default=None, description=NO_MEANING)
    volume_mounts: Refused = Field(default=None, description=NO_MEANING)
    init_containers: Refused = Field(default=None, description=NO_MEANING)
    sidecars: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_cpu: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_cpu_limit: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_memory_mb: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_memory_limit_mb: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_min_scale: Refused = Field(default=None, description=NO_MEANING)
    orchestrator_max_scale: Refused = Field(default=None, description=NO_MEANING)
    executor_cpu: Refused = Field(default=None, description=NO_MEANING)
    executor_cpu_limit: Refused = Field(default=None, description=NO_MEANING)
    executor_memory_mb: Refused = Field(default=None, description=NO_MEANING)
    executor_memory_limit_mb: Refused = Field(default=None, description=NO_MEANING)

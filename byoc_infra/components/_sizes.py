"""Sizes: what Fargate has, and what the platform's size classes mean on it; pure."""

from dataclasses import dataclass

from byoc_infra.errors import SpecError

__all__ = [
    "DATABASES",
    "DEVELOPMENT",
    "FARGATE_PAIRS",
    "PRODUCTION",
    "SIZES",
    "DatabaseSize",
    "Range",
    "Size",
    "check_fargate",
    "check_range",
    "most_storage",
    "pool_size",
]

FARGATE_PAIRS: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
"""CPU units → MiB of memory (Amazon ECS developer guide, "Task CPU and memory" on Fargate)."""

RESERVED_CONNECTIONS = 15
"""Left to RDS itself and to a person who has to look."""


@dataclass(frozen=True)
class Range:
    """How many containers a service may have."""

    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Size:
    """One of the platform's size classes."""

    cpu: int
    """CPU units; 1024 are one vCPU."""
    memory_mib: int
    replicas: Range
    """Of the API service, and of the queue service where there is one."""
    limits: Range
    """What a person may set instead."""
    queue: bool
    """A service of its own works the queue; without, the API service does."""
    instance_class: str
    storage_gib: int
    most_storage_gib: int | None
    """Up to where the database's storage grows by itself; None for not at all."""
    max_connections: int
    """Set in the parameter group, so that the pools' arithmetic rests on a known number."""
    multi_az: bool
    """A second database stands by in another zone."""
    backup_days: int


DEVELOPMENT = Size(
    cpu=1024,
    memory_mib=2048,
    replicas=Range(1, 1),
    limits=Range(1, 1),
    queue=False,
    instance_class="db.t4g.micro",
    storage_gib=20,
    most_storage_gib=None,
    max_connections=80,
    multi_az=False,
    backup_days=7,
)
PRODUCTION = Size(
    cpu=2048,
    memory_mib=4096,
    replicas=Range(2, 10),
    limits=Range(1, 10),
    queue=True,
    instance_class="db.m7g.large",
    storage_gib=50,
    most_storage_gib=1000,
    max_connections=815,  # under RDS's own default for 8 GiB; pools of 20 at the very most
    multi_az=True,
    backup_days=14,
)
SIZES = {"development": DEVELOPMENT, "production": PRODUCTION}


@dataclass(frozen=True, kw_only=True)
class DatabaseSize:
    """What an instance class of RDS has (RDS user guide, DB instance classes)."""

    cores: int
    memory_mib: int
    max_connections: int
    """Under RDS's own default for the memory, which nobody can raise without paying for it in
    memory; 5000 at the very most."""


DATABASES: dict[str, DatabaseSize] = {
    DEVELOPMENT.instance_class: DatabaseSize(cores=2, memory_mib=1024, max_connections=80),
    "db.t4g.small": DatabaseSize(cores=2, memory_mib=2048, max_connections=180),
    "db.t4g.medium": DatabaseSize(cores=2, memory_mib=4096, max_connections=400),
    PRODUCTION.instance_class: DatabaseSize(cores=2, memory_mib=8192, max_connections=815),
    "db.m7g.xlarge": DatabaseSize(cores=4, memory_mib=16384, max_connections=1650),
    "db.m7g.2xlarge": DatabaseSize(cores=8, memory_mib=32768, max_connections=3300),
    "db.m7g.4xlarge": DatabaseSize(cores=16, memory_mib=65536, max_connections=5000),
    "db.m7g.8xlarge": DatabaseSize(cores=32, memory_mib=131072, max_connections=5000),
}
"""From small to large."""


def check_fargate(cpu: int, memory_mib: int) -> None:
    """Refuse a pair that Fargate does not have."""
    if cpu not in FARGATE_PAIRS:
        raise SpecError(
            "cpu",
            wanted="one of " + ", ".join(str(units) for units in FARGATE_PAIRS) + " CPU units",
            got=str(cpu),
            next_step="1024 units are one vCPU.",
        )
    memories = FARGATE_PAIRS[cpu]
    if memory_mib not in memories:
        listed = ", ".join(str(memory) for memory in memories)
        raise SpecError(
            "memory_mib",
            wanted=f"with {cpu} CPU units one of {listed} MiB",
            got=str(memory_mib),
            next_step="Take a pair that Fargate has.",
        )


def check_range(
    usual: Range, limits: Range, *, least: int | None, most: int | None, prefix: str = ""
) -> Range:
    """The range that was asked for, the class's where nothing was; refused outside the limits."""
    asked = Range(usual.least if least is None else least, usual.most if most is None else most)
    for field, value, up_to in (
        (f"{prefix}max_scale", asked.most, limits.most),
        (f"{prefix}min_scale", asked.least, asked.most),
    ):
        if not limits.least <= value <= up_to:
            raise SpecError(
                field,
                wanted=f"{limits.least} to {up_to} containers",
                got=str(value),
                next_step=f"Give {prefix}min_scale and {prefix}max_scale, the first not above the "
                "second.",
            )
    return asked


def pool_size(max_connections: int, most_containers: int) -> int:
    """LANGGRAPH_POSTGRES_POOL_MAX_SIZE: during a roll-out twice the containers hold a pool."""
    return (max_connections - RESERVED_CONNECTIONS) // (2 * most_containers)


def most_storage(size: Size, begins_with_gib: int) -> int | None:
    """Up to where the storage grows by itself: the class's, or twice of what it begins with."""
    if size.most_storage_gib is None:
        return None
    return max(size.most_storage_gib, 2 * begins_with_gib)

"""Sizes: what Fargate has, and what the platform's size classes mean on it; pure."""

from dataclasses import dataclass

from byoc_infra.errors import SpecError

__all__ = ["DEVELOPMENT", "FARGATE_PAIRS", "SIZES", "Size", "check_fargate", "pool_size"]

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


@dataclass(frozen=True, kw_only=True)
class Size:
    """One of the platform's size classes."""

    cpu: int
    """CPU units; 1024 are one vCPU."""
    memory_mib: int
    most_replicas: int
    instance_class: str
    storage_gib: int
    max_connections: int
    """Set in the parameter group, so that the pools' arithmetic rests on a known number."""


DEVELOPMENT = Size(
    cpu=1024,
    memory_mib=2048,
    most_replicas=1,
    instance_class="db.t4g.micro",
    storage_gib=20,
    max_connections=80,
)
SIZES = {"development": DEVELOPMENT}


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


def pool_size(max_connections: int, most_replicas: int) -> int:
    """LANGGRAPH_POSTGRES_POOL_MAX_SIZE: during a roll-out twice the replicas hold a pool."""
    return (max_connections - RESERVED_CONNECTIONS) // (2 * most_replicas)

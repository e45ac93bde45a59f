"""Fargate's pairs and the size classes."""

import pytest

from byoc_infra.components._sizes import (
    DEVELOPMENT,
    FARGATE_PAIRS,
    SIZES,
    check_fargate,
    pool_size,
)
from byoc_infra.errors import SpecError


@pytest.mark.parametrize(
    ("cpu", "fewest", "most", "count"),
    [
        (256, 512, 2048, 3),
        (512, 1024, 4096, 4),
        (1024, 2048, 8192, 7),
        (2048, 4096, 16384, 13),
        (4096, 8192, 30720, 23),
        (8192, 16384, 61440, 12),
        (16384, 32768, 122880, 12),
    ],
)
def test_the_table_is_fargates(cpu: int, fewest: int, most: int, count: int) -> None:
    """First, last and number of memories for each CPU (ECS developer guide)."""
    memories = FARGATE_PAIRS[cpu]

    assert (min(memories), max(memories), len(memories)) == (fewest, most, count)


@pytest.mark.parametrize("size", SIZES.values())
def test_every_size_class_is_one_that_fargate_has(size: type) -> None:
    """Our own defaults are valid."""
    check_fargate(size.cpu, size.memory_mib)  # type: ignore[attr-defined]  # a Size


@pytest.mark.parametrize(("cpu", "memory"), [(1024, 1024), (256, 4096), (0, 512), (8192, 20000)])
def test_other_pairs_are_refused(cpu: int, memory: int) -> None:
    """Nothing is rounded here."""
    with pytest.raises(SpecError):
        check_fargate(cpu, memory)


def test_pools_of_a_roll_out_fit_the_database() -> None:
    """Old and new replicas together stay below what the database takes."""
    size = pool_size(DEVELOPMENT.max_connections, DEVELOPMENT.most_replicas)

    assert size == 32
    assert 2 * DEVELOPMENT.most_replicas * size <= DEVELOPMENT.max_connections - 15

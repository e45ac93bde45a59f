"""Fargate's pairs and the size classes."""

import pytest

from byoc_infra.components._sizes import (
    FARGATE_PAIRS,
    PRODUCTION,
    SIZES,
    Range,
    Size,
    check_fargate,
    check_range,
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
def test_every_size_class_is_one_that_fargate_has(size: Size) -> None:
    """Our own defaults are valid."""
    check_fargate(size.cpu, size.memory_mib)
    assert check_range(size.replicas, size.limits, least=None, most=None) == size.replicas


@pytest.mark.parametrize(("cpu", "memory"), [(1024, 1024), (256, 4096), (0, 512), (8192, 20000)])
def test_other_pairs_are_refused(cpu: int, memory: int) -> None:
    """Nothing is rounded here."""
    with pytest.raises(SpecError):
        check_fargate(cpu, memory)


@pytest.mark.parametrize(("name", "pool"), [("development", 32), ("production", 20)])
def test_pools_of_a_roll_out_fit_the_database(name: str, pool: int) -> None:
    """Old and new containers of all services together stay below what the database takes."""
    size = SIZES[name]
    containers = size.replicas.most * (2 if size.queue else 1)

    assert pool_size(size.max_connections, containers) == pool
    assert 2 * containers * pool <= size.max_connections - 15


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (None, None, Range(2, 10)),
        (1, None, Range(1, 10)),
        (None, 2, Range(2, 2)),
        (10, 10, Range(10, 10)),
    ],
)
def test_what_is_not_given_is_the_classs(
    least: int | None, most: int | None, expected: Range
) -> None:
    """Either end by itself."""
    assert check_range(PRODUCTION.replicas, PRODUCTION.limits, least=least, most=most) == expected


@pytest.mark.parametrize(
    ("least", "most", "message"),
    [
        (0, None, "queue_min_scale: want 1 to 10 containers, got 0"),
        (None, 11, "queue_max_scale: want 1 to 10 containers, got 11"),
        (None, 0, "queue_max_scale: want 1 to 10 containers, got 0"),
        (None, 1, "queue_min_scale: want 1 to 1 containers, got 2"),
        (5, 4, "queue_min_scale: want 1 to 4 containers, got 5"),
    ],
)
def test_a_range_outside_the_limits_is_refused(
    least: int | None, most: int | None, message: str
) -> None:
    """By the field that is wrong."""
    with pytest.raises(SpecError) as refused:
        check_range(PRODUCTION.replicas, PRODUCTION.limits, least=least, most=most, prefix="queue_")

    assert str(refused.value).startswith(message)

"""`resource_spec` on AWS: always upwards, never silently less."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc_infra.components._sizes import FARGATE_PAIRS
from byoc_infra.control_plane.models.deployments import ResourceSpec
from byoc_infra.control_plane.services._resources import SizeClass, fit
from byoc_infra.errors import SpecError


@pytest.mark.parametrize(
    ("size", "asked", "got"),
    [
        ("development", {}, {}),
        ("development", {"cpu": 0.1}, {"cpu": 256, "memory_mib": 2048}),
        ("development", {"cpu": 0.1, "memory_mb": 100}, {"cpu": 256, "memory_mib": 512}),
        ("development", {"cpu": 1.1, "memory_mb": 100}, {"cpu": 2048, "memory_mib": 4096}),
        ("development", {"memory_mb": 9000}, {"cpu": 2048, "memory_mib": 9216}),
        ("development", {"cpu": 1, "cpu_limit": 3}, {"cpu": 4096, "memory_mib": 8192}),
        (
            "development",
            {"memory_mb": 512, "memory_limit_mb": 3000},
            {"cpu": 1024, "memory_mib": 3072},
        ),
        ("development", {"service_account_name": "reader"}, {"task_role": "reader"}),
        ("development", {"labels": {}, "sidecars": []}, {}),
        ("development", {"db_cpu": 2, "db_memory_mb": 1024, "db_storage_gi": 20}, {}),
        ("development", {"db_memory_mb": 1025}, {"database_instance_class": "db.t4g.small"}),
        (
            "development",
            {"db_cpu": 1, "db_cpu_limit": 3, "db_storage_gi": 21},
            {"database_instance_class": "db.m7g.xlarge", "database_storage_gib": 21},
        ),
        ("production", {"db_memory_mb": 4096, "db_max_connections": 800}, {}),
        ("production", {"db_max_connections": 816}, {"database_instance_class": "db.m7g.xlarge"}),
        (
            "production",
            {"max_scale": 1},
            {"min_scale": 1, "max_scale": 1, "queue_min_scale": 1, "queue_max_scale": 1},
        ),
        (
            "production",
            {"min_scale": 3, "queue_max_scale": 4},
            {"min_scale": 3, "max_scale": 10, "queue_min_scale": 3, "queue_max_scale": 4},
        ),
        ("production", {"queue_cpu": 4}, {"queue_cpu": 4096, "queue_memory_mib": 8192}),
        (
            "production",
            {"cpu": 4, "memory_mb": 8192, "queue_memory_mb": 9000},
            {"cpu": 4096, "memory_mib": 8192, "queue_cpu": 4096, "queue_memory_mib": 9216},
        ),
    ],
)
def test_each_row_of_the_table(size: SizeClass, asked: dict[str, Any], got: dict[str, Any]) -> None:
    """What is asked for, and what it becomes."""
    assert fit(ResourceSpec(**asked), size) == got


@given(cpu=st.floats(0.1, 8), memory=st.integers(0, 122_880))
@settings(deadline=None)
def test_nobody_gets_less_than_they_ask_for(cpu: float, memory: int) -> None:
    """And always a pair that Fargate has."""
    got = fit(ResourceSpec(cpu=cpu, memory_mb=memory), "production")

    assert got["memory_mib"] in FARGATE_PAIRS[got["cpu"]]
    assert got["cpu"] >= cpu * 1024
    assert got["memory_mib"] >= memory


@pytest.mark.parametrize(
    ("size", "asked", "field"),
    [
        ("development", {"memory_mb": 200_000}, "memory_mb"),
        ("development", {"cpu": 2, "cpu_limit": 1}, "cpu_limit"),
        ("development", {"max_scale": 2}, "max_scale"),
        ("development", {"min_scale": 0}, "min_scale"),
        ("development", {"queue_cpu": 1}, "queue_cpu"),
        ("development", {"db_cpu": 33}, "db_cpu"),
        ("production", {"db_max_connections": 5001}, "db_max_connections"),
        ("development", {"db_memory_mb": 512, "db_memory_limit_mb": 256}, "db_memory_limit_mb"),
        ("production", {"redis_memory_mb": 1024}, "redis_memory_mb"),
        ("production", {"min_scale": 5, "max_scale": 4}, "min_scale"),
        ("production", {"queue_min_scale": 9, "max_scale": 8}, "queue_min_scale"),
        ("production", {"max_scale": 11}, "max_scale"),
        ("production", {"volumes": [{"name": "x"}]}, "volumes"),
        ("production", {"executor_cpu": 1}, "executor_cpu"),
    ],
)
def test_what_cannot_be_given_is_refused_by_name(
    size: SizeClass, asked: dict[str, Any], field: str
) -> None:
    """Before anything is created."""
    with pytest.raises(SpecError) as refused:
        fit(ResourceSpec(**asked), size)

    assert refused.value.field == f"source_config.resource_spec.{field}"


def test_the_size_of_ones_own_database_is_ones_own() -> None:
    """Only how many connections the deployment may use of it is said here."""
    with pytest.raises(SpecError, match="db_memory_mb: want nothing"):
        fit(ResourceSpec(db_memory_mb=512), "development", own_database=True)

    got = fit(ResourceSpec(db_max_connections=60), "development", own_database=True)
    assert got == {"database_max_connections": 60}

"""What holds of every size: Fargate has the pair, and the pools fit the database."""

import json

from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from byoc_infra.components import LangGraphDeployment
from byoc_infra.components._sizes import SIZES, check_fargate, pool_size
from byoc_infra.errors import SpecError
from tests.support.examples import deployment_args
from tests.support.recorder import Recorder, record

GIB = 1024
CPUS = (256, 512, 1024, 2048, 4096, 8192, 16384)


def offered(cpu: int, memory_mib: int) -> bool:
    """Fargate's rule in words of its own (ECS developer guide), beside the table of the code."""
    ranges = {
        256: memory_mib in (512, 1024, 2048),
        512: memory_mib % GIB == 0 and 1 <= memory_mib // GIB <= 4,
        1024: memory_mib % GIB == 0 and 2 <= memory_mib // GIB <= 8,
        2048: memory_mib % GIB == 0 and 4 <= memory_mib // GIB <= 16,
        4096: memory_mib % GIB == 0 and 8 <= memory_mib // GIB <= 30,
        8192: memory_mib % (4 * GIB) == 0 and 16 <= memory_mib // GIB <= 60,
        16384: memory_mib % (8 * GIB) == 0 and 32 <= memory_mib // GIB <= 120,
    }
    return ranges.get(cpu, False)


@given(
    cpu=some.one_of(some.sampled_from(CPUS), some.integers(-1, 20000)),
    memory_mib=some.one_of(
        some.integers(0, 130).map(lambda gib: gib * GIB), some.integers(-1, 130 * GIB)
    ),
)
@settings(deadline=None, max_examples=400)
def test_exactly_the_pairs_that_fargate_has_are_taken(cpu: int, memory_mib: int) -> None:
    """No other is let through, and none of them is refused."""
    try:
        check_fargate(cpu, memory_mib)
        taken = True
    except SpecError:
        taken = False

    assert taken is offered(cpu, memory_mib)


@given(
    max_connections=some.integers(30, 5000),
    containers=some.integers(1, 40),
    surplus=some.integers(0, 9),
)
@settings(deadline=None)
def test_a_pool_is_as_large_as_a_roll_out_allows_and_no_larger(
    max_connections: int, containers: int, surplus: int
) -> None:
    """Old and new containers hold a pool each; what is reserved stays free."""
    held = 2 * containers
    pool = pool_size(max_connections, containers)

    assert held * pool + 15 <= max_connections or pool <= 0
    assert held * (pool + 1) + 15 > max_connections
    assert pool_size(max_connections + surplus, containers) >= pool
    assert pool_size(max_connections, containers + surplus) <= max(pool, 0)


@given(most=some.integers(2, 10), most_of_queue=some.integers(2, 10))
@settings(deadline=None, max_examples=6, phases=[Phase.explicit, Phase.generate])
def test_the_pools_of_a_roll_out_of_both_services_fit_the_database(
    most: int, most_of_queue: int
) -> None:
    """As they are registered: twice the containers that scaling allows, and what is reserved."""
    args = deployment_args(size="production", max_scale=most, queue_max_scale=most_of_queue)
    made = record(lambda: LangGraphDeployment("orders", args))
    targets = made.of_type("aws:appautoscaling/target:Target")
    containers = sum(int(target.inputs["maxCapacity"]) for target in targets)
    (group,) = made.of_type("aws:rds/parameterGroup:ParameterGroup")
    connections = {one["name"]: one["value"] for one in group.inputs["parameters"]}

    assert containers == most + most_of_queue
    assert len(_pools(made)) == 2
    assert 2 * containers * max(_pools(made)) + 15 <= int(connections["max_connections"])


def _pools(made: Recorder) -> list[int]:
    """What each task definition of a server is told."""
    tasks = made.of_type("aws:ecs/taskDefinition:TaskDefinition")
    told = [
        {one["name"]: one["value"] for one in container["environment"]}
        for task in tasks
        for container in json.loads(task.inputs["containerDefinitions"])
    ]
    pool = "LANGGRAPH_POSTGRES_POOL_MAX_SIZE"
    return [int(environment[pool]) for environment in told if pool in environment]


def test_every_class_is_one_that_fargate_has() -> None:
    """By the rule in words, too."""
    assert [size for size in SIZES.values() if not offered(size.cpu, size.memory_mib)] == []

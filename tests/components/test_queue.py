"""What a Queue asks of AWS."""

import json
from typing import Any

import pytest

from byoc_infra.components import Queue
from byoc_infra.errors import ByocError, DuplicateName, ReservedName, SpecError
from tests.support.examples import queue_args
from tests.support.recorder import Recorder, maker

SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"

made = maker(Queue, "orders", queue_args)


def container(recorder: Recorder) -> dict[str, Any]:
    """The one container of the task."""
    (found,) = json.loads(recorder.inputs(TASK)["containerDefinitions"])
    return dict(found)


def environment(recorder: Recorder) -> dict[str, str]:
    """What it is told in plain text."""
    return {one["name"]: one["value"] for one in container(recorder)["environment"]}


def test_it_runs_the_queue_entry_point_of_the_image() -> None:
    """The API's image, pinned, with another command; its own `/ok` says whether it lives."""
    found = container(made())

    assert found["command"] == ["/storage/queue_entrypoint.sh"]
    assert "GET /ok " in found["healthCheck"]["command"][3]
    assert {"name": "PORT", "value": "8000"} in found["environment"]


def test_nobody_can_ask_it() -> None:
    """No target group, no registry, no mount prefix: it has no callers."""
    asked = made().inputs(SERVICE)

    assert "loadBalancers" not in asked
    assert "serviceRegistries" not in asked
    assert "MOUNT_PREFIX" not in environment(made())


def test_it_works_ten_runs_at_once_unless_told() -> None:
    """The platform's number; the person's own wins."""
    told = made(environment={"N_JOBS_PER_WORKER": "3"})

    assert environment(made())["N_JOBS_PER_WORKER"] == "10"
    assert environment(told)["N_JOBS_PER_WORKER"] == "3"


def test_a_run_may_end_before_its_task_does() -> None:
    """Fargate's longest wait, and the server's own a little shorter."""
    assert container(made())["stopTimeout"] == 120
    assert environment(made())["BG_JOB_SHUTDOWN_GRACE_PERIOD_SECS"] == "100"


def test_a_failed_rollout_goes_back() -> None:
    """The old tasks work on until the new ones are healthy."""
    asked = made().inputs(SERVICE)

    assert asked["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert asked["deploymentMinimumHealthyPercent"] == 100


def test_what_scales_is_left_alone() -> None:
    """A count that a person or an autoscaler has set is not put back."""
    assert made().only(SERVICE).options == {"ignoreChanges": ["desiredCount"]}


def test_no_password_in_the_environment() -> None:
    """As for the API service: passwords are ECS secrets."""
    names = {one["name"] for one in container(made())["secrets"]}

    assert names == {"PGPASSWORD", "REDIS_URI"}
    assert "password" not in json.dumps(environment(made())).lower()


def test_tasks_have_no_public_address() -> None:
    """They run in the private subnets, behind their security group, and nobody gets a shell."""
    asked = made().inputs(SERVICE)

    assert asked["networkConfiguration"]["assignPublicIp"] is False
    assert asked["enableExecuteCommand"] is False


def test_pools_are_shared_among_all_containers() -> None:
    """Of both services, at their most, twice for a roll-out."""
    assert environment(made(most_containers=4))["LANGGRAPH_POSTGRES_POOL_MAX_SIZE"] == "8"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"image": "agents:v1"}, SpecError, "image: want <account>"),
        ({"cpu": 1000}, SpecError, "cpu: want one of 256, 512, 1024"),
        ({"environment": {"DATABASE_URI": "x"}}, ReservedName, "environment.DATABASE_URI: want"),
        ({"environment": {"K": "x"}, "secrets": {"K": "arn"}}, DuplicateName, "secrets.K: want"),
    ],
)
def test_bad_input_is_refused_by_name(
    changes: dict[str, Any], error: type[ByocError], message: str
) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(error) as refused:
        queue_args(**changes)

    assert str(refused.value).startswith(message)

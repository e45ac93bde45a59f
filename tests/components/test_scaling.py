"""What a Scaling asks of AWS."""

from typing import Any

import pytest

from byoc_infra.components import Scaling
from byoc_infra.errors import SpecError
from tests.support.examples import scaling_args
from tests.support.recorder import maker

TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
TRACKING = "targetTrackingScalingPolicyConfiguration"

made = maker(Scaling, "orders", scaling_args)


def test_limits_are_kept() -> None:
    """The class's, on the service's desired count."""
    asked = made().inputs(TARGET)

    assert (asked["minCapacity"], asked["maxCapacity"]) == (2, 10)
    assert asked["resourceId"] == "service/langgraph-cloud-cluster/lg-orders-queue-1a2b3c4d"


def test_cpu_and_memory_are_kept_at_their_targets() -> None:
    """A policy each; whichever asks for more containers wins."""
    targets = {
        one.inputs[TRACKING]["predefinedMetricSpecification"]["predefinedMetricType"]: one.inputs[
            TRACKING
        ]["targetValue"]
        for one in made().of_type(POLICY)
    }

    assert targets == {
        "ECSServiceAverageCPUUtilization": 75,
        "ECSServiceAverageMemoryUtilization": 75,
    }


def test_scale_in_is_held_half_an_hour() -> None:
    """And scale-out for a minute only."""
    held = {
        (one.inputs[TRACKING]["scaleInCooldown"], one.inputs[TRACKING]["scaleOutCooldown"])
        for one in made().of_type(POLICY)
    }

    assert held == {(1800, 60)}


def test_two_services_of_a_deployment_scale_apart() -> None:
    """Policies have names of their own."""
    names = {one.inputs["name"] for one in made().of_type(POLICY)}
    others = {one.inputs["name"] for one in made(role="api").of_type(POLICY)}

    assert names == {"lg-orders-queue-cpu-1a2b3c4d", "lg-orders-queue-memory-1a2b3c4d"}
    assert not names & others


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"least": 0}, "min_scale: want 1 to 10 containers"),
        ({"most": 11}, "max_scale: want 1 to 10 containers"),
        ({"least": 4, "most": 3}, "min_scale: want 1 to 3 containers"),
        ({"cpu_percent": 0}, "cpu_percent: want 1 to 100 %"),
        ({"memory_percent": 101}, "memory_percent: want 1 to 100 %"),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        scaling_args(**changes)

    assert str(refused.value).startswith(message)

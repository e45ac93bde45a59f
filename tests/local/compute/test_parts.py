"""What ECS refuses of how a task's containers hang together."""

from typing import Any

import pytest

from byoc_infra.local.compute.parts import check_order, check_size, check_volumes
from byoc_infra.local.wire import AwsError


def after(other: str, condition: str) -> dict[str, Any]:
    """A dependsOn."""
    return {"dependsOn": [{"containerName": other, "condition": condition}]}


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        ([{"name": "a", **after("b", "START")}], "b is not in the task definition"),
        ([{"name": "a", **after("b", "SOON")}, {"name": "b"}], "SOON is no condition"),
        ([{"name": "a", **after("b", "SUCCESS")}, {"name": "b"}], "on the essential container b"),
        ([{"name": "a", **after("b", "COMPLETE")}, {"name": "b"}], "on the essential container b"),
        ([{"name": "a", **after("b", "HEALTHY")}, {"name": "b"}], "b has no health check"),
        (
            [{"name": "a", **after("b", "START")}, {"name": "b", **after("a", "START")}],
            "depend on each other",
        ),
    ],
)
def test_an_order_that_cannot_be_is_refused(containers: list[dict[str, Any]], words: str) -> None:
    """When the definition is registered, not when its first task hangs."""
    with pytest.raises(AwsError, match=words):
        check_order(containers)


def test_a_mount_point_needs_its_volume() -> None:
    """By name."""
    point = {"sourceVolume": "ca", "containerPath": "/run/ca"}
    check_volumes({"volumes": [{"name": "ca"}]}, [{"name": "a", "mountPoints": [point]}])

    with pytest.raises(AwsError, match="Unknown volume 'ca'"):
        check_volumes({}, [{"name": "a", "mountPoints": [point]}])


def test_a_definition_has_64_kib() -> None:
    """As a whole."""
    check_size({"environment": "x" * 65_000})

    with pytest.raises(AwsError, match="the most is 65536"):
        check_size({"environment": "x" * 65_536})

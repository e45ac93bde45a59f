"""What a Cache asks of AWS."""

import json
from typing import Any

import pytest

from byoc_infra.components import Cache
from byoc_infra.errors import SpecError
from tests.support.examples import cache_args
from tests.support.recorder import Recorder, maker

SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
DISCOVERY = "aws:servicediscovery/service:Service"

made = maker(Cache, "orders", cache_args)


def container(recorder: Recorder) -> dict[str, Any]:
    """The one container of the task."""
    (found,) = json.loads(recorder.inputs(TASK)["containerDefinitions"])
    return dict(found)


def test_a_password_is_asked_for() -> None:
    """Redis gets it as an ECS secret; the command names the variable, not the value."""
    redis = container(made())

    (secret,) = redis["secrets"]
    assert secret["name"] == "REDIS_PASSWORD"
    assert secret["valueFrom"].endswith(":password::")
    assert '--requirepass "$REDIS_PASSWORD"' in redis["command"][2]
    assert redis["environment"] == []


def test_nothing_is_written_to_disk() -> None:
    """No snapshots, no log file, and a root file system that refuses."""
    redis = container(made())

    assert '--save "" --appendonly no' in redis["command"][2]
    assert redis["readonlyRootFilesystem"] is True


def test_redis_does_not_run_as_root() -> None:
    """A shell starts it, so the image's own change of user does not happen."""
    assert container(made())["user"] == "999"


def test_there_is_never_more_than_one() -> None:
    """Two behind one name would split streams: the old one goes before the new one comes."""
    asked = made().inputs(SERVICE)

    assert asked["desiredCount"] == 1
    assert asked["deploymentMinimumHealthyPercent"] == 0
    assert asked["deploymentMaximumPercent"] == 100


def test_the_image_is_pinned() -> None:
    """A tag is refused."""
    with pytest.raises(SpecError, match=r"redis_image: want an image by digest"):
        cache_args(image="public.ecr.aws/docker/library/redis:7")


def test_it_is_found_by_name() -> None:
    """An A record in the account's namespace, which clients do not keep for long."""
    recorder = made()
    asked = recorder.inputs(DISCOVERY)

    assert asked["name"] == "lg-orders-1a2b3c4d"
    assert asked["dnsConfig"] == {
        "namespaceId": "ns-1",
        "routingPolicy": "MULTIVALUE",
        "dnsRecords": [{"type": "A", "ttl": 10}],
    }
    registry = recorder.inputs(SERVICE)["serviceRegistries"]["registryArn"]
    assert registry.endswith(":service/orders")


def test_it_has_no_public_address() -> None:
    """It runs where it is told, behind its security group."""
    assert made().inputs(SERVICE)["networkConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-cache"],
        "assignPublicIp": False,
    }


def test_a_failed_rollout_goes_back() -> None:
    """ECS's circuit breaker, with roll-back."""
    assert made().inputs(SERVICE)["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}


def test_it_answers_ping_before_it_counts_as_healthy() -> None:
    """The health check uses the password from the environment."""
    check = container(made())["healthCheck"]

    assert check["command"] == ["CMD-SHELL", 'redis-cli -a "$REDIS_PASSWORD" ping | grep -q PONG']


def test_a_pair_that_fargate_does_not_have_is_refused() -> None:
    """Components never round."""
    with pytest.raises(SpecError, match=r"memory_mib: want with 256 CPU units one of 512, 1024"):
        cache_args(memory_mib=4096)

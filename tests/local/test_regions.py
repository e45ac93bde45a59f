"""A second region begins as the first one did, and is there after a restart."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.base_backend import BackendDict

from byoc_infra.local.persistence import Part, Persistence, backend_of
from byoc_infra.local.regions import Regions
from byoc_infra.local.wire import AwsError
from byoc_infra.local.world import CUSTOMER_ACCOUNT
from tests.local.in_process import REGION, Stack, running

EAST = "us-east-1"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Stack]:
    """The chain, in process."""
    with running(tmp_path) as stack:
        yield stack


def call(service: str, region: str) -> Any:
    """A request of the customer's."""
    return SimpleNamespace(service=service, region=region, account_id=CUSTOMER_ACCOUNT)


def vpcs(region: str) -> set[str]:
    """What moto has made up by itself."""
    return set(backend_of("ec2", CUSTOMER_ACCOUNT, region).vpcs)


def test_the_first_call_begins_a_region(cloud: Stack) -> None:
    """With Redis in its ECR, by the same digest."""
    regions = Regions(cloud.world, cloud.persistence)
    first = regions.begin(REGION)

    regions.enter(call("ec2", EAST))

    assert list(regions) == [REGION, EAST]
    held = backend_of("ecr", CUSTOMER_ACCOUNT, EAST).repositories["byoc/redis"].images
    assert [one.get_image_digest() for one in held] == [first.partition("@")[2]]


def test_what_knows_no_regions_begins_none(cloud: Stack) -> None:
    """Clients sign calls of IAM for us-east-1."""
    regions = Regions(cloud.world, cloud.persistence)

    regions.enter(call("iam", EAST))

    assert list(regions) == [REGION]


def test_there_are_no_regions_but_awss(cloud: Stack) -> None:
    """A word that is misspelt begins nothing."""
    regions = Regions(cloud.world, cloud.persistence)

    with pytest.raises(AwsError, match="no region us-eest-1"):
        regions.enter(call("ec2", "us-eest-1"))


def test_a_region_is_there_after_a_restart(cloud: Stack) -> None:
    """With the default VPC that it had."""
    regions = Regions(cloud.world, cloud.persistence)
    cloud.persistence.add(Part("regions", lambda: list(regions), regions.restore))
    regions.enter(call("ec2", EAST))
    before = vpcs(EAST)
    BackendDict.reset()
    persistence = Persistence(cloud.world.directory / "state", cloud.world.lock)
    again = Regions(cloud.world, persistence)
    persistence.add(Part("regions", lambda: list(again), again.restore))

    persistence.load()

    assert list(again) == [REGION, EAST]
    assert vpcs(EAST) == before != set()

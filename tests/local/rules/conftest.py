"""A local cloud with a VPC, shared by the tests of one file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.in_process import Stack, code_of, running

Refused = Callable[..., str]


@dataclass
class Network:
    """A VPC with a subnet in each of two zones, and one more in the first."""

    vpc: str
    first: str
    second: str
    beside_first: str


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The chain, in process."""
    with running(tmp_path_factory.mktemp("cloud")) as stack:
        yield stack


@pytest.fixture(scope="module")
def network(cloud: Stack) -> Network:
    """Where things can be put."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]

    def subnet(number: int, zone: str) -> str:
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}"
        )
        return str(made["Subnet"]["SubnetId"])

    return Network(vpc, subnet(1, "a"), subnet(2, "b"), subnet(3, "a"))


@pytest.fixture
def refused() -> Refused:
    """Call something that must be refused; AWS's code for it."""

    def call(operation: Callable[..., Any], **arguments: Any) -> str:
        with pytest.raises(ClientError) as caught:
            operation(**arguments)
        return code_of(caught.value)

    return call

"""What adopting a VPC puts on it."""

from typing import Any

import pulumi
import pytest

from byoc_infra.components import Cluster, ExistingNetwork, ExistingNetworkArgs
from byoc_infra.errors import SpecError
from byoc_infra.naming import ENABLED_TAG, INSTALLATION_TAG, PRIVATE_TAG
from tests.support.examples import ACCOUNT_NAMES, cluster_args, existing_network_args
from tests.support.recorder import Recorder, maker, record

TAG = "aws:ec2/tag:Tag"
ONE, TWO = "subnet-0000000a", "subnet-0000000b"

made = maker(ExistingNetwork, "net", existing_network_args)


def tags(recorder: Recorder) -> dict[str, dict[str, str]]:
    """By object: its tags."""
    found: dict[str, dict[str, str]] = {}
    for one in recorder.of_type(TAG):
        found.setdefault(one.inputs["resourceId"], {})[one.inputs["key"]] = one.inputs["value"]
    return found


def test_nothing_but_tags_is_made() -> None:
    """So a destroy can delete nothing of the customer's."""
    kinds = {one.type for one in made().resources if not one.is_component}

    assert kinds == {TAG}


def test_the_seeds_tags_are_on_vpc_and_subnets() -> None:
    """The control plane finds them by these, and another installation sees whose they are."""
    own = {ENABLED_TAG: "1", INSTALLATION_TAG: "default"}

    assert tags(made()) == {
        "vpc-00000001": own,
        ONE: {**own, PRIVATE_TAG: "1"},
        TWO: {**own, PRIVATE_TAG: "1"},
        "subnet-000000aa": {**own, PRIVATE_TAG: "0"},
        "subnet-000000bb": {**own, PRIVATE_TAG: "0"},
    }


def test_the_order_of_subnets_means_nothing() -> None:
    """A tag that moved would be put on and then taken off again by its old place."""
    usual, turned = (
        {one.id: dict(one.inputs) for one in made(private_subnet_ids=ids).resources}
        for ids in ([ONE, TWO], [TWO, ONE])
    )

    assert usual == turned


def test_ids_that_are_not_known_yet_are_tagged_too() -> None:
    """In a program that makes the VPC itself."""

    def program() -> None:
        later = [pulumi.Output.from_input(one) for one in (ONE, TWO)]
        ExistingNetwork("net", existing_network_args(private_subnet_ids=later))

    recorder = record(program)

    assert tags(recorder)[TWO][PRIVATE_TAG] == "1"
    assert recorder.only(TAG, "net-private-2-private").inputs["resourceId"] == TWO


def test_it_stands_where_a_new_network_does() -> None:
    """A cluster takes its outputs."""

    def program() -> None:
        network = ExistingNetwork("net", existing_network_args())
        Cluster(
            "net",
            cluster_args(
                vpc_id=network.vpc_id,
                private_subnet_ids=network.private_subnet_ids,
                ingress_cidrs=[network.cidr],
            ),
        )

    recorder = record(program)

    group = recorder.inputs("aws:rds/subnetGroup:SubnetGroup")
    assert group["subnetIds"] == [ONE, TWO]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"private_subnet_ids": [ONE, ONE]}, f"subnets: want each name once, got '{ONE}' twice"),
        ({"public_subnet_ids": [ONE]}, f"subnets: want each name once, got '{ONE}' twice"),
        ({"private_subnet_ids": [ONE]}, "private_subnet_ids: want two subnets or more, in diff"),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    given = {
        "names": ACCOUNT_NAMES,
        "vpc_id": "vpc-00000001",
        "cidr": "10.1.0.0/16",
        "private_subnet_ids": [ONE, TWO],
        **changes,
    }
    with pytest.raises(SpecError) as refused:
        ExistingNetworkArgs(**given)

    assert str(refused.value).startswith(message)

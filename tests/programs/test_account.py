"""What the account program makes, asks and says."""

import json
import pickle
from dataclasses import replace
from functools import partial
from typing import Any

import pulumi
import pytest

from byoc_infra.aws import network
from byoc_infra.aws.network_rules import NetworkFacts
from byoc_infra.errors import ByocError, DuplicateName, SpecError, WrongAccount
from byoc_infra.programs import AccountProgram
from byoc_infra.programs.account import OUTPUTS, main
from byoc_infra.spec import AccountSpec, parse
from tests.support.answers import ZONES, answers
from tests.support.examples import DIGEST, REDIS_IMAGE, VENDOR
from tests.support.expected import compare
from tests.support.networks import FACTS, SPEC, VPC_FACTS, closed, endpoints
from tests.support.recorder import ACCOUNT, REGION, Recorder, record

EXISTING: dict[str, Any] = SPEC.model_dump(mode="json")
SUBNET = "aws:ec2/subnet:Subnet"
GIVEN: dict[str, Any] = {
    "aws_account_id": ACCOUNT,
    "region": REGION,
    "vendor_principal_arn": VENDOR,
    "external_ids": ["6d1c3d2e-5a70-4b1f-9e0c-3f1d2b8a4c55"],
    "redis_image": REDIS_IMAGE,
    "repositories": ["agents", "byoc/redis"],
}


READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def program(**changes: Any) -> AccountProgram:
    """The program for the usual spec with changes."""
    return AccountProgram(parse(AccountSpec, {**GIVEN, **changes}))


def made(found: dict[str, Any] | None = None, **changes: Any) -> Recorder:
    """What the program registers."""
    return record(program(**changes), found or answers())


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("account-managed", {"permissions": "managed"}),
        ("account-nat-per-zone", {"network": {"nat": "per_zone", "flow_logs": False}}),
        ("account-nat-none", {"network": {"nat": "none", "flow_log_retention_days": 365}}),
        (
            "account-second-region",
            {
                "first_region": "us-east-1",
                "create_service_linked_roles": [],
                "task_roles": {"reader": {"managed_policy_arns": [READ_S3]}, "writer": {}},
                "platform_secrets": ["LANGGRAPH_CLOUD_LICENSE_KEY", "LANGSMITH_API_KEY"],
                "tracing": {"endpoint": "https://smith.example.com/api/v1"},
            },
        ),
    ],
)
def test_the_resource_graph_of_a_variant_is_the_reviewed_one(
    name: str, changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Every input of every resource, as data; the usual shapes are in `test_shapes`."""
    compare(f"programs/{name}", made(**changes).graph(), request)


def adopted(monkeypatch: pytest.MonkeyPatch, facts: NetworkFacts, **changes: Any) -> Recorder:
    """What the program registers on a VPC that is there, as these facts tell of it."""
    monkeypatch.setattr(network, "look_at", lambda _session, _spec: facts)
    return made(existing_network=EXISTING, **changes)


def test_an_existing_network_is_what_the_stack_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same outputs as of a new one."""
    recorder = adopted(monkeypatch, FACTS, public_ingress=True)

    assert recorder.exports["vpc_id"] == EXISTING["vpc_id"]
    assert recorder.exports["private_subnet_ids"] == EXISTING["private_subnet_ids"]


def test_all_ranges_of_an_existing_vpc_may_reach_internal_balancers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its subnets may lie in any of them."""
    vpc = replace(VPC_FACTS, cidrs=("10.1.0.0/16", "100.64.0.0/16"))
    recorder = adopted(monkeypatch, replace(FACTS, vpc=vpc))
    rules = recorder.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")

    assert {one.inputs.get("cidrIpv4") for one in rules} - {None} == set(vpc.cidrs)


def test_a_network_that_cannot_work_is_refused_before_anything_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is half built."""
    with pytest.raises(SpecError, match=r"existing_network.vpc_id: want a VPC of account"):
        adopted(monkeypatch, NetworkFacts(vpc=None))


def test_images_must_be_the_accounts_own_where_endpoints_are_the_only_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No other registry can be reached."""
    only = replace(FACTS, ways=closed(*endpoints()))
    assert adopted(monkeypatch, only).of_type("aws:ec2/tag:Tag")

    with pytest.raises(SpecError, match="redis_image: want an image in 222222222222"):
        adopted(monkeypatch, only, redis_image=f"public.ecr.aws/redis@{DIGEST}")


def test_every_output_is_described() -> None:
    """What is exported is what OUTPUTS explains, and all of it is known."""
    exports = made().exports

    assert set(exports) == set(OUTPUTS)
    assert exports["role_arn"] == "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole"
    assert all(value is not None for value in exports.values())


def test_two_zones_are_chosen_where_none_are_named() -> None:
    """The region's first two, whatever order AWS lists them in."""
    zones = {one.inputs["availabilityZone"] for one in made().of_type(SUBNET)}

    assert zones == {"eu-west-1a", "eu-west-1b"}


def test_named_zones_are_not_looked_up() -> None:
    """What the customer said is taken."""
    recorder = made(network={"zones": ["eu-west-1b", "eu-west-1c"]})

    assert ZONES not in [token for token, _ in recorder.lookups]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (answers(account="333333333333"), "aws_account_id: want 222222222222, got 333333333333"),
        (answers(region="us-east-1"), "region: want eu-west-1, got us-east-1"),
    ],
)
def test_another_account_or_region_is_refused(found: dict[str, Any], message: str) -> None:
    """Before anything is registered."""
    with pytest.raises(WrongAccount) as refused:
        made(found)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"network": {"cidr": "8.8.0.0/16"}}, SpecError, "cidr: want a private range"),
        ({"network": {"cidr": "10.0.0.0/28"}}, SpecError, "cidr: want a range from /16 to /24"),
        ({"network": {"zones": ["eu-west-1a"]}}, SpecError, "zones: want 2 to 6"),
        ({"network": {"zones": []}}, SpecError, "zones: want 2 to 6"),
        (
            {"network": {"private_cidrs": ["10.40.0.0/20", "10.40.0.0/21"]}},
            SpecError,
            "private_cidrs: want subnets that do not overlap",
        ),
        ({"network": {"flow_log_retention_days": 2}}, SpecError, "flow_log_retention_days: want"),
        (
            {"network": {"nat": "none"}, "redis_image": f"public.ecr.aws/redis@{DIGEST}"},
            SpecError,
            "redis_image: want an image in 222222222222.dkr.ecr.eu-west-1.amazonaws.com, since",
        ),
        (
            {"network": {}, "existing_network": EXISTING},
            SpecError,
            "existing_network: want network or existing_network, got both",
        ),
        (
            {"existing_network": {**EXISTING, "public_subnet_ids": []}, "public_ingress": True},
            SpecError,
            "existing_network.public_subnet_ids: want public subnets, for public_ingress",
        ),
        ({"external_ids": ["x" * 20, "x" * 20]}, DuplicateName, "external_ids: want each name"),
        ({"redis_image": "redis:7"}, SpecError, "redis_image: want an image by digest"),
        ({"ingress_cidrs": ["0.0.0.0/0"]}, SpecError, "ingress_cidrs: want ranges of people"),
        ({"vendor_principal_arn": "*"}, SpecError, "vendor_principal_arn: want the ARN of"),
    ],
)
def test_bad_input_is_refused_before_the_engine_starts(
    changes: dict[str, Any], error: type[ByocError], message: str
) -> None:
    """The program cannot even be made."""
    with pytest.raises(error) as refused:
        program(**changes)

    assert str(refused.value).startswith(message)


def test_a_program_can_be_sent_to_a_worker() -> None:
    """It is pickled on the way."""
    sent = program()

    assert pickle.loads(pickle.dumps(sent)) == sent  # noqa: S301 - our own bytes


def test_by_hand_the_spec_comes_from_config() -> None:
    """Plain keys, structured ones as JSON, and the region of the provider."""
    config = {
        "aws:region": REGION,
        **{
            f"byoc-account:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in GIVEN.items()
            if key != "region"
        },
        "byoc-account:public_ingress": "true",
        "byoc-account:log_retention_days": "90",
    }

    recorder = record(main, answers(), config=config, project="byoc-account")

    assert recorder.exports["region"] == REGION
    logs = recorder.inputs("aws:cloudwatch/logGroup:LogGroup", "langgraph-cloud")
    assert logs["retentionInDays"] == 90
    assert recorder.only("aws:ec2/securityGroup:SecurityGroup", "langgraph-cloud-lb-public")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("external_ids", "[1", "external_ids: want JSON, got 2 characters"),
        ("installation", "Blue Sky", "installation: want String should match"),
        ("aws_account_id", "22", "aws_account_id: want String should match"),
    ],
)
def test_bad_config_is_refused_by_name(key: str, value: str, message: str) -> None:
    """The same errors as in a file."""
    config = {"aws:region": REGION, f"byoc-account:{key}": value}
    run = partial(record, main, answers(), config=config, project="byoc-account")

    with pytest.raises(pulumi.RunError) as refused:
        run()

    assert isinstance(refused.value.__cause__, SpecError)
    assert str(refused.value).startswith(f"INVALID: {message}") or key == "installation"

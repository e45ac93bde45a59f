"""Names and tags: fixed, within AWS's limits, and apart from each other."""

from string import ascii_letters, ascii_lowercase, digits

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from byoc_infra.naming import AccountNames, DeploymentNames, Place, deployment_id, fit

# Texts: Hypothesis's own of a pattern take it several times as long.
LABELS = (
    some.one_of(
        some.text("ab09-", min_size=1, max_size=82),
        some.text(f"{ascii_lowercase}{digits}-", min_size=40, max_size=82),
    )
    .map(lambda text: text.strip("-"))
    .filter(bool)
)
IDS = some.integers(0, 2**32 - 1).map("{:08x}".format)
ENTRIES = some.builds(
    "{}{}".format,
    some.sampled_from(f"{ascii_letters}_"),
    some.text(f"{ascii_letters}{digits}_", max_size=60),
)


@given(name=LABELS, id_=IDS)
@settings(deadline=None)
def test_every_name_of_a_deployment_fits_aws(name: str, id_: str) -> None:
    """Cut in the middle, never at the id, and in the characters that AWS takes."""
    names = DeploymentNames(name, id_)

    for text, limit in (
        (names.balancer, 32),
        (names.target_group, 32),
        (names.database, 63),
        (names.discovery, 63),
        (names.service("cache"), 255),
        (names.final_snapshot(), 255),
        (names.log_prefix, 128),
    ):
        assert len(text) <= limit
        assert text.startswith("lg-")
        assert text.endswith(f"-{id_}")
        assert not text.endswith("-")


@given(name=LABELS, id_=IDS, entry=ENTRIES)
@settings(deadline=None)
def test_a_secrets_name_keeps_its_variable(name: str, id_: str, entry: str) -> None:
    """Under the installation's prefix, by which the access role is fenced."""
    found = DeploymentNames(name, id_, "blue").secret(entry)

    assert found.startswith(AccountNames("blue").secrets)
    assert found.endswith(f"-{id_}/{entry}")
    assert len(found) <= 512


def test_the_default_names_are_the_seeds() -> None:
    """An account that was set up with the original module looks the same."""
    names = AccountNames()

    assert names.access_role == "LangGraphCloudBYOCRole"
    assert names.execution_role == "LangGraphCloudECSTaskExecutionRole"
    assert names.cluster == "langgraph-cloud-cluster"
    assert names.log_group == "/aws/ecs/langgraph-cloud"
    assert names.db_subnet_group == "langgraph-cloud-db-subnet-group"
    assert names.namespace == "langgraph-cloud-redis"


def test_an_installation_is_part_of_every_other_name() -> None:
    """So that two of them fit in one account."""
    names = AccountNames("blue")
    found = [
        names.access_role,
        names.execution_role,
        names.task_role("default"),
        names.cluster,
        names.log_group,
        names.db_subnet_group,
        names.namespace,
        names.security_group("app"),
    ]

    assert all(name.endswith("-blue") for name in found)
    assert names.access_policy("data") == "LangGraphCloudBYOCRole-blue-data"


def test_outside_the_first_region_only_names_in_iam_carry_the_region() -> None:
    """IAM is global, everything else is not; the first region keeps the names it has."""
    elsewhere = AccountNames.of("blue", "us-east-1", "eu-west-1")
    first = AccountNames.of("blue", "eu-west-1", "eu-west-1")

    assert first == AccountNames.of("blue", "eu-west-1") == AccountNames("blue")
    assert elsewhere.cluster == first.cluster
    assert elsewhere.access_role == "LangGraphCloudBYOCRole-blue-us-east-1"
    assert elsewhere.access_policy("data") == "LangGraphCloudBYOCRole-blue-us-east-1-data"
    for name in ("execution_role", "task_boundary"):
        assert getattr(elsewhere, name) == f"{getattr(first, name)}-us-east-1"
    assert elsewhere.task_role("reader") == f"{first.task_role('reader')}-us-east-1"


@given(name=LABELS, id_=IDS, entry=some.sampled_from(["redis", "LANGSMITH_API_KEY"]))
@settings(deadline=None)
def test_no_deployments_secret_lies_among_the_platforms(name: str, id_: str, entry: str) -> None:
    """Whatever a deployment is called, `platform` included."""
    platform = AccountNames().platform_secret("LANGSMITH_API_KEY")
    prefix = platform.removesuffix("LANGSMITH_API_KEY")

    assert platform == "langgraph-cloud/default/platform/LANGSMITH_API_KEY"
    assert not DeploymentNames(name, id_).secret(entry).startswith(prefix)


def test_a_deployments_id_is_the_same_wherever_it_is_worked_out() -> None:
    """Pinned: another id would make a second deployment beside the first."""
    assert deployment_id("222222222222", "eu-west-1", "default", "orders") == "e485b500"
    assert deployment_id("222222222222", "eu-west-1", "blue", "orders") != "e485b500"


def test_a_cut_name_does_not_end_in_two_hyphens() -> None:
    """RDS refuses them."""
    assert fit("ab-cd", "12345678", 12) == "ab-12345678"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_partition_follows_the_region(region: str, partition: str) -> None:
    """ARNs differ in China and for the US government."""
    place = Place("222222222222", region)

    assert place.arn("ecs", "cluster/x") == f"arn:{partition}:ecs:{region}:222222222222:cluster/x"
    assert place.role_arn("x") == f"arn:{partition}:iam::222222222222:role/x"
    assert place.role_arn("x", "/y/") == f"arn:{partition}:iam::222222222222:role/y/x"

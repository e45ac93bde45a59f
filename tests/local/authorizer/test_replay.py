"""Recorded requests, tried against other policies."""

import json
from typing import Any

from byoc_infra.local.authorizer.policies import read_policy
from byoc_infra.local.authorizer.replay import (
    allowed_lines,
    denied,
    unneeded,
    without,
    would_deny,
)
from tests.local.authorizer.harness import CUSTOMER, Cloud, allow, deny, policy

ME = f"arn:aws:iam::{CUSTOMER}:user/me"
NEEDED = [
    allow("ecs:CreateCluster", StringEquals={"aws:RequestTag/a": "1"}),
    allow("ecs:TagResource", "iam:CreateServiceLinkedRole"),
]
SPARE = allow("ecs:DeleteCluster")


def life(cloud: Cloud) -> list[Any]:
    """The recorded verdicts of somebody who makes a tagged cluster."""
    cloud.user(CUSTOMER, "me", *NEEDED, SPARE)
    tags = [{"key": "a", "value": "1"}]
    cloud.client("ecs", "me").create_cluster(clusterName="c", tags=tags)
    cloud.client("ecs", "admin").list_clusters()
    return allowed_lines(cloud.lines(), ME)


def test_the_same_policy_allows_what_it_allowed(cloud: Cloud) -> None:
    """A life replayed with its own policy has no denial, and nobody else's lines are in it."""
    lines = life(cloud)

    assert [line["action"] for line in lines] == [
        "ecs:CreateCluster",
        "ecs:TagResource",
        "iam:CreateServiceLinkedRole",
    ]
    assert denied([policy(*NEEDED, SPARE)], lines) == []


def test_without_a_needed_statement_something_is_denied(cloud: Cloud) -> None:
    """Each statement that the life needed is missed, one that it did not need is not."""
    lines = life(cloud)
    document = policy(*NEEDED, SPARE)

    missed = [bool(denied([without(document, place)], lines)) for place in range(3)]

    assert missed == [True, True, False]


def test_what_is_not_needed_is_found_among_all_statements(cloud: Cloud) -> None:
    """Spare, or allowed twice; over several documents, and a Deny is none of them."""
    lines = life(cloud)
    documents = [policy(*NEEDED, SPARE, deny("s3:*")), policy(SPARE)]
    twice = [policy(*NEEDED), policy(NEEDED[1])]

    assert [one.actions for one in unneeded(documents, lines)] == [("ecs:DeleteCluster",)] * 2
    assert [one.name for one in unneeded(twice, lines)] == ["statement 2", "statement 1"]
    assert unneeded([policy(*NEEDED)], lines) == []


def test_conditions_are_replayed_too(cloud: Cloud) -> None:
    """A record holds its context, so another tag value is another verdict."""
    lines = life(cloud)
    other = allow("ecs:CreateCluster", StringEquals={"aws:RequestTag/a": "2"})

    assert [line["action"] for line in denied([policy(other, NEEDED[1])], lines)] == [
        "ecs:CreateCluster"
    ]


def test_a_deny_is_seen_as_one(cloud: Cloud) -> None:
    """A verdict of a replay tells an explicit deny from a missing allow."""
    line = life(cloud)[0]

    found = would_deny(read_policy(policy(allow("*"), deny("ecs:Create*"))), line)

    assert found is not None
    assert found.explicit


def test_without_takes_away_exactly_one_statement() -> None:
    """The rest of the document stays as it is."""
    document = policy(allow("a:A"), deny("b:B"))

    assert json.loads(without(document, 0)) == {
        "Version": "2012-10-17",
        "Statement": [deny("b:B")],
    }

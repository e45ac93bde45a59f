"""Policy evaluation alone: no request, no moto."""

import json
from typing import Any

import pytest

from byoc_infra.local.authorizer.policies import UnreadablePolicyError, evaluate, read_policy
from tests.local.authorizer.harness import allow, deny, policy

ARN = "arn:aws:ecs:eu-west-1:222222222222:service/main/lg-a"


def verdict(
    *statements: dict[str, Any], action: str = "ecs:UpdateService", on: str = ARN, **keys: str
) -> tuple[bool, tuple[str, ...]]:
    """Whether it is allowed, and what was unclear."""
    context = {key.replace("__", ":").replace("_slash_", "/"): val for key, val in keys.items()}
    found = evaluate(read_policy(policy(*statements)), action, [on], context)
    return found.allowed, found.unclear


def test_nothing_is_allowed_without_a_statement() -> None:
    """No policy is an implicit deny."""
    found = evaluate((), "ecs:UpdateService", [ARN], {})

    assert not found.allowed
    assert not found.explicit


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("ecs:UpdateService", ARN, True),
        ("ECS:updateservice", ARN, True),
        ("ecs:Update*", ARN, True),
        ("ecs:UpdateServic?", ARN, True),
        ("ecs:UpdateService?", ARN, False),
        ("*", "*", True),
        ("ecs:*", "arn:aws:ecs:*:*:service/main/lg-*", True),
        ("ecs:*", "arn:aws:ecs:*:*:service/main/LG-*", False),
        ("ecs:*", "arn:aws:ecs:eu-west-1:222222222222:service/main/lg-?", True),
        ("ecs:*", "arn:aws:ecs:eu-west-1:22222222222*:service/main/lg-a", True),
        ("ecs:*", "arn:aws:ecs:*:service/main/lg-a", False),
        ("ecs:*", "arn:aws:ecs:*", True),
        ("ecs:Describe*", "*", False),
        ("rds:*", "*", False),
    ],
)
def test_wildcards_and_case_are_iams(action: str, resource: str, allowed: bool) -> None:  # noqa: FBT001
    """Actions ignore case, ARNs do not; `*` stays inside its segment of the ARN."""
    assert verdict(allow(action, on=resource))[0] is allowed


def test_an_action_without_resources_needs_a_star() -> None:
    """An Allow on ARNs does not grant an action that has no resource."""
    named = allow("ec2:DescribeVpcs", on="arn:aws:ec2:*:*:vpc/*")

    assert not verdict(named, action="ec2:DescribeVpcs", on="*")[0]
    assert verdict(allow("ec2:DescribeVpcs"), action="ec2:DescribeVpcs", on="*")[0]


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    """The order of statements does not matter."""
    ban = deny("ecs:*", on="*service/main/*")

    assert not verdict(allow("*"), ban)[0]
    assert not verdict(ban, allow("*"))[0]


def test_every_resource_must_be_allowed() -> None:
    """One that is not allowed denies the whole."""
    statements = read_policy(policy(allow("*", on="arn:aws:ec2:*:*:subnet/*")))
    subnet, vpc = "arn:aws:ec2:eu-west-1:1:subnet/*", "arn:aws:ec2:eu-west-1:1:vpc/v"

    assert evaluate(statements, "ec2:CreateSubnet", [subnet], {}).allowed
    assert not evaluate(statements, "ec2:CreateSubnet", [subnet, vpc], {}).allowed


def test_string_equals_compares_exactly_and_keys_ignore_case() -> None:
    """`AWS:requesttag/Owner` is the key `aws:RequestTag/owner`; its value counts as written."""
    only = allow("*", StringEquals={"AWS:requesttag/Owner": "me"})

    assert verdict(only, **{"aws:RequestTag/owner": "me"}) == (True, ())
    assert verdict(only, **{"aws:RequestTag/owner": "Me"}) == (False, ())


def test_string_like_takes_wildcards_and_string_equals_does_not() -> None:
    """A `*` in StringEquals is a letter."""
    key = "iam:PassedToService"
    like, equal = allow("*", StringLike={key: "ecs*"}), allow("*", StringEquals={key: "ecs*"})

    assert verdict(like, **{key: "ecs-tasks.amazonaws.com"})[0]
    assert not verdict(equal, **{key: "ecs-tasks.amazonaws.com"})[0]


def test_an_absent_key_does_not_match() -> None:
    """Neither an Allow nor a Deny applies where its key is not in the request."""
    condition: dict[str, Any] = {"StringEquals": {"aws:ResourceTag/x": "1"}}

    assert not verdict(allow("*", **condition))[0]
    assert verdict(allow("*"), deny("*", **condition))[0]


def test_a_key_may_have_several_values() -> None:
    """A context value may be a tuple, which set operators go through."""
    condition: dict[str, Any] = {"ForAllValues:StringEquals": {"aws:TagKeys": "b"}}
    only = read_policy(policy(allow("*", **condition)))

    assert evaluate(only, "a:A", ["*"], {"aws:TagKeys": ("b", "b")}).allowed
    assert not evaluate(only, "a:A", ["*"], {"aws:TagKeys": ("a", "b")}).allowed


def test_all_conditions_must_hold_and_any_value_will_do() -> None:
    """Keys are joined by and, values of one key by or."""
    both = {"aws:RequestTag/a": ["1", "2"], "aws:RequestTag/b": "3"}
    only = allow("*", StringEquals=both)

    assert verdict(only, **{"aws:RequestTag/a": "2", "aws:RequestTag/b": "3"})[0]
    assert not verdict(only, **{"aws:RequestTag/a": "2"})[0]


@pytest.mark.parametrize(
    "condition",
    [
        {"StringSortOfEquals": {"aws:RequestTag/a": "1"}},
        {"ForSomeValues:StringEquals": {"aws:TagKeys": "a"}},
        {"Bool": {"aws:RequestTag/a": "perhaps"}},
        {"ArnEquals": {"aws:RequestTag/a": "arn:aws:iam"}},
    ],
)
def test_what_cannot_be_evaluated_never_helps_the_caller(condition: dict[str, Any]) -> None:
    """With it an Allow does not match and a Deny does, and the verdict says so."""
    keys = {"aws:RequestTag/a": "1"}
    allowed, unclear = verdict(allow("*", **condition), **keys)
    assert not allowed
    assert unclear

    allowed, unclear = verdict(allow("*"), deny("*", **condition), **keys)
    assert not allowed
    assert unclear


@pytest.mark.parametrize(
    "condition",
    [
        {"Null": {"aws:SourceIp": "true"}},
        {"StringNotEquals": {"aws:SourceIp": "x"}},
        {"StringEqualsIfExists": {"aws:SourceIp": "x"}},
        {"ForAllValues:StringEquals": {"aws:SourceIp": "x"}},
        {"ForAnyValue:StringEquals": {"aws:SourceIp": "x"}},
        {"StringNotEquals": {"aws:RequestTag/a": "${aws:SourceIp}"}},
        {"StringNotEquals": {"aws:RequestTag/a": "${aws:SourceIp, 'x'}"}},
    ],
)
def test_a_key_that_only_aws_has_decides_nothing(condition: dict[str, Any]) -> None:
    """That it is absent here is no fact about the request."""
    document = policy(allow("*", **condition)), policy(allow("*"), deny("*", **condition))
    found = [
        evaluate(
            read_policy(text),
            "ecs:UpdateService",
            [ARN],
            {"aws:RequestTag/a": "1"},
            lambda _action, key: key == "aws:sourceip",
        )
        for text in document
    ]

    assert [one.allowed for one in found] == [False, False]
    assert all(one.unclear for one in found)


def test_a_condition_that_is_plainly_unmet_settles_an_unclear_statement() -> None:
    """A Deny for another tag value does not hit because it also has an unknown operator."""
    both: dict[str, Any] = {
        "StringEquals": {"aws:RequestTag/a": "1"},
        "StringSortOfEquals": {"aws:RequestTag/a": "x"},
    }

    allowed, unclear = verdict(allow("*"), deny("*", **both), **{"aws:RequestTag/a": "2"})

    assert allowed
    assert unclear == ()


def test_a_variable_in_a_resource_is_filled_in() -> None:
    """Its value counts as text, not as wildcards; without value it is no resource at all."""
    variable = "arn:aws:ecs:*:*:service/${aws:PrincipalTag/cluster}/*"
    key = "aws:PrincipalTag/cluster"

    assert verdict(allow("*", on=variable), **{key: "main"}) == (True, ())
    assert not verdict(allow("*", on=variable), **{key: "other"})[0]
    assert not verdict(allow("*", on=variable), **{key: "*"})[0]
    assert not verdict(allow("*", on=variable))[0]
    assert verdict(allow("*"), deny("*", on=variable))[0]


def test_an_incomplete_arn_grants_by_resource_and_not_by_exclusion() -> None:
    """What AWS says of Resource it does not say of NotResource, so that is unclear."""
    short = "arn:aws:ecs:eu-west-1"
    other = "arn:aws:rds"

    assert verdict(allow("*", on=short)) == (True, ())
    excluded = {"Effect": "Allow", "Action": "*", "NotResource": other}
    assert verdict(excluded)[0] is False
    assert verdict(allow("*"), {**excluded, "Effect": "Deny"})[0] is False


def test_not_action_and_not_resource_are_about_the_rest() -> None:
    """NotAction and NotResource turn their lists round."""
    rest = {"Effect": "Allow", "NotAction": ["iam:*"], "NotResource": ["*secret*"]}

    assert verdict(rest)[0]
    assert not verdict(rest, action="iam:PassRole")[0]
    assert not verdict(rest, on="arn:aws:x:::secret")[0]


def test_an_unknown_element_cannot_be_evaluated() -> None:
    """A misspelt `Condtion` does not make an Allow wider."""
    odd = {**allow("*"), "Condtion": {}}

    assert verdict(odd) == (False, ("statement 1: element Condtion",))


@pytest.mark.parametrize(
    "document", ["", "[]", '{"Statement": ["x"]}', json.dumps({"Statement": {"Effect": "Maybe"}})]
)
def test_what_is_not_a_policy_is_refused(document: str) -> None:
    """A broken document raises, it is not read as an empty one."""
    with pytest.raises(UnreadablePolicyError):
        read_policy(document)

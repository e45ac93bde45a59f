"""Every condition operator, as the IAM User Guide has it."""

from typing import Any

import pytest

from byoc_infra.local.authorizer.conditions import OPERATORS, condition_holds
from byoc_infra.local.authorizer.policies import request_of

ROLE = "arn:aws:iam::222222222222:role/app/Worker"
KEY = "x:Key"


def holds(operator: str, wanted: Any, value: Any, *, variables: bool = True) -> bool | None:
    """Whether a condition on one key is met; `value` None where the request lacks the key."""
    context = {"aws:PrincipalTag/team": "blue", **({} if value is None else {KEY: value})}
    listed = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    request = request_of("x:Do", "*", context)
    return condition_holds(operator, "X:KEY", listed, request, variables=variables)


@pytest.mark.parametrize(
    ("operator", "wanted", "met", "unmet"),
    [
        ("StringEquals", "Blue", "Blue", "blue"),
        ("StringNotEquals", "Blue", "blue", "Blue"),
        ("StringEqualsIgnoreCase", "Blue", "bLUE", "red"),
        ("StringNotEqualsIgnoreCase", "Blue", "red", "bLUE"),
        ("StringLike", "b?u*", "blue", "Blue"),
        ("StringNotLike", "b?u*", "red", "blue"),
        ("StringEquals", "b*", "b*", "blue"),
        ("NumericEquals", "20", "20.0", "21"),
        ("NumericNotEquals", "20", "21", "20.0"),
        ("NumericLessThan", "20", "19.5", "20"),
        ("NumericLessThanEquals", "20", "20", "20.5"),
        ("NumericGreaterThan", "20", "100", "20"),
        ("NumericGreaterThanEquals", "-5", "-5", "-6"),
        ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-02"),
        ("DateEquals", "2026-01-01", "1767225600", "1767225601"),
        ("DateNotEquals", "2026-01-01", "2026-01-02", "2026-01-01"),
        ("DateLessThan", "2026-06-01", "2026-05-31T23:59:59Z", "2026-06-01"),
        ("DateLessThanEquals", "2026-06-01", "2026-06-01", "2026-06-01T00:00:01Z"),
        ("DateGreaterThan", "2026-06-01", "2026-06-02", "2026-06-01"),
        ("DateGreaterThanEquals", "2026-06-01", "2026-06-01", "2026-05-31"),
        ("Bool", "true", "True", "false"),
        ("BinaryEquals", "aGVsbG8=", "aGVsbG8=", "d29ybGQ="),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", "2001:db8::1"),
        ("IpAddress", ["0.0.0.0/0", "2001:db8::/32"], "2001:db8::1", "2001:db9::1"),
        ("NotIpAddress", "10.1.2.3", "10.1.2.4", "10.1.2.3"),
        ("ArnEquals", "arn:aws:iam::*:role/*", ROLE, "arn:aws:iam::222222222222:user/ann"),
        ("ArnLike", "arn:aws:*:*:222222222222:role/app/?orker", ROLE, ROLE.replace("app", "App")),
        ("ArnNotEquals", ROLE, ROLE + "s", ROLE),
        ("ArnNotLike", "arn:*:iam::*:role/*", None, ROLE),
        ("Null", "true", None, "there"),
        ("Null", "false", "there", None),
        ("StringEqualsIfExists", "blue", None, "red"),
        ("StringNotEqualsIfExists", "blue", "red", "blue"),
        ("ForAnyValue:StringEquals", ["a", "b"], ("x", "a"), ("x", "y")),
        ("ForAnyValue:StringEquals", "a", ("a",), None),
        ("ForAnyValue:StringNotEquals", "a", ("a", "x"), ("a", "a")),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b", "a"), ("a", "x")),
        ("ForAllValues:StringLike", "a*", None, ("a1", "b")),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("x", "y"), ("x", "a")),
        ("ForAllValues:StringEquals", "a", "", "b"),
        ("StringEquals", "${aws:PrincipalTag/team}", "blue", "red"),
        ("StringEquals", "${AWS:principaltag/TEAM}", "blue", "${aws:PrincipalTag/team}"),
        ("StringEquals", "${aws:username, 'nobody'}", "nobody", "ann"),
        ("StringLike", "${aws:PrincipalTag/team}-*", "blue-1", "red-1"),
        ("StringLike", "a${*}", "a*", "ab"),
        ("StringLike", "a${?}${$}{", "a?${", "abc{"),
    ],
)
def test_an_operator_is_met_and_unmet(operator: str, wanted: Any, met: Any, unmet: Any) -> None:
    """The first value meets the condition, the second does not."""
    assert holds(operator, wanted, met) is True
    assert holds(operator, wanted, unmet) is False


@pytest.mark.parametrize("operator", [name for name, how in OPERATORS.items() if how.negated])
def test_an_absent_key_meets_every_negated_operator(operator: str) -> None:
    """`…NotEquals` and its like are true where there is nothing to compare."""
    assert holds(operator, "2026", None) is True


@pytest.mark.parametrize("operator", [name for name, how in OPERATORS.items() if not how.negated])
def test_an_absent_key_meets_no_other_operator(operator: str) -> None:
    """Not even one that asks for `*`."""
    assert holds(operator, "*", None) is False


def test_a_variable_without_value_equals_nothing() -> None:
    """It is like no text, so what is negated is met ("Policy variables with no value")."""
    wanted = "${aws:username}"

    assert holds("StringEquals", wanted, "ann") is False
    assert holds("StringLike", f"{wanted}*", "ann") is False
    assert holds("StringNotEquals", wanted, "ann") is True


def test_variables_are_text_in_the_older_version() -> None:
    """A document without `2012-10-17` compares with the letters `${aws:PrincipalTag/team}`."""
    wanted = "${aws:PrincipalTag/team}"

    assert holds("StringEquals", wanted, "blue", variables=False) is False
    assert holds("StringEquals", wanted, wanted, variables=False) is True


@pytest.mark.parametrize(
    ("operator", "wanted", "value"),
    [
        ("StringSortOfEquals", "a", "a"),
        ("stringequals", "a", "a"),
        ("ForMostValues:StringEquals", "a", "a"),
        ("NullIfExists", "true", "a"),
        ("NumericEquals", "many", "20"),
        ("NumericNotEquals", "20", "many"),
        ("DateLessThan", "2026", "2026-01-01"),
        ("DateLessThan", "tomorrow", "2026-01-01"),
        ("DateLessThan", "2026-13-01", "2026-01-01"),
        ("Bool", "yes", "true"),
        ("BinaryEquals", "!", "aGVsbG8="),
        ("NotIpAddress", "${aws:SourceIp}", "10.1.2.3"),
        ("ArnLike", "arn:aws:iam", ROLE),
        ("StringEquals", "a", ("a", "b")),
        ("ForAnyValue:StringEqualsIfExists", "a", None),
    ],
)
def test_what_aws_does_not_define_is_unclear(operator: str, wanted: str, value: Any) -> None:
    """Neither met nor unmet, so that it helps nobody."""
    assert holds(operator, wanted, value) is None


def test_an_unclear_value_does_not_hide_one_that_is_met() -> None:
    """Of several wanted values, one that is met is enough."""
    assert holds("NumericEquals", ["many", "20"], "20") is True
    assert holds("NumericNotEquals", ["many", "20"], "20") is False

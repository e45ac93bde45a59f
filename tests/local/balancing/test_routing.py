"""Which action an ALB listener takes."""

from typing import Any

import pytest

from byoc_infra.local.balancing.routing import choose_action, choose_group, redirect_location

DEFAULT = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


def forward(arn: str) -> dict[str, Any]:
    """A forward action."""
    return {"Type": "forward", "TargetGroupArn": arn}


RULES: list[tuple[int, list[dict[str, Any]], list[dict[str, Any]]]] = [
    (20, [{"Field": "path-pattern", "Values": ["/a/*"]}], [forward("path")]),
    (10, [{"Field": "host-header", "Values": ["*.example.com"]}], [forward("host")]),
    (30, [{"Field": "source-ip", "SourceIpConfig": {"Values": ["0.0.0.0/0"]}}], [forward("ip")]),
]


@pytest.mark.parametrize(
    ("host", "path", "wanted"),
    [
        ("x.example.com:80", "/a/b", "host"),
        ("other", "/a/b", "path"),
        ("other", "/b", None),
    ],
)
def test_the_first_rule_by_priority_decides(host: str, path: str, wanted: str | None) -> None:
    """A condition that is not modelled never matches."""
    action = choose_action(RULES, DEFAULT, host=host, path=path, method="GET")

    assert action is not None
    assert action.get("TargetGroupArn") == wanted


def test_a_group_of_weight_zero_gets_nothing() -> None:
    """Weighted forwarding."""
    groups = [{"TargetGroupArn": "old", "Weight": 0}, {"TargetGroupArn": "new", "Weight": 1}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}

    assert {choose_group(action) for _ in range(20)} == {"new"}
    assert choose_group(forward("one")) == "one"


def test_a_redirect_keeps_what_it_does_not_name() -> None:
    """HTTP to HTTPS, as everybody writes it."""
    config = {"Protocol": "HTTPS", "Port": "443", "Path": "/#{path}", "Query": "#{query}"}
    where = redirect_location(config, scheme="http", host="a.b:80", path="/x/y", query="q=1")

    assert where == "https://a.b/x/y?q=1"

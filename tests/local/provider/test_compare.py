"""Equal meaning is no difference."""

import json

import pytest

from byoc_infra.local.provider.compare import Change, changes, same
from byoc_infra.local.provider.properties import UNKNOWN
from byoc_infra.local.provider.rules import rules_of

SERVICE = rules_of("aws:ecs/service:Service")
TASK = rules_of("aws:ecs/taskDefinition:TaskDefinition")
ROLE = rules_of("aws:iam/role:Role")


def document(**statement: object) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (document(Action=["a", "b"]), document(Action=["b", "a"])),
        (document(Action=["a"]), document(Action="a")),
        ('{"Statement": {"Action": "a"}}', '{ "Statement": [{"Action":["a"]}] }'),
        (document(Condition={"Bool": {"k": True}}), document(Condition={"Bool": {"k": "true"}})),
    ],
)
def test_policies_that_mean_the_same_are_the_same(old: str, new: str) -> None:
    """Order, single values, spacing and booleans as text do not count."""
    assert same(ROLE, "assumeRolePolicy", old, new)


def test_policies_that_differ_are_a_change() -> None:
    """One action more is a difference."""
    assert not same(ROLE, "assumeRolePolicy", document(Action="a"), document(Action=["a", "b"]))


def test_container_definitions_are_compared_without_what_ecs_adds() -> None:
    """Defaults, empty lists and the order of variables do not count; another image does."""
    asked = [
        {
            "name": "app",
            "image": "x",
            "portMappings": [{"containerPort": 80}],
            "environment": [{"name": "b", "value": "2"}, {"name": "a", "value": "1"}],
        }
    ]
    described = [
        {
            "name": "app",
            "image": "x",
            "cpu": 0,
            "essential": True,
            "mountPoints": [],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
            "environment": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
        }
    ]
    name = "containerDefinitions"

    assert same(TASK, name, json.dumps(described), json.dumps(asked))
    described[0]["image"] = "y"
    assert not same(TASK, name, json.dumps(described), json.dumps(asked))


def test_sets_have_no_order() -> None:
    """Subnets in another order are the same, another subnet is one change of the list."""
    rule = "networkConfiguration.subnets"
    old = {"networkConfiguration": {"subnets": ["a", "b"]}}

    assert same(SERVICE, rule, ["a", "b"], ["b", "a"])
    found = changes(SERVICE, old, {"networkConfiguration": {"subnets": ["a", "c"]}})
    assert found == [Change(rule, rule, "UPDATE")]


def test_absent_and_zero_are_the_same() -> None:
    """The SDK cannot tell false, 0, "" and nothing apart."""
    old = {"enableExecuteCommand": False, "healthCheckGracePeriodSeconds": 0, "tags": {}}

    assert changes(SERVICE, old, {}) == []
    assert changes(SERVICE, {}, {"enableExecuteCommand": False, "loadBalancers": []}) == []


def test_a_plain_input_taken_out_is_cleared() -> None:
    """What the state has and the program no longer says is a DELETE."""
    old = {"healthCheckGracePeriodSeconds": 30, "tags": {"a.b": "1", "c": "2"}}

    found = changes(SERVICE, old, {"tags": {"c": "2"}})

    kinds = {change.path: change.kind for change in found}
    assert kinds == {"healthCheckGracePeriodSeconds": "DELETE", 'tags["a.b"]': "DELETE"}


def test_an_unknown_value_is_a_change() -> None:
    """At preview it may become anything."""
    found = changes(SERVICE, {"taskDefinition": "x"}, {"taskDefinition": UNKNOWN})

    assert [change.kind for change in found] == ["UPDATE"]


def test_a_version_written_short_stays_as_written() -> None:
    """`16` holds for 16.4, `15` does not."""
    rules = rules_of("aws:rds/instance:Instance")

    assert same(rules, "engineVersion", "16.4", "16")
    assert not same(rules, "engineVersion", "16.4", "15")

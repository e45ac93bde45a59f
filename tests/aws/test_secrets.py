"""Secret values go inwards, once."""

import datetime
import json

import pytest

from byoc_infra.aws.secrets import (
    ensure_redis_password,
    has_value,
    newer_than_tasks,
    put_value,
    require_platform_value,
    require_value,
)
from byoc_infra.aws.session import Session
from byoc_infra.errors import ByocError, NotFound, SecretWithoutValue, SpecError
from tests.aws.fakes import CLUSTER, NOON, FakeSession, task

VALUE = "planted-value-42"


def container(session: Session, name: str = "langgraph-cloud/default/x/redis") -> str:
    """An empty one, as the stack makes it."""
    return str(session.client("secretsmanager").create_secret(Name=name)["ARN"])


def value_of(session: Session, arn: str) -> str:
    """What is in it."""
    return str(session.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_the_redis_secret_gets_password_and_address(session: Session) -> None:
    """Tasks read both by JSON key."""
    arn = container(session)

    ensure_redis_password(arn, "cache.internal", session=session)

    value = json.loads(value_of(session, arn))
    assert value["uri"] == f"redis://:{value['password']}@cache.internal:6379/0"
    assert len(value["password"]) >= 32


def test_a_second_run_keeps_the_password(session: Session) -> None:
    """Redis and the servers hold it; a new one at each `up` would part them."""
    arn = container(session)
    ensure_redis_password(arn, "cache.internal", session=session)
    before = value_of(session, arn)

    ensure_redis_password(arn, "cache.internal", session=session)

    assert value_of(session, arn) == before


def test_no_value_is_read_to_see_that_it_is_there(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role may not read values."""
    asked: list[str] = []
    ask = Session.ask

    def remember(self: Session, service: str, operation: str, **params: object) -> object:
        asked.append(operation)
        return ask(self, service, operation, **params)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Session, "ask", remember)
    arn = container(session)

    ensure_redis_password(arn, "cache.internal", session=session)
    ensure_redis_password(arn, "cache.internal", session=session)

    assert asked == ["describe_secret", "put_secret_value", "describe_secret"]


def test_another_address_gets_a_new_value(session: Session) -> None:
    """The address is part of the value."""
    arn = container(session)
    ensure_redis_password(arn, "one.internal", session=session)

    ensure_redis_password(arn, "two.internal", session=session)

    assert "two.internal" in json.loads(value_of(session, arn))["uri"]


def test_an_empty_container_stops_the_run(session: Session) -> None:
    """The task would not start, and say less."""
    arn = container(session)

    with pytest.raises(SecretWithoutValue, match=r"secrets\.TOKEN") as caught:
        require_value(arn, "TOKEN", session=session)

    assert "byoc secrets put TOKEN" in caught.value.next_step


def test_a_filled_container_lets_the_run_go_on(session: Session) -> None:
    """Whatever the value is."""
    arn = container(session)
    put_value(session, arn, VALUE)

    require_value(arn, "TOKEN", session=session)

    assert has_value(session, arn)


def test_a_value_replaces_the_earlier_one(session: Session) -> None:
    """By name as by ARN; the answer is a version and no value."""
    container(session, "some-name")
    first = put_value(session, "some-name", "first")

    second = put_value(session, "some-name", VALUE)

    assert value_of(session, "some-name") == VALUE
    assert first != second
    assert VALUE not in second


def test_a_container_that_is_not_there_is_named(session: Session) -> None:
    """The error tells who makes it and never what was to go in."""
    with pytest.raises(NotFound, match="langgraph-cloud/none") as caught:
        put_value(session, "langgraph-cloud/none", VALUE)

    assert VALUE not in str(caught.value)


@pytest.mark.parametrize("value", ["", "x" * 65537])
def test_impossible_values_are_refused_unseen(session: Session, value: str) -> None:
    """Only the length is told."""
    arn = container(session)

    with pytest.raises(SpecError) as caught:
        put_value(session, arn, value)

    assert not value or value not in str(caught.value)


def test_errors_are_the_projects_own(session: Session) -> None:
    """Also for an ARN of something else."""
    with pytest.raises(ByocError):
        require_value(
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gone", "X", session=session
        )


def test_an_owners_secret_without_a_value_names_the_owners_command(session: Session) -> None:
    """The one who reads it is the vendor, who cannot do it."""
    arn = container(session, "langgraph-cloud/default/platform/LANGSMITH_API_KEY")

    with pytest.raises(SecretWithoutValue, match="byoc account secrets put LANGSMITH_API_KEY"):
        require_platform_value(arn, "LANGSMITH_API_KEY", session=session)
    put_value(session, arn, VALUE)

    require_platform_value(arn, "LANGSMITH_API_KEY", session=session)


@pytest.mark.parametrize(("after_s", "newer"), [(-60, ()), (0, ()), (1, ("arn:a",))])
def test_a_value_is_newer_when_it_came_after_the_oldest_task(
    after_s: int, newer: tuple[str, ...]
) -> None:
    """The same second counts as before: a stack puts its values first."""
    put = NOON + datetime.timedelta(seconds=after_s)
    session = FakeSession(
        describe_tasks={"tasks": [task()]},
        describe_secret={"VersionIdsToStages": {"v1": ["AWSCURRENT"]}, "CreatedDate": put},
        list_secret_version_ids={"Versions": [{"VersionId": "v1", "CreatedDate": put}]},
    )

    assert newer_than_tasks(session, ["arn:a"], cluster=CLUSTER, service="lg-x-api") == newer
    assert newer_than_tasks(session, [], cluster=CLUSTER, service="lg-x-api") == ()

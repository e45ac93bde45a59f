"""A request's way through gate, checks, moto and followers."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from byoc_infra.local.wire import AwsError, Call
from tests.local.in_process import Stack, account, code_of, environ_of, running


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The chain, in process."""
    with running(tmp_path_factory.mktemp("cloud")) as stack:
        yield stack


def test_two_accounts_are_apart(cloud: Stack) -> None:
    """A key leads to its own account's objects and to nobody else's."""
    cloud.client("secretsmanager", cloud.customer).create_secret(Name="ours", SecretString="x")

    names = cloud.client("secretsmanager").list_secrets()["SecretList"]
    assert [one["Name"] for one in names] == ["ours"]
    with pytest.raises(ClientError) as caught:
        cloud.client("secretsmanager", cloud.vendor).list_secrets()
    assert code_of(caught.value) == "AccessDeniedException"


def test_an_account_cannot_be_chosen_by_a_header(cloud: Stack) -> None:
    """Moto would believe it."""
    sent: list[Any] = []
    client = cloud.client("sts", cloud.vendor)

    def note(request: Any, **_: object) -> None:
        sent.append(request)

    client.meta.events.register_first("before-send", note)
    client.get_caller_identity()
    client.meta.events.unregister("before-send", note)
    environ = environ_of(sent[0])
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = cloud.customer.id

    _, _, body = cloud.chain.answer(environ, environ["wsgi.input"].getvalue())

    assert cloud.vendor.id.encode() in body
    assert cloud.customer.id.encode() not in body


def test_an_unknown_key_is_refused(cloud: Stack) -> None:
    """By the code that SDKs expect."""
    stranger = account("333333333333", "stranger")

    with pytest.raises(ClientError) as caught:
        cloud.client("sts", stranger).get_caller_identity()
    assert code_of(caught.value) == "InvalidClientTokenId"


def test_motos_own_api_is_closed(cloud: Stack) -> None:
    """It can wipe everything, and asks nobody."""
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/moto-api/reset", "QUERY_STRING": ""}

    status, _, _ = cloud.chain.answer(environ, b"")

    assert status == 404


def test_an_operation_that_is_not_modelled_is_an_error_the_client_can_read(cloud: Stack) -> None:
    """Moto answers with a page that is tried again."""
    with pytest.raises(ClientError) as caught:
        cloud.client("ec2").describe_stale_security_groups(VpcId="vpc-00000000")

    assert "not modelled" in str(caught.value)


def test_what_goes_wrong_inside_is_an_error_and_names_no_parameter(
    cloud: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """The log must not hold what a caller has sent."""

    def stumble(_: Call) -> None:
        raise ZeroDivisionError

    cloud.hooks.before("secretsmanager", "PutSecretValue", stumble)
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="stumble", SecretString="x")

    with pytest.raises(ClientError) as caught:
        secrets.put_secret_value(SecretId="stumble", SecretString="planted-value")
    cloud.hooks.checks.clear()
    assert code_of(caught.value) == "LocalCloudBug"
    assert "ZeroDivisionError" in caplog.text
    assert "planted-value" not in caplog.text


def test_a_follower_sees_only_what_succeeded(cloud: Stack) -> None:
    """And a check may refuse with any code."""
    seen: list[str] = []

    def refuse_one(call: Call) -> None:
        if call.params["logGroupName"] == "refused":
            raise AwsError("LimitExceededException", "Resource limit exceeded.")

    cloud.hooks.before("logs", "CreateLogGroup", refuse_one)
    cloud.hooks.after(
        "logs", "CreateLogGroup", lambda call: seen.append(call.params["logGroupName"])
    )
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="made")
    with pytest.raises(ClientError) as twice:
        logs.create_log_group(logGroupName="made")
    with pytest.raises(ClientError) as caught:
        logs.create_log_group(logGroupName="refused")

    assert code_of(twice.value) == "ResourceAlreadyExistsException"
    assert code_of(caught.value) == "LimitExceededException"
    assert seen == ["made"]


def test_a_handler_answers_in_motos_place(cloud: Stack) -> None:
    """In the service's own protocol."""
    cloud.hooks.handle("logs", "DescribeLogGroups", lambda _: {"logGroups": [{"arn": "ours"}]})
    cloud.hooks.handle(
        "rds",
        "DescribeDBSnapshots",
        lambda _: {"DBSnapshots": [{"DBSnapshotIdentifier": "ours", "AllocatedStorage": 7}]},
    )

    assert cloud.client("logs").describe_log_groups()["logGroups"] == [{"arn": "ours"}]
    snapshots = cloud.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert snapshots == [{"DBSnapshotIdentifier": "ours", "AllocatedStorage": 7}]

"""Who may become a role: the caller's side, the trust's side, and what the session then is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from byoc_infra.local.wire import AwsError
from tests.local.authorizer.harness import CUSTOMER, VENDOR, Cloud, allow, deny, policy

PLANE = f"arn:aws:iam::{VENDOR}:user/plane"
ID = "11111111-2222-3333-4444-555555555555"


def trust(principal: object = None, *more: str, **condition: Any) -> dict[str, Any]:
    """A trust statement for the vendor's user, for AssumeRole and what else is named."""
    statement = allow("sts:AssumeRole", *more, **condition)
    del statement["Resource"]
    return {**statement, "Principal": principal or {"AWS": PLANE}}


def with_id() -> dict[str, Any]:
    """The usual trust: one principal and the external id."""
    return trust(
        None, "sts:SetSourceIdentity", "sts:TagSession", StringEquals={"sts:ExternalId": ID}
    )


def assume(cloud: Cloud, role: str, user: str = "plane", **asked: Any) -> dict[str, Any]:
    """The answer to AssumeRole."""
    sts = cloud.client("sts", user)
    made: dict[str, Any] = sts.assume_role(RoleArn=role, RoleSessionName="op-1", **asked)
    return made


def keys_of(answer: dict[str, Any]) -> dict[str, str]:
    """A session's credentials as boto3's arguments."""
    made = answer["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    """The error's code as the client reads it."""
    return str(caught.value.response["Error"]["Code"])


def test_a_session_acts_in_the_roles_account_as_the_role(cloud: Cloud) -> None:
    """GetCallerIdentity names role and session; a permission of the role is one of the session."""
    role = cloud.role("Access", with_id(), allow("ecs:ListClusters"))
    session = keys_of(assume(cloud, role, ExternalId=ID))

    who = cloud.client("sts", "", **session).get_caller_identity()
    assert who["Arn"] == f"arn:aws:sts::{CUSTOMER}:assumed-role/Access/op-1"
    assert who["Account"] == CUSTOMER
    assert cloud.client("ecs", "", **session).list_clusters()["clusterArns"] == []


@pytest.mark.parametrize("external_id", [{}, {"ExternalId": "wrong"}])
def test_a_missing_or_wrong_external_id_is_denied(
    cloud: Cloud, external_id: dict[str, str]
) -> None:
    """An absent key does not match the trust's condition."""
    role = cloud.role("Access", with_id())

    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole") as caught:
        assume(cloud, role, **external_id)

    assert code_of(caught) == "AccessDenied"
    assert cloud.lines()[-1]["by"] == "trust"


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"AWS": PLANE}, True),
        ({"AWS": [f"arn:aws:iam::{VENDOR}:user/other", PLANE]}, True),
        ({"AWS": f"arn:aws:iam::{VENDOR}:root"}, True),
        ({"AWS": VENDOR}, True),
        ({"AWS": "*"}, True),
        ("*", True),
        ({"AWS": f"arn:aws:iam::{VENDOR}:user/*"}, False),
        ({"AWS": f"arn:aws:iam::{VENDOR}:user/plane2"}, False),
        ({"AWS": "arn:aws:iam::333333333333:root"}, False),
        ({"Service": "ecs-tasks.amazonaws.com"}, False),
        ({"Federated": "*"}, False),
    ],
)
def test_the_trust_names_its_principals(cloud: Cloud, principal: object, trusted: bool) -> None:  # noqa: FBT001
    """Exact ARNs, account roots and `*` count; a wildcard inside an ARN does not."""
    role = cloud.role("Access", trust(principal))

    if trusted:
        assert assume(cloud, role)["AssumedRoleUser"]["Arn"].endswith("/Access/op-1")
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(cloud, role)


def test_the_caller_needs_the_permission_too(cloud: Cloud) -> None:
    """A trust alone lets nobody in from another account."""
    role = cloud.role("Access", trust({"AWS": "*"}))
    cloud.user(VENDOR, "weak", allow("sts:AssumeRole", on=f"arn:aws:iam::{CUSTOMER}:role/Other"))

    with pytest.raises(ClientError, match="no identity-based policy allows"):
        assume(cloud, role, "weak")


def test_a_role_that_is_not_there_is_denied(cloud: Cloud) -> None:
    """The answer does not tell a missing role from one that does not trust the caller."""
    with pytest.raises(ClientError) as caught:
        assume(cloud, f"arn:aws:iam::{CUSTOMER}:role/Nobody")

    assert code_of(caught) == "AccessDenied"


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        ({"SourceIdentity": "alice"}, "sts:SetSourceIdentity"),
        ({"Tags": [{"Key": "team", "Value": "a"}]}, "sts:TagSession"),
    ],
)
def test_source_identity_and_tags_need_both_sides(
    cloud: Cloud, asked: dict[str, Any], action: str
) -> None:
    """The trust must allow the extra action, and so must the caller's own policies."""
    narrow, wide = cloud.role("Narrow", trust()), cloud.role("Wide", trust(None, action))
    cloud.user(VENDOR, "plain", allow("sts:AssumeRole"))
    anybody = cloud.role("Anybody", trust({"AWS": "*"}, action))

    assert assume(cloud, wide, **asked)
    with pytest.raises(ClientError, match=action):
        assume(cloud, narrow, **asked)
    with pytest.raises(ClientError, match=action):
        assume(cloud, anybody, "plain", **asked)


def test_a_trust_may_ask_for_a_source_identity(cloud: Cloud) -> None:
    """A condition on sts:SourceIdentity holds for both actions, and absent is no match."""
    condition = {"StringLike": {"sts:SourceIdentity": "*@vendor"}}
    role = cloud.role("Access", trust(None, "sts:SetSourceIdentity", **condition))

    assert assume(cloud, role, SourceIdentity="al@vendor")["SourceIdentity"] == "al@vendor"
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(cloud, role)


def test_verdicts_name_the_source_identity(cloud: Cloud) -> None:
    """Every line of a session says on whose behalf it was."""
    role = cloud.role("Access", trust(None, "sts:SetSourceIdentity"), allow("*"))
    session = keys_of(assume(cloud, role, SourceIdentity="alice"))
    cloud.client("ecs", "", **session).list_clusters()

    assert cloud.lines()[-1]["source_identity"] == "alice"


def test_session_tags_are_principal_tags(cloud: Cloud) -> None:
    """A policy of the role can ask for a tag of the session."""
    own = allow("ecs:ListClusters", StringEquals={"aws:PrincipalTag/team": "a"})
    role = cloud.role("Access", trust(None, "sts:TagSession"), own)
    for team, allowed in (("a", True), ("b", False)):
        session = keys_of(assume(cloud, role, Tags=[{"Key": "team", "Value": team}]))
        ecs = cloud.client("ecs", "", **session)
        if allowed:
            ecs.list_clusters()
        else:
            with pytest.raises(ClientError, match="AccessDeniedException"):
                ecs.list_clusters()


def test_a_session_policy_only_narrows(cloud: Cloud) -> None:
    """What both allow is allowed; what only one of them allows is not."""
    role = cloud.role("Access", trust(), allow("ecs:*"), deny("ecs:DeleteCluster"))
    narrow = policy(allow("ecs:ListClusters", "iam:ListRoles", "ecs:DeleteCluster"))
    session = keys_of(assume(cloud, role, Policy=narrow))
    ecs, iam = (cloud.client(name, "", **session) for name in ("ecs", "iam"))

    ecs.list_clusters()
    with pytest.raises(ClientError, match="no session policy allows"):
        ecs.list_task_definitions()
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        iam.list_roles()
    with pytest.raises(ClientError, match="explicit deny in an identity-based policy"):
        ecs.delete_cluster(cluster="c")


def test_a_session_runs_out_when_it_says(cloud: Cloud) -> None:
    """The Expiration answered is the one that is kept, on the cloud's clock."""
    role = cloud.role("Access", trust(), allow("*"))
    answer = assume(cloud, role, DurationSeconds=900)
    ecs = cloud.client("ecs", "", **keys_of(answer))
    left = (answer["Credentials"]["Expiration"] - datetime.now(tz=UTC)).total_seconds()

    assert 895 < left <= 900
    cloud.world.skew_s = 890
    ecs.list_clusters()
    cloud.world.skew_s = 901
    with pytest.raises(ClientError) as caught:
        ecs.list_clusters()
    assert code_of(caught) == "ExpiredTokenException"


def test_a_cloud_can_cut_sessions_short(cloud: Cloud) -> None:
    """With `max_session_s` the answer says the shorter time."""
    cloud.world.max_session_s = 5
    role = cloud.role("Access", trust())

    left = assume(cloud, role)["Credentials"]["Expiration"] - datetime.now(tz=UTC)

    assert left.total_seconds() <= 5


def test_a_session_opened_under_a_moved_clock_expires_in_real_time(cloud: Cloud) -> None:
    """Clients compare with their own clock, so the answer does not carry the cloud's shift."""
    cloud.world.skew_s = 7200
    role = cloud.role("Access", trust())

    left = assume(cloud, role)["Credentials"]["Expiration"] - datetime.now(tz=UTC)

    assert left.total_seconds() <= 3600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(600, "greater than or equal to 900"), (7201, "MaxSessionDuration")],
)
def test_durations_have_limits(cloud: Cloud, seconds: int, words: str) -> None:
    """From 15 minutes to the role's own maximum."""
    role = cloud.role("Access", trust(), hours=2)

    assert assume(cloud, role, DurationSeconds=7200)
    with pytest.raises(ClientError, match=words):
        assume(cloud, role, DurationSeconds=seconds)


def test_a_chained_session_lasts_an_hour_and_keeps_its_source(cloud: Cloud) -> None:
    """A role assumed from a session: one hour at most, the same source identity, passed-on tags."""
    first = cloud.role("First", trust(None, "sts:SetSourceIdentity", "sts:TagSession"), allow("*"))
    by_first = trust({"AWS": first}, "sts:SetSourceIdentity", "sts:TagSession")
    second = cloud.role("Second", by_first, allow("*"), hours=12)
    tags = [{"Key": "op", "Value": "1"}, {"Key": "x", "Value": "2"}]
    outer = assume(cloud, first, SourceIdentity="al", Tags=tags, TransitiveTagKeys=["op"])
    sts = cloud.client("sts", "", **keys_of(outer))
    ask = {"RoleArn": second, "RoleSessionName": "op-2"}

    with pytest.raises(ClientError, match="role chaining"):
        sts.assume_role(**ask, DurationSeconds=3601)
    with pytest.raises(ClientError, match="cannot be changed"):
        sts.assume_role(**ask, SourceIdentity="eve")
    inner = sts.assume_role(**ask)
    kept = cloud.gate.sessions[inner["Credentials"]["AccessKeyId"]]
    assert (kept.source_identity, kept.tags) == ("al", {"op": "1"})


def test_a_stolen_half_of_a_session_is_useless(cloud: Cloud) -> None:
    """Key and secret without the token, or with another session's, are refused."""
    role = cloud.role("Access", trust(), allow("*"))
    one, two = keys_of(assume(cloud, role)), keys_of(assume(cloud, role))
    mixed = {**one, "aws_session_token": two["aws_session_token"]}
    bare = {key: value for key, value in one.items() if key != "aws_session_token"}

    for stolen in (mixed, bare):
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            cloud.client("ecs", "", **stolen).list_clusters()


def test_a_session_loses_what_its_role_loses(cloud: Cloud) -> None:
    """A role that is gone takes its sessions' rights with it, at once."""
    role = cloud.role("Access", trust(), allow("*"))
    ecs = cloud.client("ecs", "", **keys_of(assume(cloud, role)))
    iam = cloud.client("iam", "admin")
    ecs.list_clusters()

    iam.delete_role_policy(RoleName="Access", PolicyName="own")
    iam.delete_role(RoleName="Access")

    with pytest.raises(ClientError, match="AccessDenied"):
        ecs.list_clusters()


def test_a_broken_session_policy_is_refused(cloud: Cloud) -> None:
    """A policy that cannot be read opens no session."""
    role = cloud.role("Access", trust())

    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        assume(cloud, role, Policy='{"Statement": 1}')


def test_a_service_gets_only_roles_that_trust_it(cloud: Cloud) -> None:
    """ECS may assume a role whose trust names it, and no other."""
    tasks = {"Service": "ecs-tasks.amazonaws.com"}
    trusting = cloud.role("Task", trust(tasks, StringEquals={"aws:SourceAccount": CUSTOMER}))
    other = cloud.role("Other", trust())
    open_for = cloud.gate.tokens.assume_for_service

    session = open_for(trusting, "ecs-tasks.amazonaws.com", "task-1")
    assert session.arn == f"arn:aws:sts::{CUSTOMER}:assumed-role/Task/task-1"
    with pytest.raises(AwsError, match="unable to assume the role"):
        open_for(other, "ecs-tasks.amazonaws.com", "task-1")


def test_sessions_are_forgotten_in_time(cloud: Cloud) -> None:
    """An hour after its end a session is no longer kept."""
    role = cloud.role("Access", trust())
    assume(cloud, role)
    cloud.world.skew_s = 7300
    assume(cloud, role)

    assert len(cloud.gate.sessions) == 1

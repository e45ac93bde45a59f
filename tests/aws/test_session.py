"""The one place that assumes roles."""

import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from byoc_infra.aws.session import Session, ambient, open_session
from byoc_infra.errors import (
    AccessRefused,
    ByocError,
    CallRejected,
    CloudUnreachable,
    SpecError,
)
from byoc_infra.spec import AccessSpec
from tests.aws.conftest import KEYS

EXTERNAL_ID = "3f1c7a52-external"
access = partial(
    AccessSpec,
    role_arn="arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole",
    external_id=EXTERNAL_ID,
    source_identity="ada",
)


class FakeSts:
    """Answers AssumeRole and remembers what was asked."""

    def __init__(self, life_s: float = 3600, error: ClientError | None = None) -> None:
        self.life_s = life_s
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        """Hand out the next session."""
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.life_s)
        number = len(self.asked)
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{number}",
                "SecretAccessKey": f"secret-{number}",
                "SessionToken": f"token-{number}",
                "Expiration": ends,
            }
        }


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    """In the place of every session's own STS client."""
    fake = FakeSts()
    monkeypatch.setattr(Session, "client", lambda _self, _service: fake)
    return fake


def refused(message: str, code: str = "AccessDenied") -> ClientError:
    """What AWS says when it does not assume."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")


def opened(spec: AccessSpec | None = None, **more: Any) -> Session:
    """A session of the role."""
    return open_session(spec or access(), region="eu-west-1", env=KEYS, **more)


def test_the_operation_is_the_session_name(sts: FakeSts) -> None:
    """CloudTrail ties each call to its operation, to who asked and to the tags."""
    opened(operation="op-1", tags={"byoc:operation": "op-1"})

    assert sts.asked == [
        {
            "RoleArn": "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole",
            "RoleSessionName": "op-1",
            "ExternalId": EXTERNAL_ID,
            "SourceIdentity": "ada",
            "DurationSeconds": 3600,
            "Tags": [{"Key": "byoc:operation", "Value": "op-1"}],
        }
    ]


def test_a_session_policy_is_handed_on(sts: FakeSts) -> None:
    """It narrows what the role may do for this operation."""
    opened(access(session_policy='{"Version": "2012-10-17"}'))

    assert sts.asked[0]["Policy"] == '{"Version": "2012-10-17"}'


def test_credentials_renew_themselves_before_they_end(sts: FakeSts) -> None:
    """A run that outlives its session goes on with the next one."""
    session = opened()
    assert session.credentials().access_key == "ASIA1"

    _age(session, seconds=3600 - 60)

    assert session.credentials().access_key == "ASIA2"


def test_a_short_session_is_not_renewed_at_every_call(sts: FakeSts) -> None:
    """The fixed windows of botocore would assume the role anew for each request."""
    sts.life_s = 300
    session = opened()

    for _ in range(3):
        session.credentials()

    assert len(sts.asked) == 1


def test_the_end_of_the_session_is_known(sts: FakeSts) -> None:
    """The engine's SDK is told when to come back."""
    ends = opened().credentials().expires

    assert ends is not None
    assert 3500 < (ends - datetime.datetime.now(datetime.UTC)).total_seconds() <= 3600


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "u may not sts:AssumeRole: no identity-based policy allows the sts:AssumeRole action",
            "Your own identity lacks sts:AssumeRole",
        ),
        ("u is not authorized to perform: sts:TagSession on resource: r", "sts:TagSession"),
        ("u is not authorized to perform: sts:SetSourceIdentity on r", "sts:SetSourceIdentity"),
        ("with an explicit deny in a service control policy", "service control policy"),
        ("u is not authorized to perform: sts:AssumeRole on resource: r", "external id differs"),
    ],
)
def test_a_refused_role_tells_what_to_check(sts: FakeSts, words: str, told: str) -> None:
    """Causes are told apart as far as AWS itself does."""
    sts.error = refused(words)

    with pytest.raises(AccessRefused) as caught:
        opened()

    assert caught.value.field == "role_arn"
    assert told in caught.value.next_step


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "Throttling"])
def test_no_error_repeats_the_external_id(sts: FakeSts, code: str) -> None:
    """AWS's own words may; ours, and the chain of causes, do not."""
    sts.error = refused(f"Value '{EXTERNAL_ID}' at 'externalId' failed", code)

    with pytest.raises(ByocError) as caught:
        opened()

    assert EXTERNAL_ID not in f"{caught.value} {caught.value.as_dict()}"
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_bad_values_are_not_a_matter_of_access(sts: FakeSts) -> None:
    """A duration that the role does not allow is the caller's to correct."""
    sts.error = refused("DurationSeconds exceeds the MaxSessionDuration", "ValidationError")

    with pytest.raises(SpecError, match="access: want values that sts:AssumeRole takes"):
        opened()


def test_printing_credentials_shows_no_secret(sts: FakeSts) -> None:
    """They end up in assertion messages and logs."""
    shown = repr(opened().credentials())

    assert "secret-1" not in shown
    assert "token-1" not in shown


def test_an_endpoint_that_does_not_answer_is_unreachable() -> None:
    """Nothing listens on port 1: try again later."""
    session = open_session(
        None, region="eu-west-1", env={**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    )
    session._config = session._config.merge(Config(retries={"total_max_attempts": 1}))

    with pytest.raises(CloudUnreachable, match=r"sts:get_caller_identity"):
        session.identity()


def test_no_credentials_is_an_answer_and_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment is not asked when another one is given."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)

    with pytest.raises(AccessRefused, match="credentials"):
        open_session(None, region="eu-west-1", env={}).credentials()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UnauthorizedOperation", AccessRefused),
        ("ExpiredToken", AccessRefused),
        ("InvalidClientTokenId", AccessRefused),
        ("ThrottlingException", CloudUnreachable),
        ("InvalidParameterException", CallRejected),
    ],
)
def test_aws_errors_become_ours(session: Session, code: str, kind: type[ByocError]) -> None:
    """The class says whether to try again; nobody compares texts."""
    client = session.client("sts")
    with Stubber(client) as stub:
        stub.add_client_error("get_caller_identity", code, "words of AWS")

        with pytest.raises(kind, match="words of AWS"):
            session.ask("sts", "get_caller_identity")


def test_an_absent_thing_is_an_empty_answer(session: Session) -> None:
    """Where absence is expected it is data."""
    absent = frozenset({"ResourceNotFoundException"})

    answer = session.ask("secretsmanager", "describe_secret", absent=absent, SecretId="none")

    assert answer == {}


def test_other_absences_are_errors(session: Session) -> None:
    """What was not expected is not swallowed."""
    with pytest.raises(CallRejected, match="secretsmanager:describe_secret"):
        session.ask("secretsmanager", "describe_secret", SecretId="none")


def test_every_page_is_read(session: Session) -> None:
    """Listings are longer than one page."""
    iam = session.client("iam")
    for number in range(120):
        iam.create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument="{}")

    assert len(list(session.each("iam", "list_roles", "Roles"))) == 120


def _age(session: Session, *, seconds: float) -> None:
    """Let the session's keys grow older."""
    keys = session._boto.get_credentials()
    assert keys is not None
    keys._expiry_time -= datetime.timedelta(seconds=seconds)  # type: ignore[attr-defined]  # botocore's own


def test_a_profile_goes_before_the_environments_own_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the provider takes it from `aws:profile`: both must look at the same account."""
    file = tmp_path / "credentials"
    file.write_text("[customer]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    named, own = ambient("eu-west-1", profile="customer"), ambient("eu-west-1")

    assert named.credentials().access_key == "AKIAPROFILE"
    assert own.credentials().access_key == KEYS["AWS_ACCESS_KEY_ID"]


def test_a_services_description_is_read_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions share botocore's loader: it is megabytes of JSON, and each operation opens two."""
    first = open_session(None, region="eu-west-1", env=KEYS)
    monkeypatch.setattr("botocore.session.create_loader", None)
    second = open_session(None, region="eu-central-1", env=KEYS)
    loaders = {one._boto._session.get_component("data_loader") for one in (first, second)}

    assert len(loaders) == 1
    assert second.client("sts").meta.region_name == "eu-central-1"
    second.close()

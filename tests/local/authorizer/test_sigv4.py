"""Signatures: what is believed, and what each lie is answered with."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from byoc_infra.local.wire import AwsError
from tests.local.authorizer.harness import CUSTOMER, REGION, Cloud, environ_of

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
Environ = dict[str, Any]


def signed(cloud: Cloud, **headers: str) -> Environ:
    """A signed request of `admin` for GetCallerIdentity, as an environ."""
    keys = cloud.keys["admin"]
    request = AWSRequest("POST", "http://127.99.0.1:4566/", headers={**FORM, **headers}, data=WHO)
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4Auth(credentials, "sts", REGION).add_auth(request)
    return environ_of(request.prepare())[0]


def refusal(cloud: Cloud, environ: Environ, body: bytes = WHO) -> str:
    """The code with which a request is refused."""
    with pytest.raises(AwsError) as caught:
        cloud.gate.admit(environ, body)
    return caught.value.code


def test_a_rightly_signed_request_is_its_users(cloud: Cloud) -> None:
    """The access key leads to user and account."""
    call = cloud.gate.admit(signed(cloud), WHO)

    assert call.principal.arn == f"arn:aws:iam::{CUSTOMER}:user/admin"
    assert (call.service, call.operation, call.region) == ("sts", "GetCallerIdentity", REGION)


def _without_authorization(environ: Environ) -> None:
    del environ["HTTP_AUTHORIZATION"]


def _other_key(environ: Environ) -> None:
    header = environ["HTTP_AUTHORIZATION"]
    start = header.index("Credential=") + len("Credential=")
    environ["HTTP_AUTHORIZATION"] = header[:start] + "AKIANOBODY" + header[header.index("/") :]


def _other_signature(environ: Environ) -> None:
    environ["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"][:-64] + "0" * 64


def _other_region(environ: Environ) -> None:
    environ["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"].replace(REGION, "us-east-1")


def _other_host(environ: Environ) -> None:
    environ["HTTP_HOST"] = "127.99.0.2:4566"


def _other_path(environ: Environ) -> None:
    environ["PATH_INFO"] = "/moto-api/reset"


def _a_query(environ: Environ) -> None:
    environ["QUERY_STRING"] = "Action=AssumeRole"


def _a_target(environ: Environ) -> None:
    environ["HTTP_X_AMZ_TARGET"] = "AmazonEC2ContainerServiceV20141113.ListClusters"


def _a_token(environ: Environ) -> None:
    environ["HTTP_X_AMZ_SECURITY_TOKEN"] = "made up"


def _a_bearer(environ: Environ) -> None:
    environ["HTTP_AUTHORIZATION"] = "Bearer abc"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_without_authorization, "MissingAuthenticationToken"),
        (_a_bearer, "IncompleteSignature"),
        (_other_key, "InvalidClientTokenId"),
        (_other_signature, "SignatureDoesNotMatch"),
        (_other_region, "SignatureDoesNotMatch"),
        (_other_host, "SignatureDoesNotMatch"),
        (_other_path, "SignatureDoesNotMatch"),
        (_a_query, "SignatureDoesNotMatch"),
        (_a_target, "InvalidSignatureException"),
        (_a_token, "InvalidClientTokenId"),
    ],
)
def test_every_change_to_a_signed_request_is_refused(
    cloud: Cloud, change: Callable[[Environ], None], code: str
) -> None:
    """Whatever is altered or added after signing, the request is not believed."""
    environ = signed(cloud)
    change(environ)

    assert refusal(cloud, environ) == code


def test_another_body_is_refused(cloud: Cloud) -> None:
    """The signature covers the body."""
    body = b"Action=AssumeRole&Version=2011-06-15"

    assert refusal(cloud, signed(cloud), body) == "SignatureDoesNotMatch"


def test_an_unsigned_payload_is_refused(cloud: Cloud) -> None:
    """A declared body hash must be the body's."""
    environ = signed(cloud, **{"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})

    assert refusal(cloud, environ) == "SignatureDoesNotMatch"


def test_a_presigned_request_is_refused(cloud: Cloud) -> None:
    """Only the Authorization header is taken."""
    url = cloud.client("sts", "admin").generate_presigned_url("get_caller_identity")
    environ, body = environ_of(AWSRequest("GET", url).prepare())

    assert refusal(cloud, environ, body) == "MissingAuthenticationToken"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_request_is_refused(
    cloud: Cloud, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request is good for five minutes around its time."""
    environ = signed(cloud)
    admitted = cloud.gate.admit(dict(environ), WHO)
    real = __import__("time").time
    monkeypatch.setattr("byoc_infra.local.authorizer.gate.time.time", lambda: real() + minutes * 60)

    assert admitted.operation == "GetCallerIdentity"
    assert refusal(cloud, environ) == "SignatureDoesNotMatch"


def test_the_clouds_own_clock_does_not_age_requests(cloud: Cloud) -> None:
    """A test that lets sessions expire does not make every client's clock wrong."""
    cloud.world.skew_s = 86_400

    assert cloud.gate.admit(signed(cloud), WHO).operation == "GetCallerIdentity"


def test_an_inactive_key_is_refused(cloud: Cloud) -> None:
    """A key that its owner switched off is not a key."""
    iam = cloud.client("iam", "admin")
    key = cloud.keys["admin"]["aws_access_key_id"]
    iam.update_access_key(UserName="admin", AccessKeyId=key, Status="Inactive")

    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        iam.list_roles()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("ecs", "list_clusters", "InvalidSignatureException"),
        ("iam", "list_roles", "SignatureDoesNotMatch"),
        ("cloudwatch", "describe_alarms", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_answered_in_the_services_own_words(
    cloud: Cloud, service: str, operation: str, code: str
) -> None:
    """boto3 reads the code that AWS has for that protocol."""
    wrong = {**cloud.keys["admin"], "aws_secret_access_key": "wrong"}

    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service, "admin", **wrong), operation)()

    assert caught.value.response["Error"]["Code"] == code

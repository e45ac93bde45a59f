"""Errors and outputs, as each protocol's client reads them."""

from datetime import datetime
from xml.etree import ElementTree

import pytest

from byoc_infra.local.authorizer import render_error, render_json, render_output
from byoc_infra.local.wire import AwsError, Call, Principal

PRINCIPAL = Principal(arn="arn:aws:iam::222222222222:user/a", account_id="222222222222")
ERROR = AwsError("Some.Code", "a <b> & c", 409)


def test_json_errors_say_their_type_twice() -> None:
    """In the body and in a header, with the service's JSON version."""
    status, headers, body = render_error("ecs", ERROR)

    assert status == 409
    assert headers["x-amzn-ErrorType"] == "Some.Code"
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert body == b'{"__type": "Some.Code", "message": "a <b> & c"}'


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("ec2", "Errors/Error"),
        ("iam", "Error"),
        ("elasticloadbalancing", "Error"),
        ("unheard-of", "Error"),
        ("", "Error"),
    ],
)
def test_xml_errors_are_escaped(service: str, path: str) -> None:
    """EC2 and query services have different frames; text in them is text."""
    _, headers, body = render_error(service, ERROR)
    error = ElementTree.fromstring(body).find(path)  # noqa: S314 - our own text

    assert headers["Content-Type"] == "text/xml"
    assert error is not None
    assert error.findtext("Message") == "a <b> & c"


@pytest.mark.parametrize(
    ("service", "operation", "output", "wanted"),
    [
        (
            "ecs",
            "DescribeServices",
            {"services": [{"serviceName": "s", "createdAt": datetime(2026, 1, 1)}]},  # noqa: DTZ001
            b'{"services": [{"serviceName": "s", "createdAt": 1767225600',
        ),
        (
            "elbv2",
            "DescribeTargetHealth",
            {"TargetHealthDescriptions": []},
            b"DescribeTargetHealthResult",
        ),
        ("ec2", "DescribeVpcs", {"Vpcs": [{"VpcId": "vpc-1"}]}, b"<vpcId>vpc-1</vpcId>"),
    ],
)
def test_outputs_take_their_services_form(
    service: str, operation: str, output: dict[str, object], wanted: bytes
) -> None:
    """An output shape becomes JSON, query XML or EC2 XML."""
    call = Call(
        service=service, operation=operation, params={}, region="eu-west-1", principal=PRINCIPAL
    )

    status, _, body = render_output(call, output)

    assert status == 200
    assert wanted in body


def test_a_plain_json_answer_is_sent_as_it_is() -> None:
    """What is in wire form already is not touched."""
    status, headers, body = render_json("secretsmanager", {"a": 1.5})

    assert (status, body) == (200, b'{"a": 1.5}')
    assert headers["Content-Type"] == "application/x-amz-json-1.1"

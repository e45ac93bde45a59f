"""What a request is taken for: boto3's parameters, and refusal of what could be read two ways."""

from contextlib import suppress
from typing import Any

import pytest

from byoc_infra.local.authorizer.requests import parse
from byoc_infra.local.wire import AwsError
from tests.local.authorizer.harness import Cloud

HOST = "http://127.99.0.1:4566/"
FORM = {"content-type": "application/x-www-form-urlencoded"}
TARGET = {"x-amz-target": "secretsmanager.ListSecrets"}

TAGS = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "ec2",
        "CreateSubnet",
        {
            "VpcId": "vpc-1",
            "CidrBlock": "10.0.0.0/24",
            "TagSpecifications": [{"ResourceType": "subnet", "Tags": TAGS}],
        },
    ),
    ("ec2", "DescribeVpcs", {"Filters": [{"Name": "tag:x", "Values": ["1", "2"]}]}),
    ("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": TAGS}),
    ("elbv2", "AddTags", {"ResourceArns": ["arn:a", "arn:b"], "Tags": TAGS}),
    (
        "rds",
        "CreateDBInstance",
        {
            "DBInstanceIdentifier": "d",
            "DBInstanceClass": "db.t4g.micro",
            "Engine": "postgres",
            "VpcSecurityGroupIds": ["sg-1", "sg-2"],
            "ManageMasterUserPassword": True,
            "AllocatedStorage": 20,
            "Tags": TAGS,
        },
    ),
    ("ecs", "CreateCluster", {"clusterName": "c", "tags": [{"key": "a", "value": "1"}]}),
    ("logs", "CreateLogGroup", {"logGroupName": "/g", "tags": {"a": "1"}}),
    ("secretsmanager", "CreateSecret", {"Name": "s", "SecretString": "&x=%20ä", "Tags": TAGS}),
    ("cloudwatch", "DescribeAlarms", {"AlarmNames": ["a"]}),
    ("servicediscovery", "GetService", {"Id": "srv-1"}),
    ("resourcegroupstaggingapi", "GetResources", {"TagFilters": [{"Key": "a", "Values": ["1"]}]}),
    (
        "sts",
        "AssumeRole",
        {"RoleArn": "arn:aws:iam::222222222222:role/r", "RoleSessionName": "s1", "Tags": TAGS},
    ),
]


@pytest.mark.parametrize(("service", "operation", "params"), CALLS)
def test_what_boto3_sent_is_what_is_read(
    cloud: Cloud, service: str, operation: str, params: dict[str, Any]
) -> None:
    """Each protocol gives back exactly the parameters that the client was given."""
    client = cloud.client(service, "admin")
    method = next(name for name, op in client.meta.method_to_api_mapping.items() if op == operation)
    seen: list[Any] = []

    def send(request: Any, **_: object) -> None:
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        signing = client.meta.service_model.signing_name
        seen.append(parse(request.method, request.url, headers, body, signing))

    client.meta.events.register_first("before-send", send)
    with suppress(client.exceptions.ClientError):
        getattr(client, method)(**params)

    token = {"ClientRequestToken"}  # boto3 makes one up
    read = {name: value for name, value in seen[0].params.items() if name not in token}
    assert (seen[0].service, seen[0].operation, read) == (service, operation, params)


@pytest.mark.parametrize(
    ("method", "url", "headers", "body", "signing"),
    [
        ("GET", HOST, FORM, b"Action=DescribeVpcs&Version=2016-11-15", "ec2"),
        (
            "POST",
            HOST + "?Action=DeleteVpc",
            FORM,
            b"Action=DescribeVpcs&Version=2016-11-15",
            "ec2",
        ),
        ("POST", HOST + "moto-api/reset", FORM, b"Action=DescribeVpcs&Version=2016-11-15", "ec2"),
        ("POST", HOST, FORM, b"Action=DescribeVpcs&Version=2016-11-15&Action=DeleteVpc", "ec2"),
        ("POST", HOST, FORM, b"Action=DescribeVpcs&Version=2010-01-01", "ec2"),
        ("POST", HOST, FORM, b"Action=Nonsense&Version=2016-11-15", "ec2"),
        ("POST", HOST, {}, b"Action=DescribeVpcs&Version=2016-11-15", "ec2"),
        ("POST", HOST, TARGET, b'{"Name": "a&Action=DeleteSecret&b=c"}', "secretsmanager"),
        ("POST", HOST, TARGET, b"[]", "secretsmanager"),
        ("POST", HOST, TARGET, b"{}", "ecs"),
        ("POST", HOST, {**TARGET, "content-encoding": "br"}, b"{}", "secretsmanager"),
        ("POST", HOST, {**TARGET, "content-encoding": "gzip"}, b"{}", "secretsmanager"),
        (
            "POST",
            "http://ec2.us-east-1.amazonaws.com/",
            FORM,
            b"Action=DescribeVpcs&Version=2016-11-15",
            "ec2",
        ),
        ("PUT", HOST + "bucket/key", {}, b"", "s3"),
    ],
)
def test_what_could_be_read_two_ways_is_refused(
    method: str, url: str, headers: dict[str, str], body: bytes, signing: str
) -> None:
    """A request whose operation moto might see otherwise never gets to it."""
    with pytest.raises(AwsError):
        parse(method, url, headers, body, signing)

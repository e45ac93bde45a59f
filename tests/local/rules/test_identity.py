"""What IAM refuses."""

import json
from typing import Any

import pytest

from byoc_infra.local.repairs import SERVICE_LINKED_ROLES
from tests.local.in_process import Stack
from tests.local.rules.conftest import Refused

NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture
def iam(cloud: Stack) -> Any:
    """IAM, as the customer."""
    return cloud.client("iam")


def test_an_attached_policy_stays(iam: Any, refused: Refused) -> None:
    """Moto would leave a role that can never be deleted."""
    policy = iam.create_policy(PolicyName="held", PolicyDocument=NOTHING)["Policy"]["Arn"]
    iam.create_role(RoleName="holder", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="holder", PolicyArn=policy)

    assert refused(iam.delete_policy, PolicyArn=policy) == "DeleteConflict"
    iam.detach_role_policy(RoleName="holder", PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)


@pytest.mark.parametrize("service", SERVICE_LINKED_ROLES)
def test_a_service_linked_role_has_aws_name_and_comes_once(
    iam: Any, refused: Refused, service: str
) -> None:
    """Moto's names are others, so that nobody who looks for the role finds it."""
    made = iam.create_service_linked_role(AWSServiceName=service)["Role"]

    assert made["RoleName"] == SERVICE_LINKED_ROLES[service]
    assert refused(iam.create_service_linked_role, AWSServiceName=service) == "InvalidInput"

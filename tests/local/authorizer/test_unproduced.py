"""Which absent keys are facts about a request, and which are only what the local cloud lacks."""

import pytest

from byoc_infra.local.authorizer.keys import NEVER_HERE, is_unproduced


@pytest.mark.parametrize(
    ("action", "key", "unproduced"),
    [
        # Produced: absent means absent.
        ("ec2:CreateVpc", "aws:requesttag/owner", False),
        ("ec2:CreateVpc", "aws:tagkeys", False),
        ("ec2:DeleteVpc", "ec2:resourcetag/owner", False),
        ("ecs:UpdateService", "ecs:cluster", False),
        ("sts:AssumeRole", "sts:externalid", False),
        ("ecs:UpdateService", "aws:principaltag/team", False),
        ("ecs:UpdateService", "aws:sourceidentity", False),
        # AWS has the key with this action, and it is not produced.
        ("secretsmanager:GetSecretValue", "secretsmanager:resource/type", True),
        ("ec2:DeleteVpc", "ec2:tenancy", True),
        ("ecs:UpdateService", "aws:sourceip", True),
        ("ecs:UpdateService", "aws:calledvia", True),
        ("ecs:UpdateService", "aws:of-tomorrow", True),
        # AWS has no such key with this action.
        ("ec2:DeleteVpc", "aws:requesttag/owner", False),
        ("ec2:DescribeVpcs", "aws:resourcetag/owner", False),
        ("ecs:UpdateService", "ec2:tenancy", False),
        ("ecs:UpdateService", "x:key", False),
        # No request here could have it on AWS either.
        ("ecs:UpdateService", "aws:principalorgid", False),
        ("ecs:UpdateService", "aws:sourcevpce", False),
    ],
)
def test_an_absent_key_is_a_fact_or_a_gap(action: str, key: str, unproduced: bool) -> None:  # noqa: FBT001
    """A gap must decide nothing."""
    assert is_unproduced(action, key) is unproduced


def test_keys_that_are_never_here_are_global_ones() -> None:
    """A service's own key is told by the reference."""
    assert all(key == key.lower() and key.startswith("aws:") for key in NEVER_HERE)

"""Names of the platform as names in AWS."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc_infra.control_plane.services._names import aws_name
from byoc_infra.spec import DeploymentSpec

NAMES = st.text("ab0-", min_size=1, max_size=60)


@pytest.mark.parametrize("name", ["a", "a-b", "chat-2", "x" * 40])
def test_a_plain_name_stays(name: str) -> None:
    """What one sees in AWS is what one has typed."""
    assert aws_name(name) == name


@given(NAMES)
@settings(deadline=None)
def test_every_name_becomes_one_that_a_deployment_may_have(name: str) -> None:
    """Within the length that a stack's name leaves."""
    made = aws_name(name)

    assert re.fullmatch(DeploymentSpec.model_fields["name"].metadata[1].pattern, made)
    assert len(made) <= 40


@given(NAMES, NAMES)
@settings(deadline=None)
def test_two_names_do_not_become_one(one: str, other: str) -> None:
    """They would fight for the same resources."""
    assert (aws_name(one) == aws_name(other)) == (one == other)

"""A name of which the program gives only the beginning."""

import pytest

from byoc_infra.local.provider.diff import difference
from byoc_infra.local.provider.registry import RESOURCES
from byoc_infra.local.provider.schema import known_types, schema_of
from tests.local.provider.conftest import RecordingAws
from tests.local.provider.lives import Surroundings, checked, lives

PREFIXES = {"namePrefix": "name", "identifierPrefix": "identifier"}
FOUND = [
    (token, prefix)
    for token in known_types()
    for prefix in PREFIXES
    if prefix in schema_of(token).inputs
]


@pytest.mark.parametrize(("token", "prefix"), FOUND)
def test_a_prefix_is_kept_and_changes_nothing(
    token: str, prefix: str, aws: RecordingAws, here: Surroundings
) -> None:
    """AWS tells only the whole name; the next run must not see a new prefix in the old one."""
    given = {k: v for k, v in lives(here)[token]().first.items() if k != PREFIXES[prefix]}
    begin = "alias/p-" if token.endswith(":Alias") else "p-"
    inputs = checked(token, {**given, prefix: begin})
    resource = RESOURCES[token](aws)

    resource_id, state = resource.create(inputs)

    assert state[PREFIXES[prefix]].startswith(begin)
    read = resource.read(resource_id, state)
    assert read is not None
    for seen in (state, read):
        assert difference(token, seen, inputs, region=aws.region).detailed == {}

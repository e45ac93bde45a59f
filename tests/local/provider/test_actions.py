"""The table of API actions is what the provider does, type by type, against moto."""

from collections.abc import Callable
from typing import Any

import pytest

from byoc_infra.local.provider import server
from byoc_infra.local.provider.actions import ACTIONS, INVOKE_ACTIONS, OPERATIONS, Operation
from byoc_infra.local.provider.diff import difference
from byoc_infra.local.provider.invokes import INVOKES
from byoc_infra.local.provider.properties import Props
from byoc_infra.local.provider.registry import RESOURCES
from byoc_infra.local.provider.resource import Resource
from byoc_infra.local.provider.schema import known_types
from tests.local.provider.conftest import RecordingAws
from tests.local.provider.lives import Life, Surroundings, checked, lives

ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
"""Moto refuses rotation without a Lambda: its life is in `test_data_rules.py`."""
SCALING = frozenset({"aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy"})
"""Moto's autoscaling has no tags: their lives are in `tests/local/scaling`, on our own."""


class Recorded:
    """Drives one life and keeps what each operation called."""

    def __init__(self, aws: RecordingAws, token: str, life: Life) -> None:
        self.aws, self.token, self.life = aws, token, life
        self.resource: Resource = RESOURCES[token](aws)
        self.called: dict[Operation, set[str]] = {}
        self.first = checked(token, life.first)
        self.later = checked(token, life.later, self.first)

    def run(self) -> None:
        """Create, update, read, import, delete; nothing differs where nothing changed."""
        self.aws.since()
        resource_id, state = self._do("create", lambda: self.resource.create(self.first))
        self._settled(state, self.first)
        new_id, state = self._do(
            "update", lambda: self.resource.update(resource_id, state, self.later)
        )
        self._settled(state, self.later)
        again = self._do("read", lambda: self.resource.read(new_id, state))
        assert again == state
        self._import(self.life.import_id(new_id, state), new_id)
        self._do("delete", lambda: self.resource.delete(new_id, state))
        adopted = self.token.endswith("DefaultSecurityGroup")
        assert adopted or self.resource.read(new_id, state) is None

    def _import(self, import_id: str, resource_id: str) -> None:
        def read() -> tuple[str, Props | None]:
            found, told = self.resource.resolve(import_id)
            prior = {**server.kept_defaults(self.resource), **told, **self.resource.rules.on_import}
            return found, self.resource.read(found, prior)

        found, state = self._do("import", read)
        assert found == resource_id
        assert state is not None
        inputs = self.resource.inputs_of(state, {})
        self._settled(state, checked(self.token, inputs))

    def _do(self, operation: Operation, act: Callable[[], Any]) -> Any:
        self.aws.since()
        result = act()
        self.called[operation] = self.aws.since()
        return result

    def _settled(self, state: Props, inputs: Props) -> None:
        found = difference(self.token, state, inputs, region=self.aws.region)
        assert found.detailed == {}


def test_every_type_has_a_class_a_row_and_a_source() -> None:
    """Nothing is served without saying which actions it needs and where that was read."""
    served = set(known_types())

    assert set(RESOURCES) == set(ACTIONS) == served
    assert all(row.source for row in ACTIONS.values())


@pytest.mark.parametrize("token", sorted(set(known_types()) - {ROTATION} - SCALING))
def test_a_life_calls_what_the_table_says(
    token: str, aws: RecordingAws, here: Surroundings
) -> None:
    """Each operation calls all it must and nothing else; a settled object shows no difference."""
    check_life(token, aws, here)


def check_life(token: str, aws: RecordingAws, here: Surroundings) -> None:
    """Live one type's life and compare its calls with the table."""
    recorded = Recorded(aws, token, lives(here)[token]())

    recorded.run()

    row = ACTIONS[token]
    for operation in OPERATIONS:
        called = recorded.called[operation]
        assert called <= row.may(operation), operation
        if operation != "update" or recorded.first != recorded.later:
            assert row.must(operation) <= called, operation


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("aws:index/getCallerIdentity:getCallerIdentity", {}),
        ("aws:index/getRegion:getRegion", {}),
        ("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"}),
        ("aws:ec2/getVpcs:getVpcs", {"tags": {"none": "1"}}),
        ("aws:ec2/getVpc:getVpc", {"default": True}),
        ("aws:ec2/getSubnets:getSubnets", {"filters": [{"name": "tag:x", "values": ["1"]}]}),
        ("aws:ec2/getSecurityGroup:getSecurityGroup", {"name": "group-0"}),
        ("aws:ecs/getCluster:getCluster", {"clusterName": "surroundings"}),
        (
            "aws:servicediscovery/getDnsNamespace:getDnsNamespace",
            {"name": "surroundings.internal", "type": "DNS_PRIVATE"},
        ),
        ("aws:secretsmanager/getSecret:getSecret", {"name": "surroundings"}),
    ],
)
def test_a_look_up_calls_what_the_table_says(
    function: str, arguments: Props, aws: RecordingAws, here: Surroundings
) -> None:
    """A function makes exactly the calls of the real provider's data source."""
    _ = here.groups, here.cluster, here.namespace, here.secret
    aws.calls.clear()

    result = INVOKES[function](aws, arguments)

    assert result["id"]
    assert set(aws.calls) == set(INVOKE_ACTIONS[function])

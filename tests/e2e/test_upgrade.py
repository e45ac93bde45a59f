"""Upgrades from the states that older versions made: nothing that holds something is replaced.

The old graph is made again from the kept state, so that all of its objects exist; then the kept
state itself is imported with their ids, and today's programs go on from it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

import pytest

from byoc_infra.engine import StackRef
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment
from byoc_infra.flows.results import Item
from byoc_infra.flows.work import Reached
from byoc_infra.local.cloud import LocalCloud
from byoc_infra.naming import AccountNames
from tests.e2e.stage import Stage
from tests.support import states
from tests.support.expected import compare
from tests.support.replay import Replay

pytestmark = pytest.mark.e2e

OLD = "0.1.0"
HOLDS_SOMETHING = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:lb/targetGroup:TargetGroup",
    "aws:rds/instance:Instance",
    "aws:rds/parameterGroup:ParameterGroup",
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:secretsmanager/secret:Secret",
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
    "aws:servicediscovery/service:Service",
)
"""Types whose objects hold data, addresses or running tasks: they are changed in place or not."""
IN_PLACE = ("create", "update", "same")


@dataclass
class Old:
    """A local cloud in which an older version was at work."""

    stage: Stage
    values: dict[str, str] = field(default_factory=dict)
    """By placeholder of the kept states."""

    def make(self, stack: StackRef, kept: str, **given: Any) -> None:
        """What the kept state says, as objects and as the stack's state."""
        template = states.kept(OLD, kept)
        replay = Replay(resources=template["resources"], values=dict(self.values), **given)
        engine = self.stage.engine
        old = replace(stack, program=replay)
        engine.up(old, deadline_s=300).raise_for_failure()
        state = dict(engine.export(old).raise_for_failure().state or {})
        self.values = states.of_account(template, state, self.values)
        state["deployment"]["resources"] = states.filled(template["resources"], self.values)
        imported = engine._run("import", stack, None, 60.0)(state=state)
        assert imported is not None
        assert imported.ok, imported.said

    def held(self, reached: Reached) -> Mapping[str, object]:
        """What must be the same object afterwards, by asking AWS."""
        (instance,) = reached.session.each("rds", "describe_db_instances", "DBInstances")
        vpcs = reached.session.each("ec2", "describe_vpcs", "Vpcs")
        secrets = reached.session.each("secretsmanager", "list_secrets", "SecretList")
        return {
            "database": instance["DbiResourceId"],
            "vpcs": sorted(one["VpcId"] for one in vpcs),
            "secrets": sorted(one["ARN"] for one in secrets),
        }


@pytest.fixture(scope="module")
def old(stage: Stage) -> Iterator[Old]:
    """A local cloud of its own: the first installation was recorded, which stories have too."""
    cloud = LocalCloud.start(f"upgrade-{os.getpid()}")
    try:
        own = Stage(cloud=cloud, engine=stage.engine)
        version = metadata.version("pulumi-aws")
        known = {
            "aws": version,
            "aws_": version.replace(".", "_"),
            "external_id": own.external_id,
            "redis_image": cloud.redis_image.partition("@")[2],
            "image": own.push("v1").partition("@")[2],
        }
        yield Old(own, known)
    finally:
        cloud.stop()


def test_an_old_account_is_upgraded_in_place(old: Old, request: pytest.FixtureRequest) -> None:
    """Resource by resource as expected, and as the preview says."""
    stage = old.stage
    spec = stage.account()
    with stage.work("customer").reach(spec, None) as reached:
        old.make(accounts._stack(spec, reached), "account")
    preview = accounts.preview(spec, stage.work("customer"))
    up = accounts.up(spec, stage.work("customer"))

    compare(f"upgrades/{OLD}-account", _changes(preview.changes), request)
    assert _changes(up.changes) == _changes(preview.changes)
    assert _lost(up.changes) == []


def test_an_old_deployment_is_upgraded_in_place(old: Old, request: pytest.FixtureRequest) -> None:
    """It runs on with its database and its secrets, and is healthy afterwards."""
    stage = old.stage
    image = f"{stage.cloud.customer.id}.dkr.ecr.{stage.cloud.region}.amazonaws.com/agents"
    spec = stage.deployment(
        "chat",
        f"{image}@{old.values['image']}",
        secrets={"APP_SECRET": None},
        environment={"LOG_LEVEL": "info"},
    )
    host = f"{deployment.names_of(spec).discovery}.{AccountNames().namespace}"
    with stage.work("customer").reach(spec, None) as reached:
        old.make(
            deployment._stack(spec, reached),
            "deployment",
            secret_values={"APP_SECRET": "of the old version"},
            cache_host=host,
        )
        before = old.held(reached)
    preview = deployment.preview(spec, stage.access(), stage.work("vendor"))
    up = deployment.up(spec, stage.access(), stage.work("vendor"))
    with stage.work("customer").reach(spec, None) as reached:
        after = old.held(reached)

    compare(f"upgrades/{OLD}-deployment", _changes(preview.changes), request)
    assert _changes(up.changes) == _changes(preview.changes)
    assert _lost(up.changes) == []
    assert before == after


def _lost(changes: Iterable[Item]) -> list[Item]:
    return [one for one in changes if one.type in HOLDS_SOMETHING and one.op not in IN_PLACE]


def _changes(changes: Iterable[Item]) -> dict[str, list[str]]:
    """By operation: type, name and what differs."""
    found: dict[str, list[str]] = {}
    for one in changes:
        differs = f" ({', '.join(sorted(one.diff_keys))})" if one.diff_keys else ""
        found.setdefault(one.op, []).append(f"{one.type} {one.name}{differs}")
    return {op: sorted(lines) for op, lines in found.items()}

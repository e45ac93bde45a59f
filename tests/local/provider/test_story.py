"""One stack's whole life through the real engine, with the plugin spawned as the real one is."""

import dataclasses
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pulumi import automation as auto

from byoc_infra.engine import Toolchain
from byoc_infra.local.provider import install, nursery_of
from tests.local.provider.story import Story

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A moto on a port, and a PULUMI_HOME with the plugin in it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    home = tmp_path / "home"
    install(home)
    nursery = nursery_of(tmp_path)
    cli = Toolchain.obtain().path.parent
    monkeypatch.setenv("PATH", f"{cli}:{os.environ['PATH']}")
    # each run would ask the CLI twice for outputs that nobody looks at
    monkeypatch.setattr(auto.Stack, "outputs", lambda _: {})
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "PULUMI_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    nursery.terminate()
    nursery.wait()
    server.stop()


def new_stack(story: Story, env: dict[str, str]) -> auto.Stack:
    """A stack with this program; its work directory is the test's, which goes away."""
    work_dir = Path(env["PULUMI_HOME"]) / "work"
    work_dir.mkdir()
    return auto.create_stack(
        stack_name="one",
        project_name="story",
        program=story,
        opts=auto.LocalWorkspaceOptions(work_dir=str(work_dir), env_vars=env),
    )


def changed(summary: Mapping[Any, int] | None) -> dict[str, int]:
    """The changes of an operation, without what stayed the same."""
    return {str(kind): count for kind, count in (summary or {}).items() if kind != "same"}


def test_the_whole_life_of_a_stack(env: dict[str, str]) -> None:
    """Create, nothing, refresh, update as previewed, import of what was lost, destroy."""
    first = Story()
    stack = new_stack(first, env)
    planned = changed(stack.preview().change_summary)
    made = stack.up()
    assert changed(made.summary.resource_changes) == planned == {"create": 42}
    assert changed(stack.up().summary.resource_changes) == {}
    assert changed(stack.refresh().summary.resource_changes) == {}

    second = dataclasses.replace(
        first,
        image="two@sha256:2",
        owner="second",
        idle_s=120,
        instance_class="db.t4g.small",
        protected=False,
    )
    planned = changed(stack.preview(program=second).change_summary)
    assert changed(stack.up(program=second).summary.resource_changes) == planned
    assert planned == {"update": 12, "replace": 1}
    assert changed(stack.up(program=second).summary.resource_changes) == {}

    _forget_and_import(second, stack)
    assert changed(stack.up(program=second).summary.resource_changes) == {}

    removed = stack.destroy()
    assert changed(removed.summary.resource_changes) == {"delete": 42}
    assert _left(env) == {"vpcs": 1, "databases": 0, "snapshots": 1, "task definitions": 2}


def _forget_and_import(story: Story, stack: auto.Stack) -> None:
    """Drop three resources from the state, as after a kill, and import them by their ids.

    The engine tells every input that differs from the program's by an update.
    """
    state = stack.export_stack()
    deployment: Any = state.deployment
    resources = deployment["resources"]
    lost = [each for each in resources if each["type"] in LOST]
    gone = {each["urn"] for each in lost}
    deployment["resources"] = [
        _without(each, gone) for each in resources if each["urn"] not in gone
    ]
    stack.import_stack(state)
    ids = {each["type"]: each["outputs"][LOST[each["type"]]] for each in lost}
    taken_in = stack.up(program=dataclasses.replace(story, imports=ids))
    snapshot_settings = 1  # AWS does not know them: an import skips the snapshot, as upstream
    assert changed(taken_in.summary.resource_changes) == {"import": 3, "update": snapshot_settings}


LOST = {
    "aws:rds/instance:Instance": "identifier",
    "aws:lb/listener:Listener": "arn",
    "aws:cloudwatch/logGroup:LogGroup": "name",
}
"""Type token → the output that is the import id."""


def _without(resource: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """The resource without its dependencies on what is gone."""
    by_property = resource.get("propertyDependencies") or {}
    return {
        **resource,
        "dependencies": [d for d in resource.get("dependencies", []) if d not in gone],
        "propertyDependencies": {
            name: [d for d in urns or [] if d not in gone] for name, urns in by_property.items()
        },
    }


def _left(env: dict[str, str]) -> dict[str, int]:
    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # any service
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )

    rds, ec2, ecs = client("rds"), client("ec2"), client("ecs")
    return {
        "vpcs": len(ec2.describe_vpcs()["Vpcs"]),
        "databases": len(rds.describe_db_instances()["DBInstances"]),
        "snapshots": len(rds.describe_db_snapshots()["DBSnapshots"]),
        "task definitions": len(ecs.list_task_definitions()["taskDefinitionArns"]),
    }

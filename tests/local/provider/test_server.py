"""The provider over its own protocol, as the engine speaks to it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # no types shipped
from pulumi.runtime.proto import provider_pb2, status_pb2
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from byoc_infra.local.provider import install, plugin_version
from byoc_infra.local.provider.properties import UNKNOWN, Props, decode, encode
from byoc_infra.local.provider.server import Provider, serve
from byoc_infra.local.provider.services.ec2_vpc import InternetGateway
from tests.local.provider.conftest import REGION, RecordingAws

VPC = "aws:ec2/vpc:Vpc"


def urn(token: str, name: str = "thing") -> str:
    """The name that the engine gives a resource."""
    return f"urn:pulumi:stack::project::parent:x:Y${token}::{name}"


class Engine:
    """What the engine does, in few words."""

    def __init__(self, port: int, provider: Provider) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub: Any = ResourceProviderStub(self.channel)
        self.provider = provider

    def check(self, token: str, inputs: Props) -> Any:
        """Check of a new resource."""
        return self.stub.Check(
            provider_pb2.CheckRequest(urn=urn(token), news=encode(inputs), randomSeed=b"x")
        )

    def create(self, token: str, inputs: Props, *, preview: bool = False) -> Any:
        """Create of what was checked."""
        given = self.check(token, inputs).inputs
        return self.stub.Create(
            provider_pb2.CreateRequest(urn=urn(token), properties=given, preview=preview)
        )

    def read(self, token: str, resource_id: str) -> Any:
        """Read without state: an import."""
        return self.stub.Read(provider_pb2.ReadRequest(urn=urn(token), id=resource_id))


@pytest.fixture
def engine(aws: RecordingAws) -> Iterator[Engine]:
    """A configured provider on a port of its own."""
    ports: list[int] = []
    server, provider = serve(plugin_version(), ports.append)
    engine = Engine(ports[0], provider)
    engine.stub.Configure(provider_pb2.ConfigureRequest(variables={"aws:config:region": REGION}))
    yield engine
    engine.channel.close()
    server.stop(None).wait()


def test_refusals_are_answered_per_property(engine: Engine) -> None:
    """The engine shows each with the resource's name."""
    answer = engine.check(VPC, {"cidrBlok": "10.0.0.0/16"})

    assert [failure.property for failure in answer.failures] == ["cidrBlok"]


def test_a_preview_calls_nothing_and_leaves_outputs_unknown(
    engine: Engine, aws: RecordingAws
) -> None:
    """What the program gave is known, what only AWS knows is not."""
    engine.provider._aws = aws
    aws.calls.clear()

    answer = engine.create(VPC, {"cidrBlock": "10.0.0.0/16"}, preview=True)

    outputs = decode(answer.properties)
    assert outputs["cidrBlock"] == "10.0.0.0/16"
    assert outputs["arn"] is UNKNOWN
    assert outputs["enableDnsHostnames"] is UNKNOWN
    assert aws.calls == []


def test_a_created_object_can_be_read_changed_and_deleted(engine: Engine) -> None:
    """Diff says what Update then does; after Delete, Read finds nothing."""
    made = engine.create(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "1"}})
    news = engine.check(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "2"}}).inputs

    diff = engine.stub.Diff(
        provider_pb2.DiffRequest(id=made.id, urn=urn(VPC), olds=made.properties, news=news)
    )
    updated = engine.stub.Update(
        provider_pb2.UpdateRequest(id=made.id, urn=urn(VPC), olds=made.properties, news=news)
    )
    engine.stub.Delete(
        provider_pb2.DeleteRequest(id=made.id, urn=urn(VPC), properties=updated.properties)
    )

    assert sorted(diff.detailedDiff) == ["tags.a", "tagsAll.a"]
    assert list(diff.replaces) == []
    assert decode(updated.properties)["tags"] == {"a": "2"}
    assert engine.read(VPC, made.id).id == ""


def test_an_import_answers_inputs_that_change_nothing(engine: Engine) -> None:
    """Read without state gives state and inputs; a Diff of the two is empty."""
    made = engine.create(VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True})

    answer = engine.read(VPC, made.id)

    inputs = decode(answer.inputs)
    assert inputs["cidrBlock"] == "10.0.0.0/16"
    assert inputs["enableDnsHostnames"] is True
    assert "arn" not in inputs
    diff = engine.stub.Diff(
        provider_pb2.DiffRequest(
            id=answer.id, urn=urn(VPC), olds=answer.properties, news=answer.inputs
        )
    )
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_create_that_fails_half_way_is_in_the_state(engine: Engine) -> None:
    """The id is known, so the engine is told, with the reason (rule 8)."""
    with pytest.raises(grpc.RpcError) as refused:
        engine.create(InternetGateway.type_name, {"vpcId": "vpc-absent"})

    failure: Any = refused.value
    metadata = dict(failure.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id.startswith("igw-")
    assert "AttachInternetGateway" in detail.reasons[0]
    assert decode(detail.inputs)["vpcId"] == "vpc-absent"


def test_a_create_that_fails_at_once_is_not_in_the_state(engine: Engine) -> None:
    """The message has resource, service, operation, code and AWS's own words."""
    with pytest.raises(grpc.RpcError) as refused:
        engine.create("aws:ec2/subnet:Subnet", {"vpcId": "vpc-no", "cidrBlock": "10.0.0.0/24"})

    failure: Any = refused.value
    assert "grpc-status-details-bin" not in dict(failure.trailing_metadata())
    words = failure.details()
    assert words.startswith("creating EC2 Subnet: operation error EC2: CreateSubnet, ")
    assert "StatusCode: 400" in words
    assert "InvalidVpcID.NotFound: " in words


def test_a_type_that_is_not_served_is_named(engine: Engine) -> None:
    """With the list of those that are."""
    with pytest.raises(grpc.RpcError) as refused:
        engine.check("aws:s3/bucket:Bucket", {})

    assert "does not serve aws:s3/bucket:Bucket" in str(refused.value.details())


def test_cancel_stops_a_wait(engine: Engine) -> None:
    """A wait that would last ten minutes ends at once, with words."""
    engine.stub.Cancel(empty_pb2.Empty())

    with pytest.raises(Exception, match="waiting for x: cancelled"):
        engine.provider.aws.wait("x", lambda: None)


def test_install_writes_an_executable_of_the_right_version(tmp_path: Path) -> None:
    """The engine looks for `resource-aws-v<version>/pulumi-resource-aws`."""
    script = install(tmp_path)

    where = tmp_path / "plugins" / f"resource-aws-v{plugin_version()}"
    assert script == where / "pulumi-resource-aws"
    assert os.access(script, os.X_OK)
    assert install(tmp_path) == script


def test_a_dead_endpoint_is_named_and_the_plugin_stays_small(tmp_path: Path) -> None:
    """The real process: its port on stdout, a refusal in words, under 150 MB, gone on SIGTERM."""
    env = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": REGION,
    }
    command = [str(install(tmp_path)), "127.0.0.1:1"]
    started = time.monotonic()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        seconds = time.monotonic() - started
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = ResourceProviderStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                stub.Configure(provider_pb2.ConfigureRequest())
        size_mb = psutil.Process(process.pid).memory_info().rss / 2**20
        process.terminate()
        assert process.wait(timeout=20) == 0

    words = str(refused.value.details())
    assert "http://127.0.0.1:9" in words
    assert "connection refused" in words
    assert size_mb < 150
    assert seconds < 20, "a start takes about a second on an idle machine"


def test_the_plugin_ends_with_its_engine(tmp_path: Path) -> None:
    """An engine that is killed cannot say goodbye; its plugin sees that it has a new parent."""
    shell = '"$0" 127.0.0.1:1 & echo $!; wait'
    command = ["sh", "-c", shell, str(install(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        lines = [int(parent.stdout.readline()) for _ in range(2)]
        plugin = psutil.Process(lines[0])
        assert plugin.is_running()

        parent.kill()

        assert plugin.wait(timeout=30) in (0, None)


def test_this_interpreter_runs_the_plugin(tmp_path: Path) -> None:
    """The script names the interpreter that has the packages."""
    assert sys.executable in install(tmp_path).read_text()

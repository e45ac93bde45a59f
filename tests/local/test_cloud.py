"""The life of a whole local cloud: start, death, start again, and nothing left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from byoc_infra.errors import AddressTaken, LocalCloudDown
from byoc_infra.local import processes
from byoc_infra.local.cloud import LocalCloud

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
SQUAT = """
import socket, time
taken = socket.socket()
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
taken.bind(("127.{network}.0.1", 4566))
taken.listen()
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def name() -> Iterator[str]:
    """A name of our own; nothing of it is left."""
    chosen = f"test-{os.getpid()}"
    yield chosen
    LocalCloud.remove(chosen)


@pytest.fixture
def cloud(name: str) -> LocalCloud:
    """A running local cloud."""
    return LocalCloud.start(name)


def client(cloud: LocalCloud, service: Any, who: Any = "customer") -> Any:
    """A boto3 client with one account's variables."""
    env = cloud.env(who)
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def emulator(cloud: LocalCloud) -> psutil.Process:
    """Its one process."""
    (found,) = [
        one
        for one in processes.owned(cloud.directory)
        if "byoc_infra.local.emulator" in one.cmdline()
    ]
    return found


def listening(cloud: LocalCloud) -> list[str]:
    """Addresses of this cloud's network that anybody listens on."""
    network = cloud.endpoint.removeprefix("http://").rsplit(".", 2)[0] + "."
    found = [
        ":".join(str(part) for part in one.laddr)
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    ]
    return [address for address in found if address.startswith(network)]


def test_both_accounts_are_there(cloud: LocalCloud) -> None:
    """Each key leads to its own."""
    customer = client(cloud, "sts").get_caller_identity()
    vendor = client(cloud, "sts", "vendor").get_caller_identity()

    assert customer["Arn"] == cloud.customer.principal_arn == "arn:aws:iam::222222222222:user/admin"
    assert vendor["Arn"] == cloud.vendor.principal_arn


def test_the_redis_image_is_there_from_the_start(cloud: LocalCloud) -> None:
    """By digest, in the customer's repository."""
    digest = cloud.redis_image.rpartition("@")[2]

    found = client(cloud, "ecr").describe_images(
        repositoryName="byoc/redis", imageIds=[{"imageDigest": digest}]
    )
    assert found["imageDetails"][0]["imageDigest"] == digest


def test_starting_again_finds_the_running_one(cloud: LocalCloud, name: str) -> None:
    """The same process, for who starts and who attaches."""
    before = emulator(cloud).pid

    assert emulator(LocalCloud.start(name)).pid == before
    assert LocalCloud.attach(name).endpoint == cloud.endpoint


def test_it_outlives_who_started_it(cloud: LocalCloud) -> None:
    """It has a session of its own and no terminal."""
    found = emulator(cloud)

    assert os.getsid(found.pid) != os.getsid(0)
    assert found.ppid() != os.getpid()
    assert found.terminal() is None


def test_only_pulumi_finds_the_plugin(cloud: LocalCloud) -> None:
    """In the local cloud's own PULUMI_HOME, never in the user's."""
    home = Path(cloud.env("vendor")["PULUMI_HOME"])

    assert list(home.glob("plugins/resource-aws-v*/pulumi-resource-aws"))
    assert home.is_relative_to(cloud.directory)


def test_a_killed_emulator_knows_everything_when_it_is_started_again(
    cloud: LocalCloud, name: str
) -> None:
    """Accounts, objects and open sessions; nobody answers in between."""
    client(cloud, "secretsmanager").create_secret(Name="survivor", SecretString="value")
    with pytest.raises(LocalCloudDown):
        cloud.control("crash")
    with pytest.raises(LocalCloudDown):
        LocalCloud.attach(name)

    again = LocalCloud.start(name)

    assert again.endpoint == cloud.endpoint
    held = client(again, "secretsmanager").get_secret_value(SecretId="survivor")
    assert held["SecretString"] == "value"


def test_the_clock_can_be_moved(cloud: LocalCloud) -> None:
    """So that a test need not wait for a session to expire."""
    moved = cloud.control("advance-clock", seconds=3600)["now"]

    assert moved > time.time() + 3500
    cloud.control("advance-clock", seconds=-3600)


def test_two_clouds_run_side_by_side(cloud: LocalCloud, name: str) -> None:
    """With addresses of their own; ending one leaves the other."""
    other = LocalCloud.start(f"{name}-b")
    try:
        assert other.endpoint != cloud.endpoint
        assert client(other, "sts").get_caller_identity()["Account"] == cloud.customer.id
    finally:
        other.stop()
    assert client(cloud, "sts").get_caller_identity()["Account"] == cloud.customer.id


def test_an_address_that_somebody_else_took_is_told(cloud: LocalCloud, name: str) -> None:
    """While the emulator was dead; its network stays the one that it had."""
    network = int(cloud.endpoint.split(".")[1])
    dead = emulator(cloud)
    dead.send_signal(signal.SIGKILL)
    dead.wait()
    squatter = subprocess.Popen(
        [
            sys.executable,
            "-c",
            SQUAT.format(network=network),
        ],
        stdout=subprocess.PIPE,
    )
    assert squatter.stdout is not None
    with squatter, squatter.stdout:
        squatter.stdout.readline()
        try:
            with pytest.raises(AddressTaken, match="something else listens"):
                LocalCloud.start(name)
        finally:
            squatter.kill()


def test_nothing_is_left(name: str) -> None:
    """Not even after its main process was killed with a database running."""
    cloud = LocalCloud.start(name)
    rds = client(cloud, "rds")
    rds.create_db_instance(
        DBInstanceIdentifier="left",
        Engine="postgres",
        EngineVersion="16",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="langgraph",
        ManageMasterUserPassword=True,
    )
    rds.get_waiter("db_instance_available").wait(
        DBInstanceIdentifier="left", WaiterConfig={"Delay": 1}
    )
    assert any(address.endswith(":5432") for address in listening(cloud))
    emulator(cloud).send_signal(signal.SIGKILL)
    assert [one for one in processes.owned(cloud.directory) if one.name() == "postgres"]

    assert LocalCloud.remove(name) > 0

    assert processes.owned(cloud.directory) == []
    assert listening(cloud) == []
    assert not cloud.directory.exists()
    assert LocalCloud.remove(name) == 0

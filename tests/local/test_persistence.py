"""What is on disk when a call is answered."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict

from byoc_infra.local.persistence import Part, Persistence, backend_of
from byoc_infra.local.world import CUSTOMER_ACCOUNT
from tests.local.in_process import REGION, Stack, running

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

MAY_NOTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Stack]:
    """The chain, in process."""
    with running(tmp_path) as stack:
        yield stack


def killed_and_started_again(cloud: Stack, *parts: Part) -> Persistence:
    """Forget everything in memory, as a SIGKILL does, and read what is on disk."""
    BackendDict.reset()
    fresh = Persistence(cloud.world.directory / "state", cloud.world.lock)
    for part in parts:
        fresh.add(part)
    fresh.load()
    return fresh


def backend(service: str) -> Any:
    """The customer's live objects of a service."""
    return backend_of(service, CUSTOMER_ACCOUNT, REGION)


def test_a_change_is_on_disk_when_it_is_answered(cloud: Stack) -> None:
    """And a later one replaces it."""
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="kept", SecretString="one")
    secrets.put_secret_value(SecretId="kept", SecretString="two")

    killed_and_started_again(cloud)

    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "two"


def test_references_between_services_are_the_same_objects_again(cloud: Stack) -> None:
    """An instance's secret is Secrets Manager's, its subnets are EC2's."""
    ec2, rds = cloud.client("ec2"), cloud.client("rds")
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    rds.create_db_subnet_group(
        DBSubnetGroupName="g", DBSubnetGroupDescription="g", SubnetIds=subnets
    )
    rds.create_db_instance(
        DBInstanceIdentifier="one",
        Engine="postgres",
        EngineVersion="16",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="langgraph",
        ManageMasterUserPassword=True,
        DBSubnetGroupName="g",
    )

    killed_and_started_again(cloud)

    instance = backend("rds").databases["one"]
    managed = instance.master_user_secret
    assert managed.secret is backend("secretsmanager").secrets[managed.secret_arn]
    assert instance.backend is backend("rds")
    assert instance.db_subnet_group is backend("rds").subnet_groups["g"]
    held = instance.db_subnet_group._subnets[0]
    assert held is backend("ec2").get_subnet(held.id)


def test_keys_decrypt_what_they_encrypted(cloud: Stack) -> None:
    """Key material is kept; it does not pickle by itself."""
    kms = cloud.client("kms")
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=symmetric, Plaintext=b"hello")["CiphertextBlob"]

    killed_and_started_again(cloud)

    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"hello"
    assert key in backend("kms").keys


def test_repositories_come_back_with_a_lock_of_their_own(cloud: Stack) -> None:
    """A lock does not pickle."""
    cloud.client("ecr").create_repository(repositoryName="byoc/app")

    killed_and_started_again(cloud)

    assert "byoc/app" in backend("ecr").repositories
    cloud.client("ecr").create_repository(repositoryName="byoc/other")


def test_aws_own_policies_are_not_written(cloud: Stack, tmp_path: Path) -> None:
    """They are moto's anew; who they are attached to is ours."""
    iam = cloud.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    made = iam.create_policy(PolicyName="p", PolicyDocument=MAY_NOTHING)
    iam.attach_role_policy(RoleName="r", PolicyArn=made["Policy"]["Arn"])

    killed_and_started_again(cloud)

    attached = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["p"]
    files = list((tmp_path / "state").glob("iam.*.pickle"))
    assert max(one.stat().st_size for one in files) < 50_000


def test_reading_writes_nothing(cloud: Stack, tmp_path: Path) -> None:
    """Neither does a change that changes nothing."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    tag = {"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]}
    ec2.create_tags(**tag)
    before = (tmp_path / "state" / "manifest.json").stat().st_mtime_ns

    ec2.describe_vpcs()
    ec2.create_tags(**tag)

    assert (tmp_path / "state" / "manifest.json").stat().st_mtime_ns == before


def test_parts_of_our_own_are_kept_as_well(cloud: Stack) -> None:
    """Together with moto's."""
    held = {"a": 1}
    found: dict[str, int] = {}
    cloud.persistence.add(Part("own", lambda: held, found.update))
    cloud.client("logs").create_log_group(logGroupName="x")

    killed_and_started_again(cloud, Part("own", dict, found.update))

    assert found == {"a": 1}
    assert "x" in backend("logs").groups


def test_a_half_written_change_is_not_taken_up(cloud: Stack, tmp_path: Path) -> None:
    """The manifest says what counts; what it does not name is removed."""
    cloud.client("logs").create_log_group(logGroupName="whole")
    half = tmp_path / "state" / f"logs.{CUSTOMER_ACCOUNT}.{REGION}.999.pickle"
    half.write_bytes(b"half")

    killed_and_started_again(cloud)

    assert list(backend("logs").groups) == ["whole"]
    assert not half.exists()

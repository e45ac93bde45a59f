"""What RDS refuses, and that Secrets Manager keeps a deleted secret's name for a while."""

from typing import Any

import pytest

from byoc_infra.local.persistence import backend_of
from byoc_infra.local.world import CUSTOMER_ACCOUNT
from tests.local.in_process import REGION, Stack
from tests.local.rules.conftest import Network, Refused


@pytest.fixture
def rds(cloud: Stack) -> Any:
    """RDS, as the customer."""
    return cloud.client("rds")


@pytest.fixture(scope="module")
def subnet_group(cloud: Stack, network: Network) -> str:
    """A subnet group over both zones."""
    cloud.client("rds").create_db_subnet_group(
        DBSubnetGroupName="both",
        DBSubnetGroupDescription="both",
        SubnetIds=[network.first, network.second],
    )
    return "both"


def instance(rds: Any, name: str, **more: Any) -> None:
    """An instance; no server is behind it here."""
    wanted: dict[str, Any] = {
        "Engine": "postgres",
        "EngineVersion": "16",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": 20,
        "MasterUsername": "langgraph",
        "ManageMasterUserPassword": True,
        **more,
    }
    rds.create_db_instance(DBInstanceIdentifier=name, **wanted)


def test_a_subnet_group_wants_two_zones(rds: Any, network: Network, refused: Refused) -> None:
    """Also when it is changed; and moto's change does not delete it any more."""
    one_zone = [network.first, network.beside_first]
    named = {"DBSubnetGroupName": "zones", "DBSubnetGroupDescription": "d"}

    code = refused(rds.create_db_subnet_group, SubnetIds=one_zone, **named)
    assert code == "DBSubnetGroupDoesNotCoverEnoughAZs"
    rds.create_db_subnet_group(SubnetIds=[network.first, network.second], **named)
    code = refused(rds.modify_db_subnet_group, DBSubnetGroupName="zones", SubnetIds=one_zone)
    assert code == "DBSubnetGroupDoesNotCoverEnoughAZs"
    rds.modify_db_subnet_group(
        DBSubnetGroupName="zones", SubnetIds=[network.second, network.beside_first]
    )
    found = rds.describe_db_subnet_groups(DBSubnetGroupName="zones")["DBSubnetGroups"][0]
    assert {one["SubnetIdentifier"] for one in found["Subnets"]} == {
        network.second,
        network.beside_first,
    }


def test_a_subnet_groups_name_is_taken_once(
    rds: Any, network: Network, subnet_group: str, refused: Refused
) -> None:
    """Moto would overwrite it."""
    code = refused(
        rds.create_db_subnet_group,
        DBSubnetGroupName=subnet_group,
        DBSubnetGroupDescription="again",
        SubnetIds=[network.first, network.second],
    )

    assert code == "DBSubnetGroupAlreadyExists"


def test_what_an_instance_uses_stays(
    cloud: Stack, rds: Any, network: Network, subnet_group: str, refused: Refused
) -> None:
    """Subnet group, parameter group, security group and subnets."""
    ec2 = cloud.client("ec2")
    worn = ec2.create_security_group(GroupName="db", Description="db", VpcId=network.vpc)["GroupId"]
    rds.create_db_parameter_group(
        DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="own"
    )
    instance(
        rds,
        "user",
        DBSubnetGroupName=subnet_group,
        VpcSecurityGroupIds=[worn],
        DBParameterGroupName="own",
    )

    code = refused(rds.delete_db_subnet_group, DBSubnetGroupName=subnet_group)
    assert code == "InvalidDBSubnetGroupStateFault"
    code = refused(rds.delete_db_parameter_group, DBParameterGroupName="own")
    assert code == "InvalidDBParameterGroupState"
    assert refused(ec2.delete_security_group, GroupId=worn) == "DependencyViolation"
    assert refused(ec2.delete_subnet, SubnetId=network.second) == "DependencyViolation"


def test_the_last_snapshot_is_never_forgotten(rds: Any, refused: Refused) -> None:
    """A name is needed, or to say that there shall be none; both at once is a mistake."""
    instance(rds, "forgetful")
    delete = {"DBInstanceIdentifier": "forgetful"}

    assert refused(rds.delete_db_instance, **delete) == "InvalidParameterCombination"
    both = {"FinalDBSnapshotIdentifier": "last", "SkipFinalSnapshot": True}
    assert refused(rds.delete_db_instance, **delete, **both) == "InvalidParameterCombination"


def test_a_snapshots_name_is_taken_once(rds: Any, refused: Refused) -> None:
    """The instance stays when its last snapshot cannot be made."""
    instance(rds, "first")
    rds.delete_db_instance(DBInstanceIdentifier="first", FinalDBSnapshotIdentifier="taken")
    instance(rds, "again")

    code = refused(
        rds.delete_db_instance, DBInstanceIdentifier="again", FinalDBSnapshotIdentifier="taken"
    )
    assert code == "DBSnapshotAlreadyExists"
    assert rds.describe_db_instances(DBInstanceIdentifier="again")["DBInstances"]


def test_a_protected_instance_stays(rds: Any, refused: Refused) -> None:
    """Whatever is said of snapshots."""
    instance(rds, "protected", DeletionProtection=True)

    code = refused(rds.delete_db_instance, DBInstanceIdentifier="protected", SkipFinalSnapshot=True)
    assert code == "InvalidParameterCombination"


@pytest.mark.parametrize("name", ["1a", "a--b", "a-", "x" * 64])
def test_a_name_that_rds_does_not_take_is_refused(rds: Any, refused: Refused, name: str) -> None:
    """63 letters, digits and single hyphens, a letter first."""
    assert refused(lambda: instance(rds, name)) == "InvalidParameterValue"


def test_an_unknown_subnet_group_is_refused(rds: Any, refused: Refused) -> None:
    """By the code that the provider waits for."""
    code = refused(lambda: instance(rds, "nowhere", DBSubnetGroupName="none"))

    assert code == "DBSubnetGroupNotFoundFault"


def test_a_password_has_one_source(rds: Any, refused: Refused) -> None:
    """AWS's or the caller's."""
    code = refused(lambda: instance(rds, "both", MasterUserPassword="given-by-hand"))

    assert code == "InvalidParameterCombination"


def test_the_managed_secret_is_ours_to_read_and_nobodys_to_guess(cloud: Stack, rds: Any) -> None:
    """The user that was asked for, odd characters, the instance's tags, a schedule."""
    instance(rds, "managed", Tags=[{"Key": "langgraph-cloud", "Value": "default"}])
    found = rds.describe_db_instances(DBInstanceIdentifier="managed")["DBInstances"][0]
    arn = found["MasterUserSecret"]["SecretArn"]
    held = backend_of("secretsmanager", CUSTOMER_ACCOUNT, REGION).secrets[arn]
    described = cloud.client("secretsmanager").describe_secret(SecretId=arn)

    assert '"username": "langgraph"' in held.secret_string
    assert "P@55w0rd!" not in held.secret_string
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    assert tags["langgraph-cloud"] == "default"
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert "RotationLambdaARN" not in described


def test_an_instance_has_no_endpoint_before_it_can_be_reached(rds: Any) -> None:
    """As AWS leaves it out while it creates one."""
    instance(rds, "new")
    found = rds.describe_db_instances(DBInstanceIdentifier="new")["DBInstances"][0]

    assert found["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in found


def test_a_secrets_name_is_taken_through_its_recovery_window(
    cloud: Stack, refused: Refused
) -> None:
    """Only a deletion without recovery frees it at once."""
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name="kept", SecretString="x")
    secrets.delete_secret(SecretId="kept", RecoveryWindowInDays=7)

    code = refused(secrets.create_secret, Name="kept", SecretString="y")
    assert code == "InvalidRequestException"
    secrets.delete_secret(SecretId="kept", ForceDeleteWithoutRecovery=True)
    secrets.create_secret(Name="kept", SecretString="y")

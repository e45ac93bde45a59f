"""Every kind of policy, through the gate: where it is kept, and what a refusal says."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from byoc_infra.components._policies import secret_policy
from byoc_infra.local.wire import AwsError
from tests.local.authorizer.harness import CUSTOMER, VENDOR, Cloud, allow, deny, policy

ECS_TRUST = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
}
READ = "secretsmanager:GetSecretValue"


def by(*names: str) -> dict[str, Any]:
    """A trust in users of the customer."""
    arns = [f"arn:aws:iam::{CUSTOMER}:user/{name}" for name in names]
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": arns}}


def managed(cloud: Cloud, name: str, *statements: dict[str, Any]) -> str:
    """A managed policy of the customer; its ARN."""
    iam = cloud.client("iam", "admin")
    made = iam.create_policy(PolicyName=name, PolicyDocument=policy(*statements))
    return str(made["Policy"]["Arn"])


def session(cloud: Cloud, role: str, **more: Any) -> dict[str, str]:
    """Credentials of a session that the customer's administrator opens."""
    answer = cloud.client("sts", "admin").assume_role(RoleArn=role, RoleSessionName="run", **more)
    given = answer["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


def refusal(call: Any, **params: Any) -> str:
    """The words in which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**params)
    return str(refused.value.response["Error"]["Message"])


def test_a_roles_boundary_cuts_what_its_policies_allow(cloud: Cloud) -> None:
    """Given when the role is made, put on later, and taken off."""
    iam = cloud.client("iam", "admin")
    only_lists = managed(cloud, "only-lists", allow("ecs:List*"))
    no_lists = managed(cloud, "no-lists", allow("*"), deny("ecs:List*"))
    trust = policy(by("admin"))
    iam.create_role(
        RoleName="Bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=only_lists
    )
    iam.put_role_policy(RoleName="Bounded", PolicyName="own", PolicyDocument=policy(allow("*")))
    role = f"arn:aws:iam::{CUSTOMER}:role/Bounded"
    ecs = cloud.client("ecs", "", **session(cloud, role))

    ecs.list_clusters()
    words = refusal(ecs.create_cluster, clusterName="c")
    assert "because no permissions boundary allows the ecs:CreateCluster action" in words
    iam.put_role_permissions_boundary(RoleName="Bounded", PermissionsBoundary=no_lists)
    assert "with an explicit deny in a permissions boundary" in refusal(ecs.list_clusters)
    iam.delete_role_permissions_boundary(RoleName="Bounded")
    ecs.list_clusters()


def test_a_users_boundary_cuts_too(cloud: Cloud) -> None:
    """It comes with CreateUser, and its own two operations change it."""
    iam = cloud.client("iam", "admin")
    only_lists = managed(cloud, "only-lists", allow("ecs:List*"))
    iam.create_user(UserName="ann", PermissionsBoundary=only_lists)
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow("*")))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ecs = cloud.client(
        "ecs",
        "",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    ecs.list_clusters()
    assert "no permissions boundary allows" in refusal(ecs.describe_clusters, clusters=["c"])
    iam.delete_user_permissions_boundary(UserName="ann")
    ecs.describe_clusters(clusters=["c"])
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=only_lists)
    assert "no permissions boundary allows" in refusal(ecs.describe_clusters, clusters=["c"])


def test_a_boundary_that_is_gone_allows_nothing(cloud: Cloud) -> None:
    """Closed, not open."""
    iam = cloud.client("iam", "admin")
    gone = f"arn:aws:iam::{CUSTOMER}:policy/gone"
    trust = policy(by("admin"))
    iam.create_role(RoleName="Bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=gone)
    iam.put_role_policy(RoleName="Bounded", PolicyName="own", PolicyDocument=policy(allow("*")))
    ecs = cloud.client("ecs", "", **session(cloud, f"arn:aws:iam::{CUSTOMER}:role/Bounded"))

    assert "permissions boundary" in refusal(ecs.list_clusters)


def test_a_sessions_policies_add_up_and_only_narrow(cloud: Cloud) -> None:
    """Inline and managed ones together, cut with the role's."""
    role = cloud.role("Worker", by("admin"), allow("ecs:*"))
    more = managed(cloud, "describes", allow("ecs:Describe*", "ec2:*"))
    inline = policy(allow("ecs:List*"))
    keys = session(cloud, role, Policy=inline, PolicyArns=[{"arn": more}])
    ecs, ec2 = cloud.client("ecs", "", **keys), cloud.client("ec2", "", **keys)

    ecs.list_clusters()
    ecs.describe_clusters(clusters=["c"])
    words = refusal(ecs.create_cluster, clusterName="c")
    assert "because no session policy allows the ecs:CreateCluster action" in words
    assert "because no identity-based policy allows" in refusal(ec2.describe_vpcs)


def test_a_secrets_own_policy_refuses_administrators(cloud: Cloud) -> None:
    """The policy of the project's containers: nobody but the execution role, whatever they may."""
    role = cloud.role("Exec", ECS_TRUST, allow(READ))
    secrets = cloud.client("secretsmanager", "admin")
    arn = secrets.create_secret(Name="s", SecretString="v")["ARN"]
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(secret_policy(role)))

    assert "with an explicit deny in a resource-based policy" in refusal(
        secrets.get_secret_value, SecretId="s"
    )
    cloud.gate.check_role(role, READ, arn, {})
    with pytest.raises(AwsError, match="explicit deny in a resource-based policy"):
        cloud.gate.check_role(cloud.role("Other", ECS_TRUST, allow(READ)), READ, arn, {})
    secrets.delete_resource_policy(SecretId=arn)
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "v"


def test_a_keys_own_policy_decides(cloud: Cloud) -> None:
    """It may name a role without any policy, and leave out the account."""
    role = cloud.role("Exec", ECS_TRUST)
    through = {"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}
    reads = {**allow("kms:Decrypt", StringEquals=through), "Principal": {"AWS": role}}
    keeps = {
        **allow("kms:*"),
        "Principal": {"AWS": f"arn:aws:iam::{CUSTOMER}:user/admin"},
    }
    kms = cloud.client("kms", "admin")
    key = kms.create_key(Policy=policy(reads, keeps))["KeyMetadata"]["Arn"]
    cloud.user(CUSTOMER, "second", allow("*"))
    other = cloud.client("kms", "second")

    kms.describe_key(KeyId=key)
    assert "because no resource-based policy allows the kms:DescribeKey action" in refusal(
        other.describe_key, KeyId=key
    )
    cloud.gate.check_role(role, "kms:Decrypt", key, through)
    with pytest.raises(AwsError, match="no resource-based policy allows"):
        cloud.gate.check_role(role, "kms:Decrypt", key, {"kms:ViaService": "rds.amazonaws.com"})


def test_a_service_asks_with_the_keys_of_role_and_resource(cloud: Cloud) -> None:
    """Account, tags of the thing, and that it is asked through another service."""
    role = cloud.role("Exec", ECS_TRUST, allow("*"))
    tags = [{"TagKey": "team", "TagValue": "a"}]
    key = cloud.client("kms", "admin").create_key(Tags=tags)["KeyMetadata"]["Arn"]

    cloud.gate.check_role(role, "kms:Decrypt", key, {"kms:ViaService": "x.amazonaws.com"})

    assert cloud.lines()[-1]["context"] == {
        "aws:PrincipalAccount": CUSTOMER,
        "aws:PrincipalArn": role,
        "aws:RequestedRegion": "eu-west-1",
        "aws:ResourceAccount": CUSTOMER,
        "aws:ResourceTag/team": "a",
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "true",
        "kms:CallerAccount": CUSTOMER,
        "kms:ViaService": "x.amazonaws.com",
    }


def test_a_role_that_trusts_a_user_by_name_needs_no_more(cloud: Cloud) -> None:
    """In its own account; a user of another account needs both."""
    cloud.user(CUSTOMER, "ann")
    role = cloud.role("Worker", by("ann"))

    cloud.client("sts", "ann").assume_role(RoleArn=role, RoleSessionName="run")
    assert refusal(
        cloud.client("sts", "admin").assume_role, RoleArn=role, RoleSessionName="run"
    ).endswith(f"is not authorized to perform: sts:AssumeRole on resource: {role}")


def test_what_another_account_owns_is_refused(cloud: Cloud) -> None:
    """A secret of the vendor without a policy for the customer."""
    there = f"arn:aws:secretsmanager:eu-west-1:{VENDOR}:secret:theirs-AbCdEf"

    words = refusal(
        cloud.client("secretsmanager", "admin").get_secret_value,
        SecretId=there,
    )

    assert "because no resource-based policy allows" in words


def test_each_question_is_recorded_with_all_policies(cloud: Cloud) -> None:
    """By digest; the documents stand once each in a file beside the log."""
    role = cloud.role("Worker", by("admin"), allow("ecs:*"))
    ecs = cloud.client("ecs", "", **session(cloud, role, Policy=policy(allow("ecs:List*"))))
    ecs.list_clusters()
    refusal(ecs.create_cluster, clusterName="c")
    cloud.gate.log.close()
    kept = [
        json.loads(line)
        for line in (cloud.world.directory / "policies.jsonl").read_text().splitlines()
    ]
    allowed, refused = cloud.lines()[-4:-2], cloud.lines()[-2:]

    assert [(line["by"], line["verdict"], line["outcome"]) for line in (*allowed, *refused)] == [
        ("identity", "allow", "allow"),
        ("session", "allow", "allow"),
        ("identity", "allow", "deny"),
        ("session", "deny", "deny"),
    ]
    named = {line["digest"]: line["document"] for line in kept}
    assert len(named) == len(kept)
    assert [named[one] for one in allowed[0]["policies"]["session"]] == [policy(allow("ecs:List*"))]
    assert set(allowed[0]["policies"]) == {"identity", "session"}

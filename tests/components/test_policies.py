"""The access role's two policies, as documents."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from policy_sentry.querying.actions import get_actions_for_service

from byoc_infra.components._fence import Fence
from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._managed import AWS_POLICIES, NETWORK_WRITES, managed, supplement
from byoc_infra.components._task_roles import DEFAULT_ROLES
from byoc_infra.local.provider.actions import ACTIONS, INVOKE_ACTIONS, OPERATIONS
from byoc_infra.naming import AccountNames
from tests.support.expected import DATA
from tests.support.recorder import PLACE

FENCE = Fence(
    place=PLACE,
    names=AccountNames("blue"),
    repositories=["agents"],
    task_roles=DEFAULT_ROLES,
    namespace_arn=PLACE.arn("servicediscovery", "namespace/ns-1"),
)
UNFENCED = {
    "ListTasks",  # by the key ecs:cluster instead
    "TaskDefinitionsOfTheRegion",
    "BalancerReadsOfTheRegion",
    "TagDiscovery",  # by the tag in the request instead
    "DiscoveryListsOfTheRegion",
    "NetworkListsOfTheRegion",
    "ScalingReadsOfTheRegion",
}
"""Allow statements on `*`: AWS offers no ARN for their actions."""


def statements() -> list[dict[str, Any]]:
    """All of least_privilege."""
    return [one for found in least_privilege(FENCE).values() for one in found["Statement"]]


def actions(found: list[dict[str, Any]], effect: str = "Allow") -> set[str]:
    """Every action of the statements of one effect."""
    return {action for one in found if one["Effect"] == effect for action in one["Action"]}


def test_every_statement_has_a_name_of_its_own() -> None:
    """Verdicts and proofs speak of statements by name."""
    names = [one["Sid"] for one in statements()]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in names)


def test_no_action_is_a_pattern() -> None:
    """A wildcard would grow with AWS."""
    assert not [action for action in actions(statements()) if "*" in action]


@pytest.mark.parametrize("service", sorted({a.split(":")[0] for a in actions(statements())}))
def test_every_action_exists(service: str) -> None:
    """IAM takes a misspelt action silently."""
    known = set(get_actions_for_service(service))

    assert {a for a in actions(statements()) if a.startswith(f"{service}:")} <= known


def test_only_what_has_no_fence_is_unfenced() -> None:
    """Each `*` is listed here, so a new one is a decision."""
    found = {
        one["Sid"] for one in statements() if one["Effect"] == "Allow" and "*" in one["Resource"]
    }

    assert found == UNFENCED


def test_unfenced_statements_change_nothing_but_task_definitions() -> None:
    """The rest reads. What remains is written down, not hidden."""
    unfenced = [one for one in statements() if one["Sid"] in UNFENCED]
    changing = {a for a in actions(unfenced) if not re.search(r":(Describe|Get|List)", a)}

    assert changing == {"ecs:DeregisterTaskDefinition", "servicediscovery:TagResource"}


def test_every_arn_is_of_this_account_and_installation() -> None:
    """Names begin with the deployments' prefix, or are the installation's own."""
    own = re.compile(
        r"lg-|blue|secret:rds!db-|repository/agents$|db:\*$|og:default:postgres-\*$"
        r"|servicediscovery:.*(service/\*|namespace/ns-1)$|key/\*$"
        r"|scalable-target/\*$|acm:.*certificate/\*$|cloudwatch:.*alarm:\*$"
    )
    listed = [one["Resource"] for one in statements() if "Resource" in one]
    arns = {arn for resources in listed for arn in resources if arn != "*"}

    assert all(":222222222222:" in arn for arn in arns)
    assert [arn for arn in arns if not own.search(arn)] == []


def test_what_is_made_is_born_with_the_tag() -> None:
    """Else it could not be changed by the same role later."""
    makers = [
        one
        for one in statements()
        if one["Effect"] == "Allow" and re.search(r":(Create|Register)", str(one["Action"]))
    ]
    others = {
        "ChangeScaling",  # registering again is how a target with the tag is changed
        "KeepLastSnapshot",
        "LetRdsKeepThePassword",
        "NameLastSnapshot",
        "UseDatabaseGroups",  # MakeEncryptedDatabases asks for the tag
    }

    for one in makers:
        if one["Sid"] not in others:
            assert one["Condition"]["StringEquals"]["aws:RequestTag/byoc:installation"] == "blue"


def test_only_rds_makes_and_tags_the_passwords_secret() -> None:
    """Who could tag one could have the execution role read somebody else's password."""
    (let,) = [one for one in statements() if one["Sid"] == "LetRdsKeepThePassword"]

    assert let["Condition"] == {"Bool": {"aws:ViaAWSService": "true"}}
    own = [
        one
        for one in statements()
        if one["Effect"] == "Allow" and "secretsmanager:TagResource" in one["Action"]
    ]
    assert {one["Sid"] for one in own} == {"LetRdsKeepThePassword", "MakeSecrets"}
    (make,) = [one for one in own if one["Sid"] == "MakeSecrets"]
    assert make["Resource"] == [
        PLACE.arn("secretsmanager", "secret:langgraph-cloud/blue/*-????????/*")
    ]


def test_no_network_role_or_key_can_be_written() -> None:
    """The account stack makes those, so that this role need not."""
    writes = {a for a in actions(statements()) if not re.search(r":(Describe|Get|List)", a)}

    assert {a for a in writes if a.startswith(("ec2:", "iam:", "kms:"))} == {"iam:PassRole"}


NOT_CALLED = {
    "iam:CreateServiceLinkedRole": "the account stack has made them",
    "kms:CreateGrant": "only for a key of one's own; the policy of AWS's key grants it",
    "secretsmanager:CancelRotateSecret": "the rotation is left to go with its secret",
}
"""What the provider's table has and a deployment's life does not reach."""


def test_all_that_the_provider_calls_is_allowed() -> None:
    """Every action of create, read, update and delete of every type that the program makes."""
    graph = json.loads((DATA / "programs" / "deployment-rds-development-internal.json").read_text())
    rows = [ACTIONS[token] for token in _aws_types(graph)]
    called = {
        action
        for row in rows
        for action in set().union(*map(row.must, OPERATIONS)) | row._named(row.implied)
    }
    looked_up = {action for found in INVOKE_ACTIONS.values() for action in found}

    assert called - actions(statements()) == set(NOT_CALLED)
    assert looked_up - actions(statements()) == {
        "sts:GetCallerIdentity",  # needs no right
        # of getVpc, which the program does not use
        "ec2:DescribeRouteTables",
        "ec2:DescribeVpcAttribute",
    }


def _aws_types(graph: dict[str, Any]) -> set[str]:
    return {name.split("::")[0] for name in graph if name.startswith("aws:")}


def _granted_by_the_five() -> list[str]:
    documents = json.loads(aws_managed_policies_data)
    return [
        action
        for name in AWS_POLICIES
        for one in documents[name]["Document"]["Statement"]
        if one["Effect"] == "Allow" and "*" in one["Resource"] and "Condition" not in one
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    ]


def _granted(action: str, patterns: list[str]) -> bool:
    return any(
        re.fullmatch(pattern.replace("*", ".*"), action, re.IGNORECASE) for pattern in patterns
    )


def test_the_supplement_is_exactly_what_the_five_leave_out() -> None:
    """All that a deployment's life calls is granted by the six together, and nothing twice."""
    five = _granted_by_the_five()
    missing = {action for action in actions(statements()) if not _granted(action, five)}
    conditional = {"iam:PassRole"}  # AmazonECS_FullAccess has it for tasks

    assert actions(supplement(FENCE)["Statement"]) == missing - conditional


def test_the_five_allow_what_least_privilege_denies() -> None:
    """The page on the managed variant says so; this keeps it true."""
    five = _granted_by_the_five()

    assert _granted("secretsmanager:GetSecretValue", five)
    assert _granted("ecs:ExecuteCommand", five)
    assert _granted("ec2:CreateSecurityGroup", five)
    assert {"ecs:ExecuteCommand", "secretsmanager:GetSecretValue", "iam:PassRole"} <= actions(
        statements(), "Deny"
    )


def test_managed_denies_all_that_the_five_may_write_in_networks() -> None:
    """AmazonECS_FullAccess makes and changes VPCs; the account stack does that here."""
    five = json.loads(aws_managed_policies_data)["AmazonECS_FullAccess"]["Document"]["Statement"]
    granted = {
        action
        for one in five
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        if action.startswith("ec2:") and "Describe" not in action
    }

    assert set(NETWORK_WRITES) == granted
    assert granted <= actions(managed(FENCE)["never"]["Statement"], "Deny")


def test_the_owners_secrets_are_only_looked_at() -> None:
    """No pattern of what may be changed takes in a platform secret, whatever its last six."""
    arn = PLACE.arn("secretsmanager", f"secret:{AccountNames('blue').platform_secret('A')}-AbCdEf")
    touching = {
        one["Sid"]
        for one in statements()
        if one["Effect"] == "Allow"
        and any(action.startswith("secretsmanager:") for action in one["Action"])
        and any(fnmatchcase(arn, pattern) for pattern in one["Resource"])
    }

    assert touching == {"SeeSecretsWithoutValues"}

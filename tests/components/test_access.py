"""What CustomerAccess asks of AWS."""

import json
from typing import Any

import pytest

from byoc_infra.components import CustomerAccess
from byoc_infra.errors import SpecError
from byoc_infra.naming import AccountNames
from byoc_infra.spec import TaskRoleSpec
from tests.support.examples import VENDOR, access_args
from tests.support.recorder import Recorder, maker

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
EXTERNAL_ID = access_args().external_ids[0]

made = maker(CustomerAccess, "access", access_args)


def trust(recorder: Recorder) -> dict[str, Any]:
    """The role's trust, by statement name."""
    document = json.loads(recorder.inputs(ROLE)["assumeRolePolicy"])
    return {one["Sid"]: one for one in document["Statement"]}


def rights(recorder: Recorder) -> dict[str, Any]:
    """All statements of the role's own policies, by name."""
    documents = [json.loads(one.inputs["policy"]) for one in recorder.of_type(POLICY)]
    return {one["Sid"]: one for document in documents for one in document["Statement"]}


def test_exactly_one_principal_is_trusted() -> None:
    """The vendor's control plane, in every statement."""
    principals = [one["Principal"] for one in trust(made()).values()]

    assert principals == [{"AWS": VENDOR}, {"AWS": VENDOR}]


def test_nobody_gets_in_without_an_external_id() -> None:
    """One id, or two while one is being replaced."""
    second = "another-external-id-of-the-vendor"

    enter = trust(made(external_ids=[EXTERNAL_ID, second]))["AssumeWithExternalId"]

    assert enter["Action"] == ["sts:AssumeRole"]
    assert enter["Condition"] == {"StringEquals": {"sts:ExternalId": [EXTERNAL_ID, second]}}


def test_who_asked_can_be_said() -> None:
    """CloudTrail shows the source identity with every call."""
    says = trust(made())["SayWhoAsks"]

    assert says["Action"] == ["sts:SetSourceIdentity", "sts:TagSession"]


def test_only_named_roles_can_be_passed() -> None:
    """To tasks, and to nobody else."""
    roles = {"default": TaskRoleSpec(path="/"), "reader": TaskRoleSpec()}
    passes = rights(made(task_roles=roles))["PassNamedRolesToTasks"]

    assert passes["Resource"] == [
        "arn:aws:iam::222222222222:role/LangGraphCloudECSTaskExecutionRole",
        "arn:aws:iam::222222222222:role/LangGraphCloudTaskRole-default",
        "arn:aws:iam::222222222222:role/langgraph-cloud/LangGraphCloudTaskRole-reader",
    ]
    assert passes["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    }


def test_secret_values_are_denied() -> None:
    """A Deny, so that no policy attached later opens it."""
    denied = rights(made())["NeverReadSecretValues"]

    assert denied["Effect"] == "Deny"
    assert denied["Resource"] == ["*"]
    assert "secretsmanager:GetSecretValue" in denied["Action"]


def test_shells_in_containers_are_denied() -> None:
    """A shell would read what the task's role reads."""
    denied = rights(made())["NeverEnterContainers"]

    assert (denied["Effect"], denied["Action"]) == ("Deny", ["ecs:ExecuteCommand"])


def test_every_policy_fits_iam() -> None:
    """6,144 characters each, and ten policies a role, also with long names."""
    recorder = made(
        names=AccountNames("i" * 20), repositories=[f"team/agents-{n}" for n in range(10)]
    )
    sizes = [len(_packed(one.inputs["policy"])) for one in recorder.of_type(POLICY)]

    assert max(sizes) <= 6144
    assert len(recorder.of_type(ATTACHMENT)) <= 10


def _packed(document: str) -> str:
    return json.dumps(json.loads(document), separators=(",", ":"))


def test_the_boundary_is_on_the_role() -> None:
    """What the customer limits stays limited, whatever is attached."""
    asked = made(permissions_boundary_arn="arn:boundary").inputs(ROLE)

    assert asked["permissionsBoundary"] == "arn:boundary"


def test_managed_is_the_seeds_five_and_a_supplement() -> None:
    """And nothing of the least_privilege documents."""
    recorder = made(permissions="managed")
    attached = {one.inputs["policyArn"].rsplit("/", 1)[-1] for one in recorder.of_type(ATTACHMENT)}

    assert attached == {
        "AmazonVPCReadOnlyAccess",
        "AmazonECS_FullAccess",
        "SecretsManagerReadWrite",
        "CloudWatchReadOnlyAccess",
        "AmazonRDSFullAccess",
        "LangGraphCloudBYOCRole-never",
        "LangGraphCloudBYOCRole-supplement",
    }


def test_least_privilege_attaches_its_own_policies_only() -> None:
    """Nothing of AWS's."""
    attached = {one.inputs["policyArn"] for one in made().of_type(ATTACHMENT)}

    assert attached == {
        "arn:aws:iam::222222222222:policy/LangGraphCloudBYOCRole-compute",
        "arn:aws:iam::222222222222:policy/LangGraphCloudBYOCRole-data",
        "arn:aws:iam::222222222222:policy/LangGraphCloudBYOCRole-network",
        "arn:aws:iam::222222222222:policy/LangGraphCloudBYOCRole-never",
        "arn:aws:iam::222222222222:policy/LangGraphCloudBYOCRole-traffic",
    }


def test_a_changed_external_id_changes_only_the_trust() -> None:
    """The name stays, so the role is updated in place."""
    before, after = made(), made(external_ids=["another-external-id-of-the-vendor"])
    differing = {
        one.id for one in before.resources if one.inputs != after.only(one.type, one.name).inputs
    }

    assert differing == {f"{ROLE}::access"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"vendor_principal_arn": "arn:aws:iam::111111111111:root"},
            "vendor_principal_arn: want the ARN of exactly one IAM role or user",
        ),
        ({"vendor_principal_arn": "*"}, "vendor_principal_arn: want the ARN of exactly one"),
        (
            {"vendor_principal_arn": "arn:aws:iam::111111111111:role/*"},
            "vendor_principal_arn: want the ARN of exactly one",
        ),
        ({"external_ids": []}, "external_ids: want one external id"),
        ({"external_ids": ["a" * 16, "b" * 16, "c" * 16]}, "external_ids: want one external id"),
        ({"external_ids": ["a" * 16, "a" * 16]}, "external_ids: want each name once"),
        ({"external_ids": ["guess"]}, "external_ids: want 16 to 1224"),
        ({"external_ids": ["with a blank inside it"]}, "external_ids: want 16 to 1224"),
        ({"permissions": "all"}, "permissions: want one of least_privilege, managed"),
        ({"max_session_s": 900}, "max_session_s: want 3600 to 43200, got 900"),
        ({"repositories": ["a", "a"]}, "repositories: want each name once"),
        (
            {"repositories": [f"{'r' * 240}{n}" for n in range(20)]},
            "repositories: want policies of at most 6144 characters",
        ),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        access_args(**changes)

    assert str(refused.value).startswith(message)

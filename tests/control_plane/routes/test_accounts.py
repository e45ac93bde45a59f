"""Connections to customers' accounts: what proves them, and how they end."""

import itertools
import json
import uuid
from typing import Any

import pytest
import yaml

from byoc_infra.control_plane.services.activation import LOOKING_ONLY
from byoc_infra.spec import AccountSpec
from tests.support.customer import Customer
from tests.support.rows import deployment_row
from tests.support.whole_api import VENDOR, Api, Tenant

ACCOUNTS = "/byoc/v1/accounts"
ASKED = {"name": "production", "aws_account_id": "222222222222", "region": "eu-west-1"}
ROLE = "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole"
LICENSE = "platform-secrets/LANGGRAPH_CLOUD_LICENSE_KEY"


def connect(api: Api, tenant: Tenant, **asked: Any) -> dict[str, Any]:
    """A new connection's answer."""
    answer = api.send(tenant, "POST", ACCOUNTS, {**ASKED, **asked})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def activated(api: Api, tenant: Tenant, customer: Customer, **asked: Any) -> str:
    """The id of a connection in use."""
    made = connect(api, tenant, **asked)
    customer.trusted.update(made["setup"]["external_ids"])
    answer = api.send(tenant, "POST", f"{ACCOUNTS}/{made['id']}/activate")
    assert answer.status_code == 200, answer.text
    return str(made["id"])


def shown(api: Api, tenant: Tenant, account_id: str) -> dict[str, Any]:
    """The connection as the API shows it."""
    found: dict[str, Any] = api.send(tenant, "GET", f"{ACCOUNTS}/{account_id}").json()
    return found


def deploy_into(api: Api, tenant: Tenant, account_id: str) -> None:
    """A deployment in the account, by its row alone."""
    with api.store.begin() as tx:
        tx.deployments.add(deployment_row(tenant.id, uuid.UUID(account_id), status="READY"))


def test_the_customer_gets_a_file_that_the_set_up_stack_takes(api: Api, acme: Tenant) -> None:
    """With the vendor's principal, and an external id that is this connection's alone."""
    first, second = connect(api, acme), connect(api, acme, name="second")
    spec = AccountSpec.model_validate(yaml.safe_load(first["setup"]["account_yaml"]))

    assert (first["status"], first["role_arn"]) == ("requested", ROLE)
    assert (spec.vendor_principal_arn, spec.region) == (VENDOR, "eu-west-1")
    assert list(spec.external_ids) == first["setup"]["external_ids"]
    assert spec.redis_image == "222222222222.dkr.ecr.eu-west-1.amazonaws.com/byoc/redis:8"
    assert first["setup"]["external_ids"] != second["setup"]["external_ids"]
    assert len(first["setup"]["external_ids"][0]) == len("byoc-") + 40


def test_the_second_region_of_an_installation_has_its_own_role(api: Api, acme: Tenant) -> None:
    """IAM is global, so the region is in the role's name there."""
    made = connect(api, acme, region="us-east-1", first_region="eu-west-1")

    assert made["role_arn"] == f"{ROLE}-us-east-1"
    assert "first_region: eu-west-1" in made["setup"]["account_yaml"]


@pytest.mark.parametrize("field", ["external_id", "role_arn", "tenant_id", "status"])
def test_what_we_make_cannot_be_chosen(api: Api, acme: Tenant, field: str) -> None:
    """Neither at first nor later."""
    made = connect(api, acme)
    created = api.send(acme, "POST", ACCOUNTS, {**ASKED, "name": "x", field: "chosen-by-caller"})
    patched = api.send(acme, "PATCH", f"{ACCOUNTS}/{made['id']}", {field: "chosen-by-caller"})

    for answer in (created, patched):
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", field]
        assert "chosen-by-caller" not in answer.text


def test_the_external_id_is_shown_to_administrators_only(api: Api, acme: Tenant) -> None:
    """It is in the set-up and in nothing that other keys see."""
    made = connect(api, acme)
    (external_id,) = made["setup"]["external_ids"]
    seen = [
        api.send(acme, "GET", path, scope="deploy")
        for path in (ACCOUNTS, f"{ACCOUNTS}/{made['id']}", "/v2/listeners")
    ]
    setup = api.send(acme, "GET", f"{ACCOUNTS}/{made['id']}/setup", scope="deploy")

    assert all(external_id not in one.text for one in seen)
    assert setup.status_code == 403


def test_a_proven_connection_is_active(api: Api, acme: Tenant, customer: Customer) -> None:
    """It knows its network, and CloudTrail shows who looked; the session could change nothing."""
    account = shown(api, acme, activated(api, acme, customer))

    assert (account["status"], account["status_message"]) == ("active", "")
    assert account["network"]["vpc_id"] == "vpc-0"
    assert account["network"]["zones"] == ["eu-west-1a", "eu-west-1b"]
    assert account["activated_at"] is not None
    assert customer.entered[0].startswith("admin@")
    assert customer.narrowed == [LOOKING_ONLY]


@pytest.mark.parametrize(
    ("wrong", "answered", "status_after"),
    [
        ({"trusted": set()}, (400, "ACCESS_REFUSED"), "requested"),
        ({"lets_in_without": True}, (400, "TRUST_TOO_OPEN"), "requested"),
        ({"lets_in_any": True}, (400, "TRUST_TOO_OPEN"), "requested"),
        ({"account_id": "333333333333"}, (400, "WRONG_ACCOUNT"), "requested"),
        ({"vpcs": 0}, (400, "ACCOUNT_NOT_READY"), "provisioning"),
        ({"vpcs": 2}, (400, "ACCOUNT_NOT_READY"), "provisioning"),
        ({"zones": 1}, (400, "ACCOUNT_NOT_READY"), "provisioning"),
        ({"cluster": False}, (400, "ACCOUNT_NOT_READY"), "provisioning"),
        ({"unreachable": True}, (503, "CLOUD_UNREACHABLE"), "requested"),
    ],
    ids=str,
)
def test_one_missing_proof_is_enough_to_refuse(
    api: Api, acme: Tenant, wrong: dict[str, Any], answered: tuple[int, str], status_after: str
) -> None:
    """The connection says why; that AWS did not answer proves nothing."""
    customer = api.customer
    made = connect(api, acme)
    customer.trusted.update(made["setup"]["external_ids"])
    for name, value in wrong.items():
        setattr(customer, name, value)
    answer = api.send(acme, "POST", f"{ACCOUNTS}/{made['id']}/activate")
    account = shown(api, acme, made["id"])

    assert (answer.status_code, answer.json()["code"]) == answered
    assert made["setup"]["external_ids"][0] not in answer.text
    assert account["status"] == status_after
    assert (account["status_message"] == "") == (answered[0] == 503)


def test_a_role_belongs_to_one_tenant(api: Api, acme: Tenant, customer: Customer) -> None:
    """Even where its trust names both ids; whose it is, is not said."""
    activated(api, acme, customer)
    other = api.tenant("rival")
    made = connect(api, other)
    customer.trusted.update(made["setup"]["external_ids"])
    answer = api.send(other, "POST", f"{ACCOUNTS}/{made['id']}/activate")
    in_other_region = connect(api, other, name="elsewhere", region="us-east-1")
    customer.trusted.update(in_other_region["setup"]["external_ids"])
    elsewhere = api.send(other, "POST", f"{ACCOUNTS}/{in_other_region['id']}/activate")

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "another tenant" in answer.json()["got"]
    assert "acme" not in answer.text
    assert elsewhere.status_code == 409


def test_a_connection_that_was_active_is_disconnected(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """With the cause; it is back when the role lets us in again."""
    account_id = activated(api, acme, customer)
    trusted = set(customer.trusted)
    customer.trusted.clear()
    refused = api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/activate")
    away = shown(api, acme, account_id)
    customer.trusted |= trusted
    api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/activate")
    back = shown(api, acme, account_id)

    assert refused.json()["code"] == "ACCESS_REFUSED"
    assert away["status"] == "disconnected"
    assert "AccessDenied" in away["status_message"]
    assert (back["status"], back["status_message"]) == ("active", "")
    assert back["activated_at"] == away["activated_at"]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"lets_in_any": True}, "requested"), ({"vpcs": 2}, "provisioning")],
    ids=["trust too open", "two networks"],
)
def test_a_connection_that_loses_a_proof_is_not_used(
    api: Api, acme: Tenant, wrong: dict[str, Any], status: str
) -> None:
    """Nor taken up again by the role's letting us in, as a disconnected one is."""
    account_id = activated(api, acme, api.customer)
    for name, value in wrong.items():
        setattr(api.customer, name, value)
    refused = api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/activate")

    assert refused.status_code == 400
    assert shown(api, acme, account_id)["status"] == status


def test_the_external_id_is_replaced_step_by_proven_step(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """At no moment is there no id that works, and none is dropped unproven."""
    account_id = activated(api, acme, customer)
    (old,) = customer.trusted
    advance = f"{ACCOUNTS}/{account_id}/rotation/advance"
    started = api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/rotation")
    both = api.send(acme, "GET", f"{ACCOUNTS}/{account_id}/setup").json()["external_ids"]
    too_early = api.send(acme, "POST", advance)
    customer.trusted.update(both)
    switched = api.send(acme, "POST", advance)
    only = api.send(acme, "GET", f"{ACCOUNTS}/{account_id}/setup").json()["external_ids"]
    still_trusted = api.send(acme, "POST", advance)
    customer.trusted.remove(old)
    finished = api.send(acme, "POST", advance)

    assert (started.status_code, started.json()["rotation"]) == (201, "offered")
    assert both == [old, *only]
    assert too_early.json()["code"] == "ACCESS_REFUSED"
    assert switched.json()["rotation"] == "retiring"
    assert (still_trusted.status_code, still_trusted.json()["code"]) == (409, "CONFLICT")
    assert finished.json()["rotation"] == "none"
    assert api.send(acme, "POST", advance).status_code == 409
    assert api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/activate").status_code == 200


def test_an_offer_can_be_taken_back(api: Api, acme: Tenant, customer: Customer) -> None:
    """Until the new id is in use; a second one is not offered meanwhile."""
    account_id = activated(api, acme, customer)
    rotation = f"{ACCOUNTS}/{account_id}/rotation"
    api.send(acme, "POST", rotation)
    twice = api.send(acme, "POST", rotation)
    given_up = api.send(acme, "DELETE", rotation)

    assert twice.status_code == 409
    assert (given_up.status_code, given_up.json()["rotation"]) == (200, "none")
    assert api.send(acme, "DELETE", rotation).status_code == 409


def test_a_revoked_connection_is_not_used(api: Api, acme: Tenant, customer: Customer) -> None:
    """Until it is activated again, with all proofs."""
    account_id = activated(api, acme, customer)
    revoked = api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/revoke")
    entered = len(customer.entered)
    refused = api.send(acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "licence"})
    listed = api.send(acme, "GET", "/v2/listeners").json()["resources"]
    meanwhile = len(customer.entered)
    back = api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/activate")

    assert revoked.json()["status"] == "revoked"
    assert (refused.status_code, refused.json()["code"]) == (400, "CONNECTION_UNUSABLE")
    assert listed == []
    assert meanwhile == entered
    assert back.json()["status"] == "active"


def test_a_connection_with_deployments_is_not_deleted(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """They would run on with nobody who can reach them."""
    account_id = activated(api, acme, customer)
    deploy_into(api, acme, account_id)
    answer = api.send(acme, "DELETE", f"{ACCOUNTS}/{account_id}")

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert shown(api, acme, account_id)["status"] == "active"


def test_a_deleted_connection_is_gone_and_its_name_is_free(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """It is listed by that status only; the role can be connected anew."""
    account_id = activated(api, acme, customer)
    taken = api.send(acme, "POST", ACCOUNTS, ASKED)
    deleted = api.send(acme, "DELETE", f"{ACCOUNTS}/{account_id}")
    listed = api.send(acme, "GET", f"{ACCOUNTS}?status=deleted").json()["resources"]

    assert taken.status_code == 409
    assert deleted.json() == {"id": account_id, "removed": [], "kept": []}
    assert api.send(acme, "GET", f"{ACCOUNTS}/{account_id}").status_code == 404
    assert api.send(acme, "DELETE", f"{ACCOUNTS}/{account_id}").status_code == 404
    assert [one["id"] for one in listed] == [account_id]
    assert activated(api, acme, customer) != account_id


def test_a_platform_secret_goes_into_the_account_and_nowhere_else(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """Only the execution role may read it; the row says where it is."""
    account_id = activated(api, acme, customer)
    answer = api.send(
        acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "lic-planted-4711"}
    )
    container = f"langgraph-cloud/default/account-{account_id[:8]}/LANGGRAPH_CLOUD_LICENSE_KEY"
    with api.store.begin() as tx:
        row = tx.accounts.get(acme.id, uuid.UUID(account_id))

    assert answer.status_code == 200
    assert "planted" not in answer.text
    assert customer.written == {container: "lic-planted-4711"}
    policy = json.loads(customer.policies[container])["Statement"][0]
    assert policy["Effect"] == "Deny"
    assert policy["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].endswith("ExecutionRole")
    found = answer.json()
    assert row.platform_secrets == {
        "LANGGRAPH_CLOUD_LICENSE_KEY": {"arn": found["arn"], "version_id": found["version_id"]}
    }
    assert shown(api, acme, account_id)["platform_secrets"] == ["LANGGRAPH_CLOUD_LICENSE_KEY"]


def test_platform_secrets_change_alone(api: Api, acme: Tenant, customer: Customer) -> None:
    """A new value of one is a new version of that one."""
    account_id = activated(api, acme, customer)
    smith = f"{ACCOUNTS}/{account_id}/platform-secrets/LANGSMITH_API_KEY"
    first = api.send(acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "one"}).json()
    other = api.send(acme, "PUT", smith, {"value": "two"}).json()
    second = api.send(acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "three"}).json()
    removed = api.send(acme, "DELETE", smith)
    with api.store.begin() as tx:
        row = tx.accounts.get(acme.id, uuid.UUID(account_id))

    assert second["arn"] == first["arn"] != other["arn"]
    assert second["version_id"] != first["version_id"]
    assert removed.status_code == 204
    assert api.send(acme, "DELETE", smith).status_code == 404
    assert list(row.platform_secrets) == ["LANGGRAPH_CLOUD_LICENSE_KEY"]


@pytest.mark.parametrize(
    "tag", ["byoc:platform-secrets=LANGSMITH_API_KEY", "byoc:tracing-endpoint=https://smith"]
)
def test_what_the_accounts_owner_gives_is_not_given_twice(
    api: Api, acme: Tenant, customer: Customer, tag: str
) -> None:
    """The stack would refuse both; the answer comes before anything is written."""
    key, _, value = tag.partition("=")
    customer.tells[key] = value
    account_id = activated(api, acme, customer)
    smith = f"{ACCOUNTS}/{account_id}/platform-secrets/LANGSMITH_API_KEY"
    refused = api.send(acme, "PUT", smith, {"value": "two"})
    other = api.send(acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "one"})

    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert [name.rpartition("/")[2] for name in customer.written] == ["LANGGRAPH_CLOUD_LICENSE_KEY"]
    assert other.status_code == 200


def test_an_unreachable_account_takes_no_secret(api: Api, acme: Tenant, customer: Customer) -> None:
    """503, and nothing is stored anywhere."""
    account_id = activated(api, acme, customer)
    path, body = f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "lic-planted-4711"}
    customer.trusted.clear()
    refused = api.send(acme, "PUT", path, body)
    customer.unreachable = True
    away = api.send(acme, "PUT", path, body)

    assert (refused.status_code, away.status_code) == (503, 503)
    assert "planted" not in refused.text + away.text
    assert customer.written == {}
    assert shown(api, acme, account_id)["platform_secrets"] == []


def test_a_value_that_the_server_would_drop_is_refused(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """By its field; the value is not repeated."""
    account_id = activated(api, acme, customer)
    answers = {
        (name, value): api.send(
            acme, "PUT", f"{ACCOUNTS}/{account_id}/platform-secrets/{name}", {"value": value}
        )
        for name, value in (
            ("LANGSMITH_API_KEY", "planted 4711"),
            ("LANGSMITH_RUNS_ENDPOINTS", '{"http://planted.example": "4711"}'),
            ("LANGSMITH_API_KEY", ""),
            ("SOME_OTHER_KEY", "planted"),
        )
    }

    assert [one.json()["detail"][0]["loc"] for one in answers.values()] == [
        ["body", "value"],
        ["body", "value"],
        ["body", "value"],
        ["path", "name"],
    ]
    assert all("planted" not in one.text and "4711" not in one.text for one in answers.values())
    assert customer.written == {}


def test_deleting_a_connection_takes_its_secrets_back(
    api: Api, acme: Tenant, customer: Customer
) -> None:
    """Also one that was removed earlier; what cannot be reached is listed as kept."""
    account_id = activated(api, acme, customer)
    smith = f"{ACCOUNTS}/{account_id}/platform-secrets/LANGSMITH_API_KEY"
    api.send(acme, "PUT", f"{ACCOUNTS}/{account_id}/{LICENSE}", {"value": "one"})
    api.send(acme, "PUT", smith, {"value": "two"})
    api.send(acme, "DELETE", smith)
    deleted = api.send(acme, "DELETE", f"{ACCOUNTS}/{account_id}").json()
    second = activated(api, acme, customer)
    api.send(acme, "PUT", f"{ACCOUNTS}/{second}/{LICENSE}", {"value": "three"})
    customer.trusted.clear()
    left = api.send(acme, "DELETE", f"{ACCOUNTS}/{second}").json()

    assert sorted(deleted["removed"]) == ["LANGGRAPH_CLOUD_LICENSE_KEY", "LANGSMITH_API_KEY"]
    assert left["removed"] == []
    assert [one["name"] for one in left["kept"]] == ["LANGGRAPH_CLOUD_LICENSE_KEY"]
    assert "ACCESS_REFUSED" in left["kept"][0]["why"]


def test_an_active_connection_is_a_listener(api: Api, acme: Tenant, customer: Customer) -> None:
    """As the stock command reads it; one that is not active is none to choose."""
    account_id = activated(api, acme, customer)
    connect(api, acme, name="second")
    listed = api.send(acme, "GET", "/v2/listeners?limit=100&offset=0", scope="read").json()
    one = api.send(acme, "GET", f"/v2/listeners/{account_id}", scope="read").json()
    same = api.send(
        acme,
        "PATCH",
        f"/v2/listeners/{account_id}",
        {"compute_config": {"k8s_namespaces": ["default"]}},
    )
    other = api.send(
        acme,
        "PATCH",
        f"/v2/listeners/{account_id}",
        {"compute_config": {"k8s_namespaces": ["mine"]}},
    )

    assert listed == {"resources": [one], "offset": 1}
    assert (one["compute_type"], one["compute_id"]) == ("k8s", "production")
    assert one["compute_config"] == {"k8s_namespaces": ["default"]}
    assert same.json() == one
    assert other.status_code == 422


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_listeners_are_not_made_or_deleted_as_such(
    api: Api, acme: Tenant, customer: Customer, method: str
) -> None:
    """The answer says what to use instead."""
    account_id = activated(api, acme, customer)
    path = "/v2/listeners" if method == "POST" else f"/v2/listeners/{account_id}"
    answer = api.send(acme, method, path, {"compute_type": "k8s"} if method == "POST" else None)

    assert (answer.status_code, answer.json()["code"]) == (400, "UNSUPPORTED")
    assert ACCOUNTS in answer.json()["next_step"]


def test_every_change_of_a_connection_is_noted(api: Api, acme: Tenant, customer: Customer) -> None:
    """In order, each beginning where the one before ended."""
    account_id = activated(api, acme, customer)
    api.send(acme, "PATCH", f"{ACCOUNTS}/{account_id}", {"default_deployment_type": "prod"})
    api.send(acme, "PATCH", f"{ACCOUNTS}/{account_id}", {"default_deployment_type": "prod"})
    api.send(acme, "POST", f"{ACCOUNTS}/{account_id}/revoke")
    api.send(acme, "DELETE", f"{ACCOUNTS}/{account_id}")
    noted = api.send(acme, "GET", f"/byoc/v1/audit?object_id={account_id}").json()["resources"]

    assert [one["action"] for one in reversed(noted)] == [
        "account.create",
        "account.activate",
        "account.change",
        "account.revoke",
        "account.delete",
    ]
    assert all(
        later["before_sha256"] == earlier["after_sha256"]
        for later, earlier in itertools.pairwise(noted)
    )

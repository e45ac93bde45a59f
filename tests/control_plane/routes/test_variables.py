"""A deployment's variables: values go inwards, once."""

from typing import Any

import pytest

from byoc_infra.control_plane.store import Store
from tests.support.customer_aws import ACCOUNT, REPOSITORY
from tests.support.platform_api import Api, a_request, everything, secrets

PLANTED = "planted-value-42"
PATH = "/v2/deployments"
URI = "postgresql://app:planted-value-42@db.example.com:5432/app?sslmode=require"


@pytest.fixture
def api(store: Store) -> Api:
    """The API of a tenant with one account."""
    return Api(store)


def test_values_go_to_the_customers_account_and_nowhere_else(api: Api) -> None:
    """The store has where they are; whoever reads gets names."""
    made = api.create(secrets=secrets(TOKEN=PLANTED, OTHER="two"))

    assert made["secrets"] == [{"name": "OTHER", "value": ""}, {"name": "TOKEN", "value": ""}]
    assert api.value(made, "TOKEN") == PLANTED
    assert PLANTED not in str(everything(api.store))
    assert api.queue.taken[0][0] in str(everything(api.store))  # it does look


def test_a_revisions_secret_is_fenced_and_tagged(api: Api) -> None:
    """Only the execution role reads it, and the role that wrote it may delete it."""
    made = api.create(secrets=secrets(TOKEN=PLANTED))

    ((name, kept),) = api.aws.secrets.items()
    assert name.startswith("langgraph-cloud/default/chat-")
    assert name.endswith(f"/revision-{made['latest_revision_id']}")
    assert kept.tags == {
        "byoc:installation": "default",
        "byoc:deployment": "chat",
        "langgraph-cloud": "default",
    }
    assert f"arn:aws:iam::{ACCOUNT}:role/LangGraphCloudECSTaskExecutionRole" in kept.policy


def test_secrets_are_replaced_as_a_whole(api: Api) -> None:
    """Who leaves one out, removes it."""
    made = api.create(secrets=secrets(ONE="1", TWO="2"))

    changed = api.patch(made, secrets=secrets(TWO="22"))

    assert [one["name"] for one in changed["secrets"]] == ["TWO"]
    assert set(api.spec(changed)["secrets"]) == {"TWO"}
    assert api.value(changed, "TWO") == "22"


def test_what_is_read_may_be_sent_back(api: Api) -> None:
    """An empty value stands for the one that is there: none is lost by reading and writing."""
    made = api.create(secrets=secrets(ONE="1", TWO="2"))

    changed = api.patch(made, secrets=[{"name": "ONE", "value": ""}, *secrets(THREE="3")])

    assert [one["name"] for one in changed["secrets"]] == ["ONE", "THREE"]
    assert (api.value(changed, "ONE"), api.value(changed, "THREE")) == ("1", "3")


def test_an_empty_list_of_secrets_changes_nothing(api: Api) -> None:
    """The stock CLI sends one with every new image if it finds no variables."""
    made = api.create(secrets=secrets(ONE="1"))

    changed = api.patch(made, secrets=[], source_revision_config={"image_uri": f"{REPOSITORY}:v1"})

    assert api.value(changed, "ONE") == "1"


def test_an_image_alone_keeps_variables_and_sizes(api: Api) -> None:
    """A revision is the one before with what is named."""
    made = api.create(
        secrets=secrets(ONE="1"), source_config={"resource_spec": {"cpu": 2, "memory_mb": 4096}}
    )

    changed = api.patch(made, source_revision_config={"image_uri": f"{REPOSITORY}:v1"})

    assert changed["latest_revision_id"] != made["latest_revision_id"]
    assert api.value(changed, "ONE") == "1"
    assert api.spec(changed)["cpu"] == 2048
    assert len(api.aws.secrets) == 1  # nothing new to write down


def test_platform_variables_stay_until_they_are_named(api: Api) -> None:
    """The stock CLI never sends them, so its list says nothing about them."""
    made = api.create(secrets=secrets(POSTGRES_URI_CUSTOM=URI, LANGSMITH_API_KEY="k1", ONE="1"))

    changed = api.patch(made, secrets=secrets(TWO="2"))
    again = api.patch(changed, secrets=secrets(TWO="2", LANGSMITH_API_KEY="k2"))

    assert set(api.spec(changed)["secrets"]) == {"TWO", "POSTGRES_URI_CUSTOM", "LANGSMITH_API_KEY"}
    assert api.value(again, "POSTGRES_URI_CUSTOM") == URI
    assert api.value(again, "LANGSMITH_API_KEY") == "k2"


def test_the_licence_key_is_a_reference_of_its_own(api: Api) -> None:
    """The server's image wants it under its own name, which no application may set."""
    made = api.create(secrets=secrets(LANGGRAPH_CLOUD_LICENSE_KEY="key-1"))

    changed = api.patch(made, secrets=secrets(ONE="1"))

    assert api.spec(changed)["license_key"]["json_key"] == "LANGGRAPH_CLOUD_LICENSE_KEY"
    assert set(api.spec(changed)["secrets"]) == {"ONE"}


def test_the_database_is_chosen_once(api: Api) -> None:
    """One's own PostgreSQL cannot be named later, and no longer left out."""
    made = api.create()

    answer = api.http.patch(
        f"{PATH}/{made['id']}", json={"secrets": secrets(POSTGRES_URI_CUSTOM=URI)}
    )

    assert answer.status_code == 400
    assert answer.json()["code"] == "IMMUTABLE"
    assert PLANTED not in answer.text


def test_a_database_by_reference_is_chosen_once_too(api: Api) -> None:
    """Neither named later, nor dropped with the other references."""
    arn = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:theirs-AbCdEf"
    listed = [{"name": "POSTGRES_URI_CUSTOM", "secret_name": arn, "secret_key": ""}]
    without, with_one = api.create("without"), api.create("with", secret_references=listed)

    later = api.http.patch(f"{PATH}/{without['id']}", json={"secret_references": listed})
    dropped = api.http.patch(f"{PATH}/{with_one['id']}", json={"secret_references": []})
    kept = api.patch(with_one, secrets=secrets(ONE="1"))

    assert (later.status_code, dropped.status_code) == (400, 400)
    assert {later.json()["code"], dropped.json()["code"]} == {"IMMUTABLE"}
    assert set(api.spec(kept)["secrets"]) == {"ONE", "POSTGRES_URI_CUSTOM"}


def test_a_wrong_database_address_is_refused_without_repeating_it(api: Api) -> None:
    """It holds a password."""
    wrong = URI.replace("?sslmode=require", "")

    answer = api.http.post(PATH, json=a_request(secrets=secrets(POSTGRES_URI_CUSTOM=wrong)))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "secrets", 0, "value"]
    assert PLANTED not in answer.text


@pytest.mark.parametrize(
    ("given", "loc"),
    [
        ([{"name": "REDIS_URI", "value": "x"}], ["secrets", 0, "name"]),
        ([{"name": "A", "value": "x"}, {"name": "A", "value": "y"}], ["secrets", 1, "name"]),
        ([{"name": "1A", "value": "x"}], ["secrets", 0, "name"]),
        ([{"name": "A", "value": ""}], ["secrets", 0, "value"]),
        ([{"name": "A", "value": "x\x00"}], ["secrets", 0, "value"]),
        ([{"name": "A"}], ["secrets", 0, "value"]),
        ([{"name": "A", "value": "x", "scope": "y"}], ["secrets", 0, "scope"]),
        ([{"name": f"A{n}", "value": "x" * 1000} for n in range(90)], ["secrets"]),
    ],
    ids=["reserved", "twice", "no name", "empty", "NUL", "missing", "unknown", "too large"],
)
def test_wrong_variables_are_refused_by_field(
    api: Api, given: list[dict[str, str]], loc: list[Any]
) -> None:
    """Nothing is created, and no value is repeated."""
    answer = api.http.post(PATH, json=a_request(secrets=given))

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["body", *loc]
    assert api.http.get(PATH).json()["resources"] == []
    assert api.aws.secrets == {}


def test_references_lead_to_the_customers_own_secrets(api: Api) -> None:
    """Their values never pass through the control plane, and follow the current version."""
    arn = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:theirs-AbCdEf"
    reference = {"name": "TOKEN", "secret_name": arn, "secret_key": "token"}
    made = api.create(secret_references=[reference])

    changed = api.patch(made, secrets=secrets(ONE="1"))

    assert changed["secret_references"] == [reference]
    assert api.spec(changed)["secrets"]["TOKEN"] == {
        "arn": arn,
        "json_key": "token",
        "version_id": None,
    }


def test_a_reference_that_is_no_arn_is_refused(api: Api) -> None:
    """Kubernetes has names; Secrets Manager wants the whole ARN."""
    reference = {"name": "TOKEN", "secret_name": "theirs", "secret_key": "token"}

    answer = api.http.post(PATH, json=a_request(secret_references=[reference]))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "secret_references", 0, "secret_name"]

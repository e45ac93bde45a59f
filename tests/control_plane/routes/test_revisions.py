"""Revisions, as stock clients of the platform's API want them."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from byoc_infra.control_plane.store import Store
from tests.support.customer_aws import REPOSITORY
from tests.support.platform_api import Api, accepted, secrets

PATH = "/v2/deployments"


@pytest.fixture
def api(store: Store) -> Api:
    """The API of a tenant with one account."""
    return Api(store)


def test_revisions_are_listed_newest_first(api: Api) -> None:
    """The stock CLI asks for one, and takes it for the latest."""
    made = api.create()
    latest = api.patch(made, secrets=secrets(A="1"))

    listed = api.http.get(f"{PATH}/{made['id']}/revisions", params={"limit": 1}).json()
    rest = api.http.get(
        f"{PATH}/{made['id']}/revisions", params={"offset": listed["offset"]}
    ).json()

    assert [one["id"] for one in listed["resources"]] == [latest["latest_revision_id"]]
    assert [one["id"] for one in rest["resources"]] == [made["latest_revision_id"]]
    assert [one["number"] for one in listed["resources"] + rest["resources"]] == [2, 1]


def test_a_new_revision_is_queued(api: Api) -> None:
    """Sources that are not built skip the phases of a build."""
    made = api.create()

    found = api.http.get(f"{PATH}/{made['id']}/revisions/{made['latest_revision_id']}").json()
    assert (found["status"], found["source"]) == ("QUEUED", "external_docker")
    assert found["failure"] is None


@pytest.mark.parametrize(
    ("status", "numbers"),
    [("DEPLOYED", [1]), ("QUEUED,DEPLOYED", [2, 1]), ("BUILDING", []), (" QUEUED , ", [2])],
)
def test_revisions_are_filtered_by_status(api: Api, status: str, numbers: list[int]) -> None:
    """A list with commas between."""
    made = api.create()
    api.patch(made, secrets=secrets(A="1"))
    with api.store.begin() as tx:
        tx.revisions.get(api.tenant.id, uuid.UUID(made["latest_revision_id"])).status = "DEPLOYED"

    listed = api.http.get(f"{PATH}/{made['id']}/revisions", params={"status": status}).json()
    assert [one["number"] for one in listed["resources"]] == numbers


def test_an_unknown_status_is_refused(api: Api) -> None:
    """It would list nothing, and nobody would know why."""
    made = api.create()

    answer = api.http.get(f"{PATH}/{made['id']}/revisions", params={"status": "DONE"})

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "status"]


def test_a_failed_revision_says_why(api: Api) -> None:
    """In words and in fields."""
    made = api.create()
    id_ = uuid.UUID(made["latest_revision_id"])
    failure = {
        "code": "DEPLOYMENT_UNHEALTHY",
        "field": "service",
        "wanted": "every task healthy",
        "got": "exit code 1",
        "next_step": "Look at the log.",
        "retryable": False,
    }
    with api.store.begin() as tx:
        row = tx.revisions.get(api.tenant.id, id_)
        row.status, row.failure = "DEPLOY_FAILED", failure

    found = api.http.get(f"{PATH}/{made['id']}/revisions/{id_}").json()
    assert found["failure"] == failure
    assert "exit code 1" in found["status_message"]


def test_a_revision_of_another_deployment_is_not_there(api: Api) -> None:
    """Not even the same tenant's."""
    one, other = api.create("one"), api.create("other")
    path = f"{PATH}/{one['id']}/revisions/{other['latest_revision_id']}"

    assert api.http.get(path).status_code == 404
    assert api.http.post(f"{path}/redeploy").status_code == 404


def test_a_redeployed_revision_is_what_it_was(api: Api) -> None:
    """Image, sizes, variables and their values, as a new revision."""
    made = api.create(secrets=secrets(A="1"))
    api.patch(
        made,
        secrets=secrets(A="2"),
        source_revision_config={"image_uri": f"{REPOSITORY}:v1"},
        source_config={"resource_spec": {"cpu": 2}},
    )
    path = f"{PATH}/{made['id']}/revisions/{made['latest_revision_id']}/redeploy"

    again = accepted(api.http.post(path), 200)

    assert again["latest_revision_id"] != made["latest_revision_id"]
    assert api.spec(again) == api.spec(made)
    assert api.value(again, "A") == "1"
    assert len(api.queue.taken) == 3


def test_a_posted_revision_is_made_in_any_case(api: Api) -> None:
    """And its list of secrets is taken at its word."""
    made = api.create(secrets=secrets(A="1"))
    path = f"{PATH}/{made['id']}/revisions"

    same = accepted(api.http.post(path, json={}), 201)
    without = accepted(api.http.post(path, json={"secrets": []}), 201)

    found = api.http.get(f"{PATH}/{made['id']}").json()
    assert (same["number"], without["number"]) == (2, 3)
    assert found["latest_revision_id"] == without["id"]
    assert found["secrets"] == []


def test_two_changes_at_a_time_do_not_lose_each_others(api: Api) -> None:
    """Each is made of the latest by the time that it is written."""
    made = api.create()
    changes: list[dict[str, Any]] = [
        {"secrets": secrets(A="1")},
        {"source_config": {"resource_spec": {"memory_mb": 3000}}},
        {"source_revision_config": {"image_uri": f"{REPOSITORY}:v1"}},
    ]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda parts: api.patch(made, **parts), changes))

    found = api.http.get(f"{PATH}/{made['id']}").json()
    spec = api.spec(found)
    assert (spec["memory_mib"], list(spec["secrets"])) == (3072, ["A"])
    assert found["source_revision_config"]["image_uri"] == f"{REPOSITORY}:v1"
    numbers = [
        one["number"] for one in api.http.get(f"{PATH}/{made['id']}/revisions").json()["resources"]
    ]
    assert numbers == [4, 3, 2, 1]

"""Deployments, as stock clients of the platform's API want them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.errors import AccessRefused, CloudUnreachable
from tests.support.customer_aws import DIGEST, REPOSITORY
from tests.support.platform_api import Api, a_request, everything, secrets

PLANTED = "planted-value-42"
PATH = "/v2/deployments"
DAY = timedelta(days=1)
URI = "postgresql://app:planted-value-42@db.example.com:5432/app?sslmode=require"


@pytest.fixture
def api(store: Store) -> Api:
    """The API of a tenant with one account."""
    return Api(store)


def test_a_new_deployment_has_the_platforms_fields(api: Api) -> None:
    """The stock CLI reads id, name, tenant_id, status and the URL of it."""
    made = api.create()

    assert made["name"] == "chat"
    assert made["tenant_id"] == str(api.tenant.id)
    assert made["status"] == "AWAITING_DATABASE"
    assert made["source_config"]["custom_url"] is None
    assert made["source_config"]["listener_id"] == str(api.account.id)
    assert made["source_config"]["deployment_type"] == "dev"
    assert made["active_revision_id"] is None
    assert api.http.get(f"{PATH}/{made['id']}").json() == made


def test_a_new_deployment_is_queued_once(api: Api) -> None:
    """The operation is in the queue, and the answer says where it can be watched."""
    answer = api.http.post(PATH, json=a_request())

    ((operation, deployment, attempt),) = api.queue.taken
    assert answer.headers["Operation-Location"] == f"/byoc/v1/operations/{operation}"
    assert (str(deployment), attempt) == (answer.json()["id"], 1)


def test_a_tag_is_pinned_when_the_request_is_accepted(api: Api) -> None:
    """What the tag means later does not matter."""
    made = api.create(source_revision_config={"image_uri": f"{REPOSITORY}:v1"})
    api.aws.tags["v1"] = "sha256:" + "b" * 64

    revision = api.http.get(f"{PATH}/{made['id']}/revisions/{made['latest_revision_id']}").json()
    assert revision["image"] == f"{REPOSITORY}@{DIGEST}"
    assert revision["source_revision_config"]["image_uri"] == f"{REPOSITORY}:v1"


@pytest.mark.parametrize(
    "image",
    [f"{REPOSITORY}:gone", "docker.io/library/redis:7", f"{REPOSITORY}"],
    ids=["absent", "elsewhere", "no tag"],
)
def test_an_image_that_cannot_run_is_refused(api: Api, image: str) -> None:
    """Nothing is created."""
    answer = api.http.post(PATH, json=a_request(source_revision_config={"image_uri": image}))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "source_revision_config", "image_uri"]
    assert api.http.get(PATH).json()["resources"] == []


@pytest.mark.parametrize("source", ["github", "internal_docker", "internal_source"])
def test_sources_that_need_a_build_service_are_refused(api: Api, source: str) -> None:
    """With the words by which the stock CLI knows what to tell its user."""
    answer = api.http.post(PATH, json=a_request(source=source))

    assert answer.status_code == 400
    assert "listener_id' is required" in answer.json()["detail"]
    assert "--image-uri" in answer.json()["detail"]


def test_one_account_is_the_default_and_several_need_a_choice(api: Api) -> None:
    """The stock CLI then says to name a listener."""
    first = api.create("one")
    other = api.new_account()
    answer = api.http.post(PATH, json=a_request("two"))
    chosen = api.create("two", source_config={"listener_id": str(other.id)})

    assert first["source_config"]["listener_id"] == str(api.account.id)
    assert answer.status_code == 400
    assert "listener_id' is required" in answer.json()["detail"]
    assert chosen["source_config"]["listener_id"] == str(other.id)


@pytest.mark.parametrize("status", ["requested", "revoked", "deleted"])
def test_nothing_is_deployed_to_an_account_that_is_not_active(api: Api, status: str) -> None:
    """Nor is a stranger's a choice."""
    other = api.new_account(status=status)
    answer = api.http.post(PATH, json=a_request(source_config={"listener_id": str(other.id)}))

    assert answer.status_code == 400
    assert answer.json()["code"] == "CONNECTION_UNUSABLE"


def test_a_strangers_account_is_no_choice(api: Api) -> None:
    """It reads as one that is not there."""
    stranger = api.new_account(api.new_tenant())

    answer = api.http.post(PATH, json=a_request(source_config={"listener_id": str(stranger.id)}))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "source_config", "listener_id"]


@pytest.mark.parametrize(
    "refused",
    [
        AccessRefused("role_arn", wanted="the role", got="AccessDenied", next_step="Ask."),
        CloudUnreachable("sts", wanted="an answer", got="none", next_step="Again."),
    ],
    ids=["refused", "no answer"],
)
def test_nothing_is_stored_if_the_account_cannot_be_reached(api: Api, refused: Exception) -> None:
    """There would be a revision without its values."""
    api.reach.refused = refused

    answer = api.http.post(PATH, json=a_request(secrets=secrets(ONE="1")))

    assert answer.status_code == 503
    assert answer.json()["retryable"] is True
    assert api.http.get(PATH).json()["resources"] == []
    assert api.queue.taken == []


def test_values_of_a_refused_request_are_taken_away_again(api: Api) -> None:
    """What was written before the refusal belongs to nobody."""
    made = api.create("chat")
    api.aws.broken["put_secret_value"] = CloudUnreachable(
        "secretsmanager", wanted="an answer", got="none", next_step="Again."
    )

    answer = api.http.patch(f"{PATH}/{made['id']}", json={"secrets": secrets(ONE="1")})

    assert answer.status_code == 503
    assert api.aws.secrets == {}
    with api.store.begin() as tx:
        assert tx.unclaimed.doom(older_than=-DAY) == []


def test_a_name_is_taken_once(api: Api) -> None:
    """Also while the first one is being deleted: its resources have the name."""
    made = api.create("chat")
    twice = api.http.post(PATH, json=a_request("chat"))
    api.http.delete(f"{PATH}/{made['id']}")
    again = api.http.post(PATH, json=a_request("chat"))

    assert (twice.status_code, again.status_code) == (409, 409)
    assert twice.json()["code"] == "CONFLICT"


def test_names_that_aws_cannot_take_are_mapped(api: Api) -> None:
    """The platform allows them, so they are not refused, and two do not become one."""
    names = ["a-b", "a--b", "a" * 200, "-", "b" * 40]
    made = [api.create(name) for name in names]

    in_aws = [api.spec(one)["name"] for one in made]
    assert [one["name"] for one in made] == names
    assert in_aws[0] == "a-b"
    assert in_aws[4] == "b" * 40
    assert len(set(in_aws)) == len(names)
    assert all(len(one) <= 40 for one in in_aws)


@pytest.mark.parametrize("name", ["", "Chat", "a_b", "a b", "ü", "x" * 257])
def test_names_that_the_platform_refuses_are_refused(api: Api, name: str) -> None:
    """In FastAPI's form."""
    answer = api.http.post(PATH, json=a_request(name))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "name"]


def test_the_quota_is_one_number_per_tenant(api: Api) -> None:
    """Deleted ones do not count."""
    with api.store.begin() as tx:
        tx.tenants.get(api.tenant.id).deployment_limit = 1
    api.create("one")

    answer = api.http.post(PATH, json=a_request("two"))

    assert answer.status_code == 403
    assert answer.json()["code"] == "QUOTA_REACHED"


@pytest.mark.parametrize(
    ("kind", "size"), [("dev", "development"), ("dev_free", "development"), ("prod", "production")]
)
def test_types_are_size_classes(api: Api, kind: str, size: str) -> None:
    """And they cannot be changed."""
    made = api.create(source_config={"deployment_type": kind})
    other = "dev" if kind == "prod" else "prod"

    answer = api.http.patch(
        f"{PATH}/{made['id']}", json={"source_config": {"deployment_type": other}}
    )

    assert api.spec(made)["size"] == size
    assert made["source_config"]["deployment_type"] == kind
    assert answer.status_code == 400
    assert answer.json()["code"] == "IMMUTABLE"


def test_an_account_has_a_default_type(api: Api) -> None:
    """The stock CLI sends none for an image of one's own."""
    with api.store.begin() as tx:
        tx.accounts.get(api.tenant.id, api.account.id).default_deployment_type = "prod"

    assert api.spec(api.create())["size"] == "production"


def test_scale_to_zero_is_refused(api: Api) -> None:
    """Fargate has no such thing, and runs would wait for nobody."""
    answer = api.http.post(PATH, json=a_request(source_config={"deployment_type": "dev_zero"}))

    assert answer.status_code == 400
    assert "Scale to zero" in answer.json()["detail"]


def test_sizes_show_what_was_asked_and_what_it_became(api: Api) -> None:
    """What AWS does not have is rounded up."""
    asked = {"cpu": 0.3, "memory_mb": 900}
    made = api.create(source_config={"resource_spec": asked})

    revision = api.http.get(f"{PATH}/{made['id']}/revisions").json()["resources"][0]
    assert revision["resource_spec"] == asked
    assert (revision["resources"]["cpu"], revision["resources"]["memory_mib"]) == (512, 1024)
    assert made["source_config"]["resource_spec"] == asked


def test_sizes_of_a_change_replace_all_of_them(api: Api) -> None:
    """What is left out goes back to the class's own."""
    made = api.create(source_config={"resource_spec": {"cpu": 2, "memory_mb": 4096}})

    changed = api.patch(made, source_config={"resource_spec": {"memory_mb": 3072}})

    assert (api.spec(changed)["cpu"], api.spec(changed)["memory_mib"]) == (1024, 3072)


def test_storage_is_not_given_back(api: Api) -> None:
    """What is left out stays as it was; less is refused."""
    made = api.create(source_config={"resource_spec": {"db_storage_gi": 100}})

    changed = api.patch(made, source_config={"resource_spec": {"db_cpu": 4}})
    answer = api.http.patch(
        f"{PATH}/{made['id']}", json={"source_config": {"resource_spec": {"db_storage_gi": 50}}}
    )

    spec = api.spec(changed)
    assert spec["database_storage_gib"] == 100
    assert spec["database_instance_class"] == "db.m7g.xlarge"
    assert answer.status_code == 400
    assert answer.json()["code"] == "IMMUTABLE"


def test_what_is_of_kubernetes_is_refused_by_name(api: Api) -> None:
    """It would have no effect."""
    spec = {"image_pull_secrets": [{"name": "regcred"}]}

    answer = api.http.post(PATH, json=a_request(source_config={"resource_spec": spec}))

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == [
        "body",
        "source_config",
        "resource_spec",
        "image_pull_secrets",
    ]


@pytest.mark.parametrize(
    ("part", "loc"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"source_config": {"region": "x"}}, ["source_config", "region"]),
        ({"source_config": {"repo_url": "x"}}, ["source_config", "repo_url"]),
        ({"source_config": {"custom_url": "ftp://x"}}, ["source_config", "custom_url"]),
        (
            {"source_config": {"listener_config": {"k8s_namespace": "other"}}},
            ["source_config", "listener_config", "k8s_namespace"],
        ),
        ({"source_config": {"listener_id": "x"}}, ["source_config", "listener_id"]),
        ({"source_revision_config": {}}, ["source_revision_config", "image_uri"]),
        (
            {"source_config": {"resource_spec": {"max_scale": 99}}},
            ["source_config", "resource_spec", "max_scale"],
        ),
        ({"display_name": "a\x00"}, ["display_name"]),
    ],
)
def test_wrong_fields_are_refused_by_place(api: Api, part: dict[str, Any], loc: list[str]) -> None:
    """Unknown ones too: what nobody reads would have no effect."""
    answer = api.http.post(PATH, json=a_request(**part))

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == ["body", *loc]


def test_a_change_of_nothing_that_runs_makes_no_revision(api: Api) -> None:
    """A URL is only shown."""
    made = api.create()

    changed = api.patch(
        made, display_name="Chat", source_config={"custom_url": "https://chat.example.com"}
    )

    assert changed["latest_revision_id"] == made["latest_revision_id"]
    assert changed["display_name"] == "Chat"
    assert changed["source_config"]["custom_url"] == "https://chat.example.com"
    assert len(api.queue.taken) == 1


def test_the_services_url_is_the_custom_url(api: Api) -> None:
    """The stock CLI prints that field."""
    made = api.create()
    with api.store.begin() as tx:
        tx.deployments.get(api.tenant.id, uuid.UUID(made["id"])).url = "http://lb.example.com"

    found = api.http.get(f"{PATH}/{made['id']}").json()
    assert found["source_config"]["custom_url"] == "http://lb.example.com"


def test_a_strangers_deployment_is_not_there(api: Api) -> None:
    """For no method."""
    made = api.create()
    stranger = api.client("admin", api.new_tenant())
    path = f"{PATH}/{made['id']}"
    revision = f"{path}/revisions/{made['latest_revision_id']}"

    answers = [
        stranger.get(path),
        stranger.patch(path, json={"display_name": "mine"}),
        stranger.delete(path),
        stranger.delete(PATH, params={"deployment_ids": made["id"]}),
        stranger.get(f"{path}/revisions"),
        stranger.post(f"{path}/revisions", json={}),
        stranger.get(revision),
        stranger.post(f"{revision}/redeploy"),
        stranger.post(f"{path}/push-token", json={}),
        stranger.post(f"{path}/upload-url", json={}),
    ]

    assert [one.status_code for one in answers] == [404] * len(answers)
    assert stranger.get(PATH).json()["resources"] == []


def test_deletion_is_an_operation(api: Api) -> None:
    """A repeat finds the first one's."""
    made = api.create()

    first = api.http.delete(f"{PATH}/{made['id']}")
    again = api.http.delete(f"{PATH}/{made['id']}")

    assert (first.status_code, again.status_code) == (204, 204)
    assert first.headers["Operation-Location"] == again.headers["Operation-Location"]
    assert len(api.queue.taken) == 2  # the creation, and one deletion
    assert api.http.get(f"{PATH}/{made['id']}").json()["status"] == "AWAITING_DELETE"


def test_what_is_being_deleted_takes_no_changes(api: Api) -> None:
    """It would have no effect."""
    made = api.create()
    api.http.delete(f"{PATH}/{made['id']}")

    answer = api.http.patch(f"{PATH}/{made['id']}", json={"display_name": "x"})

    assert answer.status_code == 409


def test_what_runs_is_stopped_by_a_deletion(api: Api) -> None:
    """And what has not begun never begins."""
    made = api.create()
    operation = api.queue.taken[0][0]
    with api.store.begin() as tx:
        tx.operations.get(api.tenant.id, operation).status = "RUNNING"

    api.http.delete(f"{PATH}/{made['id']}")

    with api.store.begin() as tx:
        assert tx.operations.get(api.tenant.id, operation).cancel_requested_at is not None


def test_many_are_deleted_each_by_itself(api: Api) -> None:
    """200 if all were there, 207 if some were, 404 if none was."""
    ids = [api.create(f"d{n}")["id"] for n in range(3)]
    gone = str(uuid.uuid4())

    def delete(*which: str) -> Any:
        return api.http.delete(PATH, params={"deployment_ids": list(which)})

    all_there, some, none = delete(*ids[:2]), delete(ids[2], gone), delete(gone)

    assert (all_there.status_code, some.status_code, none.status_code) == (200, 207, 404)
    assert some.json()["deleted"] == [ids[2]]
    assert some.json()["failed"][0]["id"] == gone


def test_tracing_projects_are_not_ours_to_delete(api: Api) -> None:
    """A flag without effect would be a promise."""
    made = api.create()

    answer = api.http.delete(f"{PATH}/{made['id']}", params={"delete_tracing_project": True})

    assert answer.status_code == 400
    assert api.http.get(f"{PATH}/{made['id']}").json()["status"] == "AWAITING_DATABASE"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("push-token", {"supports_registry_username": True}),
        ("upload-url", {"supports_upload_headers": True}),
    ],
)
def test_what_only_a_build_service_has_is_refused(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    """The stock CLI prints the words."""
    made = api.create()

    answer = api.http.post(f"{PATH}/{made['id']}/{path}", json=body)

    assert answer.status_code == 400
    assert "--image-uri" in answer.json()["detail"]


def test_every_change_is_in_the_audit(api: Api) -> None:
    """Who, what, and by which request."""
    made = api.create()
    api.patch(made, display_name="x")
    api.http.delete(f"{PATH}/{made['id']}")

    actions = [row["action"] for row in everything(api.store) if row.get("action")]
    assert actions[-3:] == ["deployment.create", "deployment.update", "deployment.delete"]

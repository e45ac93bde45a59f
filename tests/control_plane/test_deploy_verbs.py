"""`byoc deploy` and what belongs to it, over HTTP, on a real PostgreSQL; AWS is in memory."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from byoc_infra.control_plane.routes import operations
from byoc_infra.control_plane.store import Store
from tests.cli.conftest import Run, byoc  # noqa: F401 - the fixture
from tests.support.customer_aws import DIGEST, REPOSITORY, CustomerAws
from tests.support.plane import Plane
from tests.support.serving import served

IMAGE = f"{REPOSITORY}:v1"
DEPLOY = ("deploy", "--name", "chat", "--image", IMAGE, "--json")


@pytest.fixture
def aws() -> CustomerAws:
    """The customer's account."""
    return CustomerAws()


@pytest.fixture
def plane(
    shared_store: Store, aws: CustomerAws, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plane]:
    """A control plane that is served, and the environment of one of its users."""
    monkeypatch.setattr(operations, "POLL_S", 0.01)
    made = Plane(shared_store, session=aws)
    with served(made.app) as url:
        monkeypatch.setenv("BYOC_URL", url)
        monkeypatch.setenv("BYOC_API_KEY", made.client("admin").headers["X-Api-Key"])
        yield made


def test_an_image_becomes_a_deployment_and_then_a_revision(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """The name decides; the image is pinned when it is accepted."""
    first = byoc(*DEPLOY, "--no-wait").json["result"]
    second = byoc(*DEPLOY, "--no-wait").json["result"]
    listed = byoc("revisions", "chat", "--json").json["result"]

    assert first["deployment"]["id"] == second["deployment"]["id"]
    assert [one["number"] for one in listed] == [2, 1]
    assert {one["image"] for one in listed} == {f"{REPOSITORY}@{DIGEST}"}
    assert [first["operation"]["id"], second["operation"]["id"]] == [
        taken for taken, *_ in plane.queue.taken
    ]


def test_deploying_waits_until_the_image_serves(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """And shows the deployment as it is then."""

    def work() -> None:
        while not plane.queue.taken:
            time.sleep(0.01)
        with plane.store.begin() as tx:
            row = tx.operations.get(plane.tenant.id, plane.queue.taken[0][0])
            deployment = tx.deployments.get(plane.tenant.id, row.deployment_id)
            deployment.status, deployment.url = "READY", "http://chat.internal"
            row.status, row.finished_at = "SUCCEEDED", datetime.now(UTC)

    worker = threading.Thread(target=work)
    worker.start()
    said = byoc(*DEPLOY)
    worker.join()

    assert said.code == 0
    assert said.json["result"]["operation"]["status"] == "SUCCEEDED"
    assert said.json["result"]["deployment"]["status"] == "READY"
    assert (
        said.json["result"]["deployment"]["source_config"]["custom_url"] == "http://chat.internal"
    )


def test_a_secrets_value_comes_from_the_shell_and_goes_to_the_customer(
    plane: Plane,
    byoc: Run,  # noqa: F811
    aws: CustomerAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Into its Secrets Manager; no answer has it, and a revision without a word of it keeps it."""
    monkeypatch.setenv("API_TOKEN", "t0ken-of-the-shell")

    said = byoc(*DEPLOY, "--secret", "API_TOKEN", "--no-wait")
    later = byoc(*DEPLOY, "--no-wait")

    (kept,) = aws.secrets.values()
    assert "t0ken-of-the-shell" in "".join(kept.versions.values())
    assert "t0ken-of-the-shell" not in said.out + said.err + later.out
    assert later.json["result"]["deployment"]["secrets"] == [{"name": "API_TOKEN", "value": ""}]


def test_the_same_key_deploys_once(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """Whether it was a new deployment, which exists by the time of the repeat, or a revision."""
    builds = [("--idempotency-key", f"build {n} of {plane.tenant.id}") for n in (7, 7, 8, 8, 7)]

    said = [byoc(*DEPLOY, *build, "--no-wait") for build in builds]

    assert [one.code for one in said] == [0, 0, 0, 0, 0]
    made = [one.json["result"]["operation"]["id"] for one in said]
    assert made[0] == made[1] == made[4] != made[2] == made[3]
    assert [taken for taken, *_ in plane.queue.taken] == [made[0], made[2]]


def test_one_goes_back_to_an_earlier_revision(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """By its number; the newest is then what the first was."""
    deployment = plane.deployment()
    first = plane.revision(deployment)
    plane.revision(deployment)

    said = byoc("rollback", "chat", "--to", "1", "--no-wait", "--json")
    listed = byoc("revisions", "chat", "--json").json["result"]

    assert said.code == 0
    assert [one["number"] for one in listed] == [3, 2, 1]
    assert listed[0]["image"] == first.spec["image"]


def test_the_revision_that_serves_is_marked(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """Not the newest, while that is still being rolled out."""
    deployment = plane.deployment()
    plane.revision(deployment)
    plane.revision(deployment, status="DEPLOYING")

    lines = byoc("revisions", "chat").out.splitlines()

    assert ["*" in line for line in lines] == [False, False, True]


def test_deployments_are_listed_shown_deleted_and_forgotten(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """By name; what is not there is told as such."""
    deployment = plane.deployment()
    plane.revision(deployment)
    plane.revision(plane.deployment("other"))

    listed = byoc("deployments", "list", "--json").json["result"]
    shown = byoc("deployments", "show", "chat", "--json").json["result"]
    gone = byoc("deployments", "delete", "chat", "--no-wait", "--json")
    wrong = byoc("deployments", "forget", "other", "--confirm", "chat", "--json")
    left = byoc("deployments", "forget", "other", "--confirm", "other", "--json")
    missing = byoc("deployments", "show", "nobody", "--json")

    assert {one["name"] for one in listed} == {"chat", "other"}
    assert shown["id"] == str(deployment.id)
    assert gone.json["result"]["operation"]["kind"] == "delete"
    assert (wrong.code, wrong.json["error"]["field"]) == (2, "name")
    assert left.json["result"]["name"] == "other"
    assert (missing.code, missing.json["error"]["code"]) == (2, "NOT_FOUND")


def test_an_account_file_is_not_written_over(byoc: Run, tmp_path: Path) -> None:  # noqa: F811
    """Nothing is asked of the control plane before."""
    there = tmp_path / "account.yaml"
    there.write_text("mine")

    said = byoc(
        *("connection", "create", "x", "--account", "222222222222", "--region", "eu-west-1"),
        *("--file", str(there), "--json"),
    )

    assert said.json["error"]["field"] == "file"
    assert there.read_text() == "mine"

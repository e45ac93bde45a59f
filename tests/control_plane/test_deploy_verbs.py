"""`byoc deploy` and what belongs to it, over HTTP, on a real PostgreSQL; AWS is in memory."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from byoc_infra.cli import files
from byoc_infra.control_plane.routes import operations
from byoc_infra.control_plane.store import Store
from byoc_infra.errors import NotFound
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
        while not _finished(plane):
            time.sleep(0.01)

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


def _finished(plane: Plane) -> bool:
    """Whether what was taken could be finished: it is there once its transaction has ended."""
    if not plane.queue.taken:
        return False
    with suppress(NotFound), plane.store.begin() as tx:
        row = tx.operations.get(plane.tenant.id, plane.queue.taken[0][0])
        deployment = tx.deployments.get(plane.tenant.id, row.deployment_id)
        deployment.status, deployment.url = "READY", "http://chat.internal"
        row.status, row.finished_at = "SUCCEEDED", datetime.now(UTC)
        return True
    return False


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


def test_a_connection_is_made_for_a_customer_to_accept(
    plane: Plane,
    byoc: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The file that they are to run is written, with an external id of the connection's own."""
    file = tmp_path / "account.yaml"
    where = ("--account", "333333333333", "--region", "eu-west-1", "--repository", "agents")

    made = byoc("connection", "create", "new", *where, "--file", str(file), "--json")
    again = byoc("connection", "setup", "new", "--json").json["result"]
    listed = byoc("connection", "list", "--json").json["result"]

    spec = files.load_account(file)
    assert list(spec.external_ids) == made.json["result"]["setup"]["external_ids"]
    assert (spec.aws_account_id, spec.repositories) == ("333333333333", ("agents",))
    assert again["setup"]["account_yaml"] == file.read_text()
    assert {one["name"]: one["status"] for one in listed} == {
        "production": "active",
        "new": "requested",
    }


def test_a_connection_is_rotated_revoked_and_deleted(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """Each is one command; the customer then has both ids to trust."""
    where = ("--account", "333333333333", "--region", "eu-west-1")
    made = byoc("connection", "create", "new", *where, "--json").json["result"]
    with plane.store.begin() as tx:
        tx.accounts.get(plane.tenant.id, uuid.UUID(made["id"])).status = "active"

    told = byoc("connection", "rotate", "new", "--json").json["result"]
    revoked = byoc("connection", "revoke", "new", "--json").json["result"]
    deleted = byoc("connection", "delete", "new", "--json")
    missing = byoc("connection", "activate", "new", "--json")

    assert told["rotation"] == "offered"
    assert len(told["setup"]["external_ids"]) == 2
    assert revoked["status"] == "revoked"
    assert deleted.code == 0
    assert missing.json["error"]["code"] == "NOT_FOUND"


def test_a_key_is_shown_once_and_ended(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """People get it alone on its line, for a variable; lists have none."""
    key = byoc("keys", "create", "ci", "--scope", "read").out.strip()
    listed = byoc("keys", "list", "--json")
    made = next(one for one in listed.json["result"] if one["name"] == "ci")
    ended = byoc("keys", "revoke", made["id"], "--json").json["result"]

    assert key.startswith(f"{made['prefix']}_")
    assert key not in listed.out
    assert (made["scope"], ended["status"]) == ("read", "revoked")


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

"""The stock `langgraph` CLI and SDK, unchanged, against a running `byoc server`.

The tests tell one story in order and share the deployment; each begins where the last ended.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client

from benchmarks import parallel, rollout
from benchmarks.race import Race, heat
from byoc_infra.aws.session import open_session
from tests.e2e.stage import APP, REPOSITORY, Stage
from tests.support.figures import FIGURES
from tests.support.leaks import leaks
from tests.support.server import Server, on_cloud

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

LANGGRAPH = (sys.executable, "-m", "langgraph_cli")
BESIDE_OTHERS = 2.0
"""Other stories may run beside one of the two sides; `make bench-all` knows no such excuse."""
PLANTED = 'pl4nted "s3cret"/+%?'
NAME = "story--cli"
"""The platform allows it; AWS does not."""
AGENT = """
from functools import partial
import hashlib, os
from typing import TypedDict
from langgraph.graph import END, START, StateGraph
class Told(TypedDict, total=False):
    said: str
    version: str
    secret: str
def tell(state: Told) -> Told:
    secret = os.environ.get("APP_SECRET", "")
    return {"version": "VERSION", "secret": hashlib.sha256(secret.encode()).hexdigest()}
builder = StateGraph(Told)
builder.add_node("tell", tell)
builder.add_edge(START, "tell")
builder.add_edge("tell", END)
graph = builder.compile()
"""
"""Says which version it is, and a hash of the secret that it was given."""


class Story:
    """A developer with the stock CLI, and the control plane that they use."""

    def __init__(self, stage: Stage, server: Server, project: Path) -> None:
        self.stage = stage
        self.server = server
        self.project = project
        self.key = ""
        self.said: list[str] = []
        """All that the CLI has printed."""

    def image(self, version: str) -> str:
        """The agent as this version, pushed; by digest."""
        app = self.stage.cloud.directory / f"cli-{version}"
        shutil.copytree(APP, app, dirs_exist_ok=True)
        (app / "graph.py").write_text(AGENT.replace("VERSION", version))
        return self.stage.cloud.push(app, REPOSITORY, f"cli-{version}")

    def cli(self, *words: str, fails: bool = False) -> str:
        """`langgraph deploy …` in the project; all that it says."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.project),
            "LANGGRAPH_HOST_URL": self.server.url,
            "LANGGRAPH_HOST_API_KEY": self.key,
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        }
        done = subprocess.run(
            [*LANGGRAPH, "deploy", *words],
            cwd=self.project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        text = done.stdout + done.stderr
        self.said.append(text)
        assert (done.returncode != 0) == fails, f"{text}\n{self.server_log()}"
        return text

    def deploy(self, version: str, *words: str) -> str:
        """Deploy a version, and wait for it as the CLI does."""
        return self.cli("--image-uri", self.image(version), "--name", NAME, "--no-input", *words)

    def variables(self, **values: str) -> None:
        """The project's `.env`."""
        lines = [f"{name}={json.dumps(value)}\n" for name, value in values.items()]
        (self.project / ".env").write_text("".join(lines))

    def get(self, path: str) -> Any:
        """One request of the API."""
        answer = self.server.ask(path, **{"X-Api-Key": self.key})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None) -> Any:
        """The same with a body."""
        headers = {"X-Api-Key": self.key}
        answer = httpx.post(f"{self.server.url}{path}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return answer.json()

    @property
    def deployment(self) -> dict[str, Any]:
        """As the API shows it."""
        (found,) = self.get(f"/v2/deployments?name={NAME}")["resources"]
        return dict(found)

    def run(self) -> dict[str, Any]:
        """One run of the graph on a new thread, by the stock SDK."""
        with get_sync_client(url=self.deployment["source_config"]["custom_url"]) as client:
            thread = client.threads.create()
            answer = client.runs.wait(thread["thread_id"], "chat", input={"said": "hello"})
        assert isinstance(answer, dict)
        return answer

    def server_log(self) -> str:
        """Its end."""
        return (self.server.place / "log").read_text()[-6000:]


@pytest.fixture(scope="module")
def story(account: Stage) -> Iterator[Story]:
    """A server, a tenant with an API key, an account, and a project."""
    tuned = {"BYOC_CONCURRENCY": "1", "BYOC_HEALTH_DEADLINE_S": "120"}
    with on_cloud(account.cloud, **tuned) as server:
        project = server.place / "project"
        shutil.copytree(APP, project)
        one = Story(account, server, project)
        _, one.key = server.tenant("acme")
        connect(one)
        yield one


def connect(story: Story) -> None:
    """Ask for a connection, have the customer's set-up trust its id, and prove it."""
    stage = story.stage
    place = {"aws_account_id": stage.cloud.customer.id, "region": stage.cloud.region}
    asked = story.post("/byoc/v1/accounts", {"name": "production", **place})
    theirs = (stage.external_id, *asked["setup"]["external_ids"])
    stage.set_up(stage.account(external_ids=theirs))
    story.post(f"/byoc/v1/accounts/{asked['id']}/activate")


def test_the_cli_deploys_an_image_and_waits_for_it(story: Story) -> None:
    """`langgraph deploy --image-uri`, with the project's `.env` as secrets, without Docker."""
    story.variables(APP_SECRET=PLANTED, LANGSMITH_API_KEY="dropped-by-the-cli")

    said = story.deploy("v1")

    assert story.deployment["source_config"]["custom_url"] in said
    assert story.deployment["status"] == "READY"
    assert [one["name"] for one in story.deployment["secrets"]] == ["APP_SECRET"]


def test_the_sdk_runs_the_graph(story: Story) -> None:
    """With the secret's value, which only the task has got."""
    answer = story.run()

    assert answer["version"] == "v1"
    assert answer["secret"] == sha256(PLANTED)


def test_the_cli_updates_the_deployment_that_it_finds_by_name(story: Story) -> None:
    """A new revision serves, with what stands in `.env` now; the one before is REPLACED."""
    story.variables(APP_SECRET="another", OTHER="one")

    story.deploy("v2")
    listed = story.cli("revisions", "list", story.deployment["id"])

    assert story.run() == {"said": "hello", "version": "v2", "secret": sha256("another")}
    assert [one["name"] for one in story.deployment["secrets"]] == ["APP_SECRET", "OTHER"]
    assert listed.index("DEPLOYED") < listed.index("REPLACED")


def test_an_older_revision_is_redeployed_with_its_values(story: Story) -> None:
    """By the platform's API, which has no command in the CLI."""
    revisions = story.get(f"/v2/deployments/{story.deployment['id']}/revisions")["resources"]
    path = f"/v2/deployments/{story.deployment['id']}/revisions/{revisions[-1]['id']}/redeploy"

    settled(story, story.post(path)["latest_revision_id"])

    assert story.run() == {"said": "hello", "version": "v1", "secret": sha256(PLANTED)}


def test_the_cli_lists_and_shows(story: Story) -> None:
    """Deployments, listeners and the application's log."""
    listed = json.loads(story.cli("list", "--json"))
    listeners = json.loads(story.cli("listeners", "list", "--json"))
    logs = story.cli("logs", "--name", NAME, "--limit", "20")

    assert listed == [{"id": story.deployment["id"], "name": NAME}]
    assert [one["compute_config"]["k8s_namespaces"] for one in listeners] == [["default"]]
    assert len(logs.splitlines()) >= 5


def test_the_cli_is_told_what_cannot_be_built_here(story: Story) -> None:
    """It prints its own remedy: an image from a registry of one's own."""
    new = story.cli("--remote", "--name", "built", "--no-input", fails=True)
    existing = story.cli("--remote", "--name", NAME, "--no-input", fails=True)

    assert "--push-to <registry>/<repository>" in new
    assert "--image-uri" in existing


def test_the_benchmarks_run_in_their_smallest_size(
    story: Story, record_property: Callable[[str, object], None]
) -> None:
    """One revision of the story's deployment against one bare `pulumi up` of the same change."""
    between = Race(story.stage, story.server, story.key)
    between.deployments["ours-0"] = story.deployment["id"]
    images = [story.stage.push(f"bench-{number}") for number in range(2)]
    between.prepare_bare("bare-0", images[0], deletion_protection="false")

    ran = heat(between, 1, images[1])
    between.remove_bare("bare-0")
    record_property(FIGURES, "\n".join([*rollout.figures([ran]), *parallel.figures(ran)]))

    assert ran.ratio <= BESIDE_OTHERS * rollout.LIMIT
    assert min(ran.ours_mib, ran.bare_mib) > 0


def test_no_value_is_in_the_control_plane(story: Story) -> None:
    """Not in a table, DBOS's among them, not in its log, and not in an answer."""
    texts = {"log": (story.server.place / "log").read_text(), "cli": "\n".join(story.said)}
    tables = story.server.rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    for (table,) in tables:
        rows = story.server.rows(f"SELECT to_jsonb(t)::text FROM {table} t")  # noqa: S608
        texts[table] = "\n".join(row[0] for row in rows)

    assert len(texts) > 20
    assert "APP_SECRET" in texts["byoc.revisions"]
    assert leaks(PLANTED, texts) == []


def test_the_cli_deletes_the_deployment(story: Story) -> None:
    """Its database leaves a last snapshot; nothing else is left, and the name is free."""
    id_ = story.deployment["id"]

    said = story.cli("delete", id_, "--force")
    end = time.monotonic() + 240
    while story.server.ask(f"/v2/deployments/{id_}", **{"X-Api-Key": story.key}).status_code == 200:
        assert time.monotonic() < end, story.server_log()
        time.sleep(0.5)

    assert f"Deleted deployment {id_}" in said
    assert story.get("/v2/deployments")["resources"] == []
    assert secrets_left(story) == []


def settled(story: Story, revision_id: str) -> None:
    """Wait until the revision has ended well."""
    path = f"/v2/deployments/{story.deployment['id']}/revisions/{revision_id}"
    end = time.monotonic() + 240
    while (found := story.get(path))["status"] not in ("DEPLOYED", "DEPLOY_FAILED"):
        assert time.monotonic() < end, story.server_log()
        time.sleep(0.5)
    assert found["status"] == "DEPLOYED", found


def secrets_left(story: Story) -> list[str]:
    """What the customer still has of the deployment's secrets, and not on its way out."""
    env = story.stage.cloud.env("customer")
    session = open_session(None, region=story.stage.cloud.region, env=env)
    try:
        listed = session.each("secretsmanager", "list_secrets", "SecretList")
        return [one["Name"] for one in listed if "/story-cli" in one["Name"]]
    finally:
        session.close()


def sha256(text: str) -> str:
    """As the agent tells it."""
    return hashlib.sha256(text.encode()).hexdigest()

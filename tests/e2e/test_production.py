"""A production deployment: two services on one queue, killed tasks, scaling, HTTPS.

The tests tell one story in order and share the deployment; each begins where the last ended.
"""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from byoc_infra.cli import calling
from byoc_infra.errors import SpecError
from byoc_infra.flows import deployment, reading
from byoc_infra.flows.results import Up
from byoc_infra.spec import DeploymentSpec
from tests.e2e.stage import UNGUARDED, Stage

pytestmark = pytest.mark.e2e

DOMAIN = "agents.example.com"
THINKING_S = 4
DEADLINE_S = 60
BEGAN = "Starting background run"
"""What a server says when it takes a run."""


class Production:
    """What the tests of this file hand on to each other."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.certificate = stage.cloud.control("certificate", domain=DOMAIN)["certificate"]
        self.spec = stage.deployment(
            "prod",
            stage.push("v1"),
            size="production",
            min_scale=1,
            max_scale=2,
            queue_min_scale=2,
            queue_max_scale=3,
            certificate_arn=self.certificate,
            domain=DOMAIN,
            **UNGUARDED,
            # How soon a run without its task is noticed; 120 s on the vendor's image.
            environment={"CHAT_THINKING_S": str(THINKING_S), "LG_BG_JOB_HEARTBEAT": "2"},
        )
        self.names = deployment.names_of(self.spec)
        self.outputs: dict[str, object] = {}

    def up(self, **changes: object) -> Up:
        """Bring the deployment up, changed."""
        self.spec = DeploymentSpec.model_validate({**self.spec.model_dump(), **changes})
        up = deployment.up(self.spec, self.stage.access(), self.stage.work("vendor"))
        self.outputs = dict(up.outputs)
        return up

    @contextmanager
    def asking(self) -> Iterator[Callable[..., dict[str, Any]]]:
        """Ask AWS as the customer."""
        with self.stage.work("customer").reach(self.stage.account(), None) as reached:
            yield reached.session.ask

    def service(self, role: str) -> dict[str, Any]:
        """An ECS service as it is."""
        name = self.names.service(role)
        with self.asking() as ask:
            answer = ask("ecs", "describe_services", cluster=self.cluster, services=[name])
        found: dict[str, Any] = answer["services"][0]
        return found

    @property
    def cluster(self) -> str:
        """The account's."""
        return str(self.outputs["cluster"])

    def lines(self, service: str) -> list[Any]:
        """What the containers of a service have said."""
        asked = reading.Asked(limit=None, service=service)
        env = self.stage.work("vendor").env
        return list(reading.lines(self.spec, self.stage.access(), asked, env))

    def worker_of(self, run_id: str, *, before: str = "") -> str:
        """The queue task that has begun a run, other than `before`."""
        return str(eventually(lambda: self._began(run_id) - {before}).pop())

    def _began(self, run_id: str) -> set[str]:
        return {
            line.stream.rpartition("/")[2]
            for line in self.lines("queue")
            if run_id in line.message and BEGAN in line.message
        }


def eventually(found: Callable[[], Any]) -> Any:
    """The first thing that is found, before too long."""
    end = time.monotonic() + DEADLINE_S
    while not (thing := found()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.5)
    return thing


@pytest.fixture(scope="module")
def production(account: Stage) -> Iterator[Production]:
    """The deployment, as far as the story has come."""
    made = Production(account)
    yield made
    account.remove(made.spec)


def test_a_certificate_that_has_expired_is_refused_before_anything_is_built(
    production: Production,
) -> None:
    """By which one it is, and since when."""
    ended = production.stage.cloud.control("certificate", domain=DOMAIN, days=-3)["certificate"]
    with pytest.raises(SpecError, match="which expired on") as refused:
        production.up(certificate_arn=ended)
    production.spec = production.spec.model_copy(update={"certificate_arn": production.certificate})
    with production.asking() as ask:
        there = ask("elbv2", "describe_load_balancers")["LoadBalancers"]

    assert ended in refused.value.got
    assert production.names.balancer not in {one["LoadBalancerName"] for one in there}


def test_https_answers_and_http_only_redirects(production: Production) -> None:
    """With the domain's own certificate, for whoever trusts the CA that signed it."""
    cloud = production.stage.cloud
    up = production.up()
    with production.asking() as ask:
        (balancer,) = ask("elbv2", "describe_load_balancers", Names=[production.names.balancer])[
            "LoadBalancers"
        ]
    cloud.control("point", name=DOMAIN, at=balancer["DNSName"])
    trust = ssl.create_default_context(cafile=str(cloud.directory / "ca.pem"))
    with httpx.Client(verify=trust, trust_env=False) as http:
        plain = http.get(f"http://{DOMAIN}/ok")
        secure = http.get(f"https://{DOMAIN}/ok")

    assert up.outputs["url"] == f"https://{DOMAIN}"
    assert (plain.status_code, plain.headers["location"]) == (301, f"https://{DOMAIN}/ok")
    assert secure.json() == {"ok": True}


def test_the_database_stands_in_two_zones_and_is_backed_up(production: Production) -> None:
    """As AWS has it, with storage that grows."""
    with production.asking() as ask:
        (database,) = ask(
            "rds", "describe_db_instances", DBInstanceIdentifier=production.names.database
        )["DBInstances"]

    assert database["MultiAZ"] is True
    assert database["BackupRetentionPeriod"] == 14
    assert database["MaxAllocatedStorage"] > database["AllocatedStorage"]


def test_runs_are_taken_by_queue_tasks_only(production: Production) -> None:
    """The API has the request and the thread; the run is in the queue's log alone."""
    answer = calling.call(f"https://{DOMAIN}", values={"said": "one"})
    queue = [line for line in production.lines("queue") if BEGAN in line.message]
    api = [line for line in production.lines("api") if BEGAN in line.message]

    assert answer.values["answer"] == "v1: 1 heard: one"
    assert queue
    assert api == []


def test_a_queue_task_killed_in_mid_run_loses_no_run(production: Production) -> None:
    """SIGKILL, as a machine that dies does it: another task takes the run up and ends it."""
    with calling._client(f"https://{DOMAIN}") as client:
        thread = client.threads.create()["thread_id"]
        run = client.runs.create(thread, "chat", input={"said": "one"})
        first = production.worker_of(run["run_id"])
        production.stage.cloud.control("kill-task", task=first)
        second = production.worker_of(run["run_id"], before=first)
        state = client.runs.join(thread, run["run_id"])
        ended = client.runs.get(thread, run["run_id"])

    assert first != second
    assert ended["status"] == "success"
    assert state["answer"] == "v1: 1 heard: one"
    eventually(lambda: production.service("queue")["runningCount"] == 2)


def test_a_service_scales_by_what_it_uses(production: Production) -> None:
    """2 → 3 → 2 by the load that is told, and a later `up` leaves the count alone."""
    load = production.stage.cloud.control
    name = production.names.service("queue")
    load("load", service=name, cpu=150.0, memory=40.0, minutes=3)
    eventually(lambda: production.service("queue")["desiredCount"] == 3)
    load("load", service=name, cpu=70.0, memory=70.0)
    eventually(lambda: production.service("queue")["runningCount"] == 3)
    again = production.up()
    grown = production.service("queue")["desiredCount"]
    load("load", service=name, cpu=5.0, memory=5.0, minutes=15)
    eventually(lambda: production.service("queue")["runningCount"] == 2)

    assert again.changes == ()
    assert grown == 3
    assert production.service("queue")["desiredCount"] == 2
    assert len(production.service("queue")["deployments"]) == 1


def test_a_production_deployment_never_shrinks(production: Production) -> None:
    """Refused with the way to make it small; nothing has changed."""
    small = dict.fromkeys(("min_scale", "max_scale", "queue_min_scale", "queue_max_scale"))
    spec = DeploymentSpec.model_validate(
        {**production.spec.model_dump(), **small, "size": "development"}
    )
    with pytest.raises(SpecError, match="size: want production"):
        deployment.up(spec, production.stage.access(), production.stage.work("vendor"))

    assert json.dumps(production.service("queue")["status"]) == '"ACTIVE"'

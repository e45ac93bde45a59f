"""Deployments that do not take whatever database answers: an own one, and RDS by its certificate.

The tests tell one story in order; each begins where the last ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from byoc_infra.aws import inventory
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import DeploymentUnhealthy, SecretWithoutValue, SpecError
from byoc_infra.flows import deployment, secrets
from byoc_infra.flows.results import Up
from byoc_infra.spec import DeploymentSpec
from tests.e2e.stage import Stage
from tests.support.outside_postgres import OutsidePostgres, outside_postgres

pytestmark = pytest.mark.e2e

NAME = "POSTGRES_URI_CUSTOM"
OF_RDS = ["rds instance", "rds parameter group", "rds snapshot"]


@dataclass
class Scene:
    """A deployment and the database that its owner brings."""

    stage: Stage
    outside: OutsidePostgres
    spec: DeploymentSpec
    caller: Caller

    def up(self, **changes: object) -> Up:
        """Bring the deployment up, changed."""
        self.spec = DeploymentSpec.model_validate({**self.spec.model_dump(), **changes})
        return deployment.up(self.spec, self.stage.access(), self.stage.work("vendor"))

    def put(self, value: str) -> secrets.Stored:
        """`byoc secrets put` of the address."""
        env = self.stage.work("vendor").env
        return secrets.put(self.spec, self.stage.access(), NAME, value, env, allow_loopback=True)

    def of_rds(self) -> int:
        """How many things of RDS the account holds that belong to deployments."""
        with self.stage.work("customer").reach(self.stage.account(), None) as reached:
            return inventory.take(reached.session, OF_RDS).count()


@pytest.fixture(scope="module")
def scene(account: Stage) -> Iterator[Scene]:
    """The database, and a deployment that is not made yet."""
    network = str(urlsplit(account.cloud.env("vendor")["AWS_ENDPOINT_URL"]).hostname).split(".")[1]
    with outside_postgres(account.cloud.directory, f"127.{network}.0.9") as outside:
        spec = account.deployment(
            "own-db",
            account.push("v1"),
            secrets={NAME: None},
            database_tls="verify-full",
            database_ca_pem=outside.ca_pem,
        )
        yield Scene(account, outside, spec, Caller(""))


def test_an_address_that_cannot_work_is_refused_before_it_is_stored(scene: Scene) -> None:
    """Beside the table of the rules: by the command's own way in."""
    for uri in ("mysql://app@db/x", scene.outside.uri.rpartition("/")[0]):
        with pytest.raises(SpecError) as refused:
            scene.put(uri)

        assert scene.outside.password not in str(refused.value)


def test_a_deployment_runs_on_a_database_of_the_customers_own(scene: Scene) -> None:
    """By its address in a secret and its CA on a volume; nothing of RDS is made."""
    before = scene.of_rds()
    with pytest.raises(SecretWithoutValue, match=f"byoc secrets put {NAME}"):
        scene.up()
    scene.put(scene.outside.uri)
    up = scene.up()
    scene.caller.url = str(up.outputs["url"])

    assert scene.caller.say("first").values["version"] == "v1"
    assert scene.of_rds() == before
    assert up.outputs.get("database_identifier") is None
    assert scene.outside.ask("select count(*) from checkpoints") != [(0,)]


def test_memory_survives_a_roll_out(scene: Scene) -> None:
    """The next version goes on with the same thread, and no call fails meanwhile."""
    with scene.caller:
        scene.up(image=scene.stage.push("v2"))
    answer = scene.caller.say("last")

    assert scene.caller.failures == []
    assert answer.values["version"] == "v2"
    assert answer.values["answer"].startswith(f"v2: {scene.caller.answered} heard: first, ")


def test_its_database_cannot_be_taken_from_it(scene: Scene) -> None:
    """Neither `up` nor `destroy` goes on with a file that has lost the field."""
    lost = scene.spec.model_copy(
        update={"secrets": {}, "database_tls": "require", "database_ca_pem": None}
    )
    for flow in (deployment.up, deployment.destroy):
        with pytest.raises(SpecError, match=rf"secrets\.{NAME}: want what it was"):
            flow(lost, scene.stage.access(), scene.stage.work("vendor"))


def test_a_destroy_leaves_the_database_and_its_rows(scene: Scene) -> None:
    """And says so."""
    rows = scene.outside.ask("select count(*) from checkpoints")
    receipt = deployment.destroy(scene.spec, scene.stage.access(), scene.stage.work("vendor"))

    assert {kept.kind for kept in receipt.kept} >= {"external postgres", "ecs task definition"}
    assert "rds snapshot" not in {kept.kind for kept in receipt.kept}
    assert scene.outside.ask("select count(*) from checkpoints") == rows


def test_a_database_is_known_by_its_certificate(account: Stage) -> None:
    """AWS's own CAs have not signed the local cloud's: a server says so, and takes the right CA."""
    spec = account.deployment("strict", account.push("v1"), database_tls="verify-full")
    ours = (account.cloud.directory / "ca.pem").read_text()
    try:
        with pytest.raises(DeploymentUnhealthy) as refused:
            deployment.up(spec, account.access(), account.work("vendor"))
        up = deployment.up(
            spec.model_copy(update={"database_ca_pem": ours}),
            account.access(),
            account.work("vendor"),
        )
        answer = Caller(str(up.outputs["url"])).say("hello")
    finally:
        account.remove(spec)

    assert "certificate verify failed" in refused.value.got
    assert answer.values["version"] == "v1"

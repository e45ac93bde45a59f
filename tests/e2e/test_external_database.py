"""A deployment in a VPC and on a database that are the customer's own.

The tests tell one story in order; each begins where the last ended.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from byoc_infra.aws import inventory
from byoc_infra.aws.inventory import Inventory
from byoc_infra.aws.session import open_session
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import SecretWithoutValue, SpecError
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment, secrets
from byoc_infra.flows.results import Up
from byoc_infra.naming import ENABLED_TAG, INSTALLATION_TAG, PRIVATE_TAG
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec
from tests.e2e.stage import Stage
from tests.support.customers_vpc import OWN_TAGS, CustomersVpc
from tests.support.outside_postgres import OutsidePostgres, outside_postgres

pytestmark = pytest.mark.e2e

NAME = "POSTGRES_URI_CUSTOM"
INSTALLATION = "adopted"
OF_RDS = ["rds instance", "rds parameter group", "rds snapshot"]
OF_NETWORKS = ("vpc", "subnet", "route table", "internet gateway", "nat gateway", "vpc endpoint")


@dataclass
class Scene:
    """A deployment, and the VPC and the database that its owner brings."""

    stage: Stage
    customers: CustomersVpc
    outside: OutsidePostgres
    spec: DeploymentSpec
    caller: Caller = field(default_factory=lambda: Caller(""))

    def __post_init__(self) -> None:
        self.before = self.networks()

    @property
    def account(self) -> AccountSpec:
        """The account file of the VPC's installation."""
        return self.stage.account(
            installation=INSTALLATION,
            existing_network=self.customers.setting(),
            create_service_linked_roles=(),
        )

    @property
    def access(self) -> AccessSpec:
        """The vendor's way in."""
        return self.stage.access(installation=INSTALLATION)

    def networks(self) -> Inventory:
        """All that the customer's account has of them."""
        return inventory.take(self.customers.session, OF_NETWORKS)

    def up(self, **changes: object) -> Up:
        """Bring the deployment up, changed."""
        self.spec = DeploymentSpec.model_validate({**self.spec.model_dump(), **changes})
        return deployment.up(self.spec, self.access, self.stage.work("vendor"))

    def put(self, value: str) -> secrets.Stored:
        """`byoc secrets put` of the address."""
        env = self.stage.work("vendor").env
        return secrets.put(self.spec, self.access, NAME, value, env, allow_loopback=True)

    def of_rds(self) -> int:
        """How many things of RDS the account holds that belong to deployments."""
        with self.stage.work("customer").reach(self.stage.account(), None) as reached:
            return inventory.take(reached.session, OF_RDS).count()


@pytest.fixture(scope="module")
def scene(account: Stage) -> Iterator[Scene]:
    """VPC and database, an account and a deployment that are not made yet."""
    cloud = account.cloud
    network = str(urlsplit(cloud.env("vendor")["AWS_ENDPOINT_URL"]).hostname).split(".")[1]
    with (
        closing(open_session(None, region=cloud.region, env=cloud.env("customer"))) as session,
        outside_postgres(cloud.directory, f"127.{network}.0.9") as outside,
    ):
        spec = account.deployment(
            "own-db",
            account.push("v1"),
            installation=INSTALLATION,
            secrets={NAME: None},
            database_tls="verify-full",
            database_ca_pem=outside.ca_pem,
        )
        yield Scene(account, CustomersVpc(session), outside, spec)


def test_the_customers_vpc_is_adopted_by_tags_alone(scene: Scene) -> None:
    """Which are the vendor's way to find it."""
    customers, stage = scene.customers, scene.stage
    accounts.preview(scene.account, stage.work("customer"))
    outputs = stage.set_up(scene.account)

    own = {**OWN_TAGS, ENABLED_TAG: "1", INSTALLATION_TAG: INSTALLATION}
    assert outputs["vpc_id"] == customers.vpc
    assert customers.tags() == {
        customers.vpc: own,
        **{key: {**own, PRIVATE_TAG: "1"} for key in customers.private},
        **{key: {**own, PRIVATE_TAG: "0"} for key in customers.public},
    }


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
            flow(lost, scene.access, scene.stage.work("vendor"))


def test_endpoints_in_place_of_the_way_out_change_nothing(scene: Scene) -> None:
    """The VPC is looked at anew, and is still one that works."""
    scene.customers.endpoints_instead()

    assert accounts.up(scene.account, scene.stage.work("customer")).changes == ()


def test_a_destroy_leaves_the_database_and_its_rows(scene: Scene) -> None:
    """And says so."""
    rows = scene.outside.ask("select count(*) from checkpoints")
    receipt = deployment.destroy(scene.spec, scene.access, scene.stage.work("vendor"))

    assert {kept.kind for kept in receipt.kept} >= {"external postgres", "ecs task definition"}
    assert "rds snapshot" not in {kept.kind for kept in receipt.kept}
    assert scene.outside.ask("select count(*) from checkpoints") == rows


def test_the_customers_vpc_is_given_back(scene: Scene) -> None:
    """As it was, with what its owner has changed meanwhile."""
    removed = accounts.destroy(scene.account, scene.stage.work("customer"))

    assert scene.customers.tags() == dict.fromkeys(scene.customers.tags(), OWN_TAGS)
    assert scene.before.difference(scene.networks()).removed == {}
    assert not [one for one in removed.destroyed if one.type.startswith("aws:ec2/subnet")]

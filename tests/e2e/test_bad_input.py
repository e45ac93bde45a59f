"""Input that cannot work, through the real command: told by field, and nothing is made.

Everything runs in process, as the customer or the vendor would run it, against the account that
all stories share. The last test compares both accounts with what they held before.
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from byoc_infra.aws.inventory import Inventory
from byoc_infra.aws.session import open_session
from byoc_infra.cli import output
from byoc_infra.cli.demo.sweep import listed, unexplained
from byoc_infra.cli.main import main
from byoc_infra.flows import work
from byoc_infra.local import instances
from byoc_infra.local.cloud import LocalCloud, Who
from byoc_infra.naming import ENABLED_TAG, PRIVATE_TAG
from tests.e2e.stage import REPOSITORY, Stage

pytestmark = pytest.mark.e2e

NO_DIGEST = "sha256:" + "0" * 64
EXISTING = {
    "vpc_id": "vpc-0123456789abcdef0",
    "private_subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}
PARTS = ("code", "field", "wanted", "got", "next_step")


@dataclass(frozen=True)
class Refused:
    """How a run of the command ended."""

    exit_code: int
    error: Mapping[str, Any]
    text: str
    """All that it said, on stdout and stderr."""


Run = Callable[..., Refused]


@dataclass(frozen=True)
class Scene:
    """The account of the stories, with an image in it, and what it held at the start."""

    stage: Stage
    image: str
    before: Mapping[str, Inventory]

    @property
    def registry(self) -> str:
        """The customer's ECR."""
        return self.image.partition("/")[0]

    def held(self) -> Mapping[str, Inventory]:
        """Both accounts, listed."""
        return _listed(self.stage)

    def deployment(self, changes: Mapping[str, object]) -> dict[str, object]:
        """The deployment file, changed."""
        cloud = self.stage.cloud
        return {
            "name": "refused",
            "aws_account_id": cloud.customer.id,
            "region": cloud.region,
            "image": self.image,
            "access": {"external_id": self.stage.external_id},
            **changes,
        }

    def account(self, changes: Mapping[str, object]) -> dict[str, object]:
        """The account file, changed."""
        asked = self.stage.account(installation="refused").model_dump(mode="json")
        return {**asked, **changes}


@pytest.fixture(scope="module")
def scene(account: Stage) -> Scene:
    """The account, seen before anything is tried."""
    image = account.push("v1")
    return Scene(account, image, _listed(account))


def _listed(stage: Stage) -> Mapping[str, Inventory]:
    whose: dict[str, Who] = {"customer": "customer", "vendor": "vendor-admin"}
    return listed({name: stage.cloud.env(who) for name, who in whose.items()}, stage.cloud.region)


@pytest.fixture
def byoc(
    scene: Scene,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Run `byoc … --json` as somebody, on the stories' engine, whose worker is warm."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    @contextmanager
    def warm(*_: object) -> Iterator[object]:
        yield scene.stage.engine

    def run(who: Who, *words: str, warm_engine: bool = True) -> Refused:
        if warm_engine:
            monkeypatch.setattr(work, "open_engine", warm)
        for name, value in scene.stage.cloud.env(who).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(output, "_current", output.Output())
        capfd.readouterr()
        code = main([*words, "--json"])
        said = capfd.readouterr()
        (line,) = said.out.splitlines()
        answer = json.loads(line)
        assert answer["ok"] is False
        return Refused(code, answer["error"], said.out + said.err)

    return run


@dataclass(frozen=True)
class Case:
    """One thing that is wrong with a file, and how it is told."""

    name: str
    code: str
    place: str
    """The error's `field`."""
    changes: Mapping[str, object] = field(default_factory=dict)
    exit_code: int = 2


def _image(rest: str) -> dict[str, object]:
    """An image in the customer's ECR."""
    return {"image": "{registry}/" + rest}


def _access(**changes: object) -> dict[str, object]:
    return {"access": changes}


SECRET = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:a-AbCdEf"


def _null(store: str) -> dict[str, object]:
    """A container for the address of a store."""
    return {"secrets": {f"{store}_URI_CUSTOM": None}}


DEPLOYMENTS = (
    Case(
        "a role that is not there",
        "ACCESS_REFUSED",
        "role_arn",
        _access(role_arn="{role}-that-is-not-there", external_id="{id}"),
        4,
    ),
    Case(
        "a role that trusts somebody else",
        "ACCESS_REFUSED",
        "role_arn",
        _access(role_arn="{execution_role}", external_id="{id}"),
        4,
    ),
    Case(
        "a role of another account",
        "WRONG_ACCOUNT",
        "access.role_arn",
        _access(role_arn="arn:aws:iam::333333333333:role/x", external_id="{id}"),
        4,
    ),
    Case(
        "a wrong external id",
        "ACCESS_REFUSED",
        "role_arn",
        _access(external_id="another-0d9f1b52-6f1c"),
        4,
    ),
    Case("no external id", "INVALID", "access.external_id", _access(source_identity="me")),
    Case("an image of another registry", "INVALID", "image", {"image": "docker.io/library/x:1"}),
    Case("an image without a tag", "INVALID", "image", _image(REPOSITORY)),
    Case("a tag that is not there", "IMAGE_NOT_FOUND", "image", _image(f"{REPOSITORY}:none")),
    Case(
        "a digest that is not there",
        "IMAGE_NOT_FOUND",
        "image",
        _image(f"{REPOSITORY}@{NO_DIGEST}"),
    ),
    Case("a tag that the role may not resolve", "INVALID", "image", _image("not-agreed:v1")),
    Case(
        "a reserved name",
        "RESERVED_NAME",
        "environment.DATABASE_URI",
        {"environment": {"DATABASE_URI": "postgresql://elsewhere"}},
    ),
    Case(
        "a name of a reserved kind",
        "RESERVED_NAME",
        "environment.LANGSMITH_AUTH_ENDPOINT",
        {"environment": {"LANGSMITH_AUTH_ENDPOINT": "x"}},
    ),
    Case(
        "a reserved secret",
        "RESERVED_NAME",
        "secrets.PGPASSWORD",
        {"secrets": {"PGPASSWORD": None}},
    ),
    Case(
        "one name as variable and secret",
        "DUPLICATE_NAME",
        "secrets.TOKEN",
        {"environment": {"TOKEN": "x"}, "secrets": {"TOKEN": None}},
    ),
    Case("a PostgreSQL that is too old", "INVALID", "postgres_version", {"postgres_version": "14"}),
    Case("a cache of somebody else", "RESERVED_NAME", "secrets.REDIS_URI_CUSTOM", _null("REDIS")),
    Case(
        "the address of a database in plain text",
        "RESERVED_NAME",
        "environment.POSTGRES_URI_CUSTOM",
        {"environment": {"POSTGRES_URI_CUSTOM": "postgresql://app:x@db/app"}},
    ),
    Case(
        "an external database that cannot be known by its certificate",
        "INVALID",
        "database_ca_pem",
        {**_null("POSTGRES"), "database_tls": "verify-full"},
    ),
    Case(
        "a private key in the place of certificates",
        "INVALID",
        "database_ca_pem",
        {"database_tls": "verify-full", "database_ca_pem": "-----BEGIN PRIVATE KEY-----"},
    ),
    Case("memory that Fargate has not", "INVALID", "memory_mib", {"cpu": 256, "memory_mib": 4096}),
    Case("CPU that Fargate has not", "INVALID", "cpu", {"cpu": 300, "memory_mib": 512}),
    Case("a key that nothing reads", "INVALID", "enviroment", {"enviroment": {}}),
    Case(
        "a key deep inside that nothing reads",
        "INVALID",
        "secrets.A.jsonkey",
        {"secrets": {"A": {"arn": SECRET, "jsonkey": "k"}}},
    ),
    Case(
        "a secret of another region",
        "INVALID",
        "secrets.A.arn",
        {"secrets": {"A": {"arn": SECRET.replace("eu-west-1", "us-east-1")}}},
    ),
    Case(
        "a secret of another account",
        "INVALID",
        "secrets.LANGGRAPH_CLOUD_LICENSE_KEY.arn",
        {"license_key": {"arn": SECRET.replace("2222", "3333")}},
    ),
    Case("a task role by its ARN", "INVALID", "task_role", {"task_role": "{execution_role}"}),
    Case("a task role that is not there", "INVALID", "task_role", {"task_role": "writer"}),
)
ACCOUNTS = (
    Case(
        "a new network and one that is there",
        "INVALID",
        "existing_network",
        {"network": {}, "existing_network": EXISTING},
    ),
    Case(
        "a VPC that is not there",
        "INVALID",
        "existing_network.vpc_id",
        {"existing_network": EXISTING, "create_service_linked_roles": []},
    ),
    Case(
        "public ingress without public subnets",
        "INVALID",
        "existing_network.public_subnet_ids",
        {"existing_network": EXISTING, "public_ingress": True},
    ),
    Case("a public range", "INVALID", "cidr", {"network": {"cidr": "8.8.0.0/16"}}),
    Case("a range that is too small", "INVALID", "cidr", {"network": {"cidr": "10.1.0.0/25"}}),
    Case("one zone", "INVALID", "zones", {"network": {"zones": ["eu-west-1a"]}}),
    Case("no zone", "INVALID", "zones", {"network": {"zones": []}}),
    Case("one zone twice", "DUPLICATE_NAME", "zones", {"network": {"zones": ["eu-west-1a"] * 2}}),
    Case(
        "subnets that overlap",
        "INVALID",
        "private_cidrs",
        {"network": {"private_cidrs": ["10.40.0.0/20", "10.40.8.0/21"]}},
    ),
    Case(
        "private and public subnets that overlap",
        "INVALID",
        "public_cidrs",
        {
            "network": {
                "private_cidrs": ["10.40.0.0/20", "10.40.16.0/20"],
                "public_cidrs": ["10.40.31.0/24", "10.40.32.0/24"],
            }
        },
    ),
    Case(
        "a subnet outside of the range",
        "INVALID",
        "private_cidrs",
        {"network": {"private_cidrs": ["10.41.0.0/20", "10.40.0.0/20"]}},
    ),
    Case(
        "databases anywhere",
        "INVALID",
        "external_databases",
        {"external_databases": [{"cidr": "0.0.0.0/0"}]},
    ),
    Case(
        "a Redis that is not there",
        "IMAGE_NOT_FOUND",
        "redis_image",
        {"redis_image": "{registry}/byoc/redis:none"},
    ),
    Case("a key that nothing reads", "INVALID", "network.zone", {"network": {"zone": []}}),
    Case(
        "traces without their key",
        "INVALID",
        "platform_secrets",
        {"tracing": {"endpoint": "https://smith.example.com"}},
    ),
    Case(
        "rights of the role that may do nothing",
        "INVALID",
        "task_roles.default",
        {"task_roles": {"default": {"managed_policy_arns": ["arn:aws:iam::aws:policy/X"]}}},
    ),
    Case("a Redis by tag elsewhere", "INVALID", "redis_image", {"redis_image": "redis:8"}),
    Case(
        "one external id twice",
        "DUPLICATE_NAME",
        "external_ids",
        {"external_ids": ["twice-0d9f1b52-6f1c-4c1e"] * 2},
    ),
)
COMMANDS = pytest.mark.parametrize("command", ["up", "preview"])


@COMMANDS
@pytest.mark.parametrize("case", DEPLOYMENTS, ids=lambda case: case.name)
def test_a_deployment_that_cannot_work_is_refused(
    scene: Scene, byoc: Run, tmp_path: Path, case: Case, command: str
) -> None:
    """Before the engine starts, with the words of the documented error."""
    values = _filled(scene, scene.deployment(case.changes))
    refused = byoc("vendor", "deployment", command, "-f", _written(tmp_path, values))

    _check(refused, case)


@COMMANDS
@pytest.mark.parametrize("case", ACCOUNTS, ids=lambda case: case.name)
def test_an_account_that_cannot_work_is_refused(
    scene: Scene, byoc: Run, tmp_path: Path, case: Case, command: str
) -> None:
    """The same, for the account's owner."""
    values = _filled(scene, scene.account(case.changes))
    refused = byoc("customer", "account", command, "-f", _written(tmp_path, values))

    _check(refused, case)


@pytest.mark.parametrize("noun", ["account", "deployment"])
def test_a_name_that_is_written_twice_is_refused(
    scene: Scene, byoc: Run, tmp_path: Path, noun: str
) -> None:
    """YAML itself would keep the last one in silence."""
    values = scene.account({}) if noun == "account" else scene.deployment({})
    path = Path(_written(tmp_path, values))
    path.write_text(path.read_text() + "region: eu-west-2\n")
    refused = byoc("customer", noun, "up", "-f", str(path))

    _check(refused, Case("", "DUPLICATE_NAME", "region"))


def test_a_network_without_its_tag_is_not_used(scene: Scene, byoc: Run, tmp_path: Path) -> None:
    """The control plane finds a VPC by the tag that the account's owner has put on it."""
    path = _written(tmp_path, scene.deployment({}))
    with _untagged(scene, "vpc", {ENABLED_TAG: "1"}):
        refused = byoc("vendor", "deployment", "preview", "-f", path)

    _check(refused, Case("", "ACCOUNT_NOT_READY", "vpc", exit_code=4))


def test_subnets_without_their_tag_are_not_used(scene: Scene, byoc: Run, tmp_path: Path) -> None:
    """Two private ones are wanted."""
    path = _written(tmp_path, scene.deployment({}))
    with _untagged(scene, "subnet", {PRIVATE_TAG: "1"}):
        refused = byoc("vendor", "deployment", "up", "-f", path)

    _check(refused, Case("", "ACCOUNT_NOT_READY", "subnets", exit_code=4))


def test_an_installation_without_a_network_is_not_ready(
    scene: Scene, byoc: Run, tmp_path: Path
) -> None:
    """Its owner has not run the account stack."""
    access = {"role_arn": scene.stage.role_arn(), "external_id": scene.stage.external_id}
    values = scene.deployment({"installation": "nowhere", "access": access})
    refused = byoc("vendor", "deployment", "preview", "-f", _written(tmp_path, values))

    _check(refused, Case("", "ACCOUNT_NOT_READY", "vpc", exit_code=4))


def test_a_missing_pulumi_cli_is_told(
    scene: Scene, byoc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither on PATH nor in the cache, no download, no Go: each way says why it is closed."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("BYOC_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody listens
    path = _written(tmp_path, scene.deployment({}))
    refused = byoc("vendor", "deployment", "up", "-f", path, warm_engine=False)

    _check(refused, Case("", "TOOL_MISSING", "pulumi", exit_code=3))
    assert "get.pulumi.com" in refused.error["got"]
    assert "no go on PATH" in refused.error["got"]


def test_taken_addresses_are_told(scene: Scene, byoc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else listens where the only network left would have its endpoint."""
    last = instances.NETWORKS[-1]
    monkeypatch.setattr(instances, "NETWORKS", range(last, last + 1))
    with socket.create_server((f"127.{last}.0.1", instances.ENDPOINT_PORT)):
        refused = byoc("customer", "local", "up", "--name", "bad-input")

    _check(refused, Case("", "ADDRESS_TAKEN", "network", exit_code=3))
    assert not instances.directory_of("bad-input").exists()


def test_an_address_that_was_taken_meanwhile_is_told(scene: Scene, byoc: Run) -> None:
    """A local cloud keeps its network while it is down; somebody else may have come."""
    name = "bad-input-again"
    found = instances.Instance.claim(name, region="eu-west-1", max_session_s=None)
    try:
        with socket.create_server((found.address, instances.ENDPOINT_PORT)):
            refused = byoc("customer", "local", "up", "--name", name)
    finally:
        LocalCloud.remove(name)

    _check(refused, Case("", "ADDRESS_TAKEN", "endpoint", exit_code=3))


def test_nothing_was_made(scene: Scene) -> None:
    """Kind by kind, by each service's own calls, in both accounts."""
    assert unexplained(scene.before, scene.held(), ()) == []


def _check(refused: Refused, case: Case) -> None:
    """Every part of the error, and no traceback."""
    error = refused.error
    assert (error["code"], error["field"]) == (case.code, case.place)
    assert refused.exit_code == case.exit_code
    assert all(isinstance(error[part], str) and error[part] for part in PARTS)
    assert "Traceback" not in refused.text


def _written(folder: Path, values: Mapping[str, object]) -> str:
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump(dict(values), sort_keys=False))
    return str(path)


def _filled(scene: Scene, values: Mapping[str, object]) -> dict[str, Any]:
    """The values with what only the running cloud knows in place of `{…}`."""
    stage = scene.stage
    role = stage.role_arn()
    known = {
        "{registry}": scene.registry,
        "{role}": role,
        "{execution_role}": f"{role.rpartition('/')[0]}/LangGraphCloudECSTaskExecutionRole",
        "{id}": stage.external_id,
    }
    text = json.dumps(values)
    for word, value in known.items():
        text = text.replace(word, value)
    found: dict[str, Any] = json.loads(text)
    return found


@contextmanager
def _untagged(scene: Scene, kind: str, tags: Mapping[str, str]) -> Iterator[None]:
    """The network's things of this kind without these tags, for a while."""
    cloud = scene.stage.cloud
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in tags.items()]
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    with closing(open_session(None, region=cloud.region, env=cloud.env("customer"))) as session:
        operation, key, identity = {
            "vpc": ("describe_vpcs", "Vpcs", "VpcId"),
            "subnet": ("describe_subnets", "Subnets", "SubnetId"),
        }[kind]
        ids = [one[identity] for one in session.each("ec2", operation, key, Filters=filters)]
        session.ask("ec2", "delete_tags", Resources=ids, Tags=pairs)
        try:
            yield
        finally:
            session.ask("ec2", "create_tags", Resources=ids, Tags=pairs)

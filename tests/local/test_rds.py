"""An RDS instance of the local cloud is a real PostgreSQL behind TLS."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from byoc_infra import postgres_install
from byoc_infra.errors import NotFound
from byoc_infra.local import instances, postgres
from byoc_infra.local.postgres import Postgres
from byoc_infra.local.provider.services import rds_instance
from byoc_infra.local.rds import Databases
from byoc_infra.local.repairs import ODD, master_password
from byoc_infra.local.server import cache_directory
from tests.local.in_process import Stack, code_of, running

pytestmark = pytest.mark.e2e
NAME = "orders"


@dataclass
class Database:
    """One instance and how to reach it."""

    cloud: Stack
    databases: Databases

    @property
    def rds(self) -> Any:
        """RDS, as the customer."""
        return self.cloud.client("rds")

    @property
    def secrets(self) -> Any:
        """Secrets Manager, as the customer."""
        return self.cloud.client("secretsmanager")

    def described(self, name: str = NAME) -> dict[str, Any]:
        """What DescribeDBInstances says."""
        found: dict[str, Any] = self.rds.describe_db_instances(DBInstanceIdentifier=name)
        first: dict[str, Any] = found["DBInstances"][0]
        return first

    @property
    def secret(self) -> str:
        """The managed secret's ARN."""
        return str(self.described()["MasterUserSecret"]["SecretArn"])

    def password(self, stage: str = "AWSCURRENT") -> str:
        """What the managed secret holds."""
        value = self.secrets.get_secret_value(SecretId=self.secret, VersionStage=stage)
        return str(json.loads(value["SecretString"])["password"])

    def ask(self, question: str, *, password: str | None = None, **settings: Any) -> Any:
        """One row, over a new connection."""
        host = self.described()["Endpoint"]["Address"]
        wanted: dict[str, Any] = {"sslmode": "require", "host": host, **settings}
        with psycopg.connect(
            hostaddr=self.cloud.world.hosts.get(host) or "",
            user="langgraph",
            dbname="orders",
            password=password or self.password(),
            connect_timeout=5,
            **wanted,
        ) as connection:
            answer = connection.execute(question.encode())
            return answer.fetchone() if answer.description else None

    def wait(self, done: Callable[[], bool]) -> None:
        """Until it is so."""
        deadline = time.monotonic() + 30
        while not done():
            assert time.monotonic() < deadline, self.described()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that the server's user can reach; pytest closes its own to others."""
    made = Path(tempfile.mkdtemp(prefix="byoc-rds-", dir=instances._home().parent))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def database(place: Path) -> Iterator[Database]:
    """An instance that is available."""
    with running(place) as cloud:
        made = Database(cloud, Databases(cloud.world, cloud.persistence))
        made.databases.register(cloud.hooks)
        create(made.rds, NAME)
        made.wait(lambda: made.described()["DBInstanceStatus"] == "available")
        try:
            yield made
        finally:
            made.databases.stop()
            cloud.world.shared_loop.stop()


def create(rds: Any, name: str, **more: Any) -> None:
    """The smallest instance."""
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        EngineVersion="16",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="langgraph",
        ManageMasterUserPassword=True,
        DBName="orders",
        **more,
    )


def test_it_is_postgresql_with_tls(database: Database) -> None:
    """Verified by name or just encrypted."""
    root = str(database.cloud.world.directory / "ca.pem")

    (version,) = database.ask("SHOW server_version")
    assert version.startswith("16.")
    assert database.ask("SELECT 1", sslmode="verify-full", sslrootcert=root) == (1,)


def test_plain_is_refused(database: Database) -> None:
    """RDS forces TLS since PostgreSQL 15."""
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        database.ask("SELECT 1", sslmode="disable")


def test_another_name_is_not_verified(database: Database) -> None:
    """The certificate is for the endpoint."""
    root = str(database.cloud.world.directory / "ca.pem")

    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        database.ask("SELECT 1", sslmode="verify-full", sslrootcert=root, host="other.example")


def test_a_wrong_password_is_refused(database: Database) -> None:
    """Nobody is trusted, whichever way they come."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        database.ask("SELECT 1", password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host=str(next((database.cloud.world.directory / "sockets").iterdir())),
            user=postgres.ADMIN,
            password="wrong",
            dbname="postgres",
        )


def test_its_superusers_password_is_its_own(database: Database) -> None:
    """Not the one with which its files were copied."""
    own = [one.read_text() for one in database.cloud.world.directory.rglob("admin.password")]
    copied = [one.read_text() for one in (cache_directory() / "postgres").glob("*/password")]

    assert len(own) == 1
    assert copied
    assert not {*own} & {*copied}


def test_the_master_user_is_no_superuser_and_owns_its_database(database: Database) -> None:
    """As on RDS."""
    row = database.ask(
        "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )

    assert row == (False, True, True)
    database.ask("CREATE TABLE owned (a int)")
    assert database.ask("SELECT pg_has_role('rds_superuser', 'member')") == (True,)


def test_connections_are_as_many_as_the_class_has(database: Database) -> None:
    """By RDS's formula, from the memory of a db.t4g.micro."""
    assert database.ask("SHOW max_connections") == ("84",)


def test_rotation_changes_secret_and_role_together(database: Database) -> None:
    """The old password is AWSPREVIOUS, and refused."""
    before = database.password()
    version = database.secrets.rotate_secret(
        SecretId=database.secret, RotationRules={"AutomaticallyAfterDays": 90}
    )["VersionId"]

    described = database.secrets.describe_secret(SecretId=database.secret)
    assert described["VersionIdsToStages"][version] == ["AWSCURRENT"]
    assert described["RotationRules"] == {"AutomaticallyAfterDays": 90}
    assert database.password() != before
    assert database.password("AWSPREVIOUS") == before
    assert database.ask("SELECT 1") == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        database.ask("SELECT 1", password=before)


def test_a_schedule_can_be_set_without_rotating(database: Database) -> None:
    """The stack sets it at creation."""
    before = database.password()
    database.secrets.rotate_secret(
        SecretId=database.secret,
        RotateImmediately=False,
        RotationRules={"ScheduleExpression": "rate(30 days)", "Duration": "2h"},
    )

    described = database.secrets.describe_secret(SecretId=database.secret)
    assert described["RotationRules"]["ScheduleExpression"] == "rate(30 days)"
    assert database.password() == before
    database.secrets.cancel_rotate_secret(SecretId=database.secret)
    described = database.secrets.describe_secret(SecretId=database.secret)
    assert described["RotationEnabled"] is False


def test_a_secret_that_nobody_rotates_is_refused(database: Database) -> None:
    """AWS wants a function for it."""
    database.secrets.create_secret(Name="plain", SecretString="x")

    with pytest.raises(ClientError) as caught:
        database.secrets.rotate_secret(SecretId="plain")
    assert code_of(caught.value) == "InvalidRequestException"


def test_the_control_command_rotates_by_name(database: Database) -> None:
    """As AWS does by its schedule; an unknown name is an error."""
    before = database.password()
    database.databases.rotate_by_name(db=NAME)

    assert database.password() != before
    assert database.ask("SELECT 1") == (1,)
    with pytest.raises(NotFound, match="db: want an instance"):
        database.databases.rotate_by_name(db="none")


@pytest.mark.parametrize("odd", list(ODD))
def test_every_odd_character_works_in_a_password(database: Database, odd: str) -> None:
    """Of those that RDS permits."""
    (running,) = database.databases._running.values()
    given = f"a{odd}b{odd}{odd}c-at-least-eight"
    running.server.set_password("langgraph", given)
    try:
        assert database.ask("SELECT 1", password=given) == (1,)
    finally:
        running.server.set_password("langgraph", database.password())


def test_passwords_are_random_and_odd() -> None:
    """28 characters without those that RDS forbids."""
    made = {master_password() for _ in range(50)}

    assert len(made) == 50
    assert all(len(one) == 28 and not set(one) & set("/'\"@ ") for one in made)
    assert all(set(one) & set("%#?&") for one in made)


def test_data_survive_a_new_emulator(database: Database) -> None:
    """The files are on disk; the server is started again under a new address."""
    database.ask("CREATE TABLE kept AS SELECT 42 AS a")
    database.databases.stop()
    database.databases = Databases(database.cloud.world, database.cloud.persistence)
    database.cloud.hooks.checks.clear()
    database.cloud.hooks.followers.clear()
    database.databases.register(database.cloud.hooks)
    database.databases.resume()
    database.databases.settle()

    assert database.ask("SELECT a FROM kept") == (42,)


def test_a_deleted_instance_leaves_only_its_snapshot(database: Database) -> None:
    """It is `deleting` until its server has ended; its files and its name go."""
    create(database.rds, "brief")
    database.wait(lambda: database.described("brief")["DBInstanceStatus"] == "available")
    host = database.described("brief")["Endpoint"]["Address"]
    place = database.cloud.world.directory / "rds" / database.described("brief")["DbiResourceId"]
    assert place.exists()
    answer = database.rds.delete_db_instance(
        DBInstanceIdentifier="brief", FinalDBSnapshotIdentifier="brief-last"
    )

    assert answer["DBInstance"]["DBInstanceStatus"] == "deleting"
    database.databases.settle()
    with pytest.raises(ClientError) as caught:
        database.described("brief")
    assert code_of(caught.value) == "DBInstanceNotFound"
    assert not place.exists()
    assert database.cloud.world.hosts.get(host) is None
    snapshots = database.rds.describe_db_snapshots(DBSnapshotIdentifier="brief-last")
    assert snapshots["DBSnapshots"][0]["Status"] == "available"


def test_another_engine_is_refused(database: Database) -> None:
    """What is not modelled is said."""
    with pytest.raises(ClientError, match="no engine but postgres"):
        database.rds.create_db_instance(
            DBInstanceIdentifier="m", Engine="mysql", DBInstanceClass="db.t4g.micro"
        )


def test_why_an_instance_has_failed_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In its description, in an event, in the log and in the provider's error."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("initdb: no room on the device")

    monkeypatch.setattr(Postgres, "create", broken)
    create(database.rds, "unlucky")
    database.wait(lambda: database.described("unlucky")["DBInstanceStatus"] == "failed")

    (info,) = database.described("unlucky")["StatusInfos"]
    events = database.rds.describe_events(SourceType="db-instance", SourceIdentifier="unlucky")
    assert info["Message"] == "RuntimeError: initdb: no room on the device"
    assert events["Events"][-1]["EventCategories"] == ["failure"]
    assert events["Events"][-1]["Message"] == info["Message"]
    assert "no room on the device" in caplog.text
    assert rds_instance._reasons(database.described("unlucky")) == [info["Message"]]
    assert rds_instance._reasons(database.described()) == []
    database.rds.delete_db_instance(DBInstanceIdentifier="unlucky", SkipFinalSnapshot=True)
    database.databases.settle()


def test_a_checkout_that_nobody_may_enter_is_no_obstacle(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's home is closed to the server's user: the same files are linked elsewhere."""
    place = database.cloud.world.directory
    really = postgres_install._runs
    monkeypatch.setattr(postgres_install, "_runs", lambda at: str(place) in str(at) and really(at))
    server = Postgres(
        database.cloud.world, place / "rds" / "db-LINKED", place / "sockets" / "linked", "17", 20
    )
    server.create(user="u", password="p", database=None)
    try:
        with psycopg.connect(
            host=str(server.socket_directory), user="u", password="p", dbname="postgres"
        ) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        assert row is not None
        assert row[0].startswith("18.")
    finally:
        server.remove()
    assert not server.directory.exists()

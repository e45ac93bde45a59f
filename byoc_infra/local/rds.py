"""What an RDS instance does beside being a record in moto: it is a real PostgreSQL.

Slow things (making a server, ending one) happen in a thread; meanwhile the instance says
`creating` or `deleting`, as in AWS. Moto's objects are touched under the world's lock only.
"""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from byoc_infra.errors import NotFound
from byoc_infra.local.front import Front
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import Persistence, backend_of
from byoc_infra.local.postgres import Postgres
from byoc_infra.local.rds_failure import forget_failure, keep_failure
from byoc_infra.local.rds_secret import current_password, keep_password, keep_schedule
from byoc_infra.local.rds_settings import forces_tls, full_version, max_connections
from byoc_infra.local.repairs import master_password
from byoc_infra.local.tls import Authority
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import CUSTOMER_ACCOUNT, World

__all__ = ["Databases"]

NOT_MODELLED = (
    "StopDBInstance",
    "StartDBInstance",
    "RestoreDBInstanceFromDBSnapshot",
    "RestoreDBInstanceToPointInTime",
    "CreateDBInstanceReadReplica",
)
PROMPTLY_S = 0.3
Moto = Any
"""Moto's objects have attributes that nobody declares."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where an instance is."""

    account_id: str
    region: str


@dataclass
class Running:
    """One instance's server and the door in front of it."""

    name: str
    server: Postgres
    front: Front


class Databases:
    """Every RDS instance of this local cloud."""

    def __init__(
        self, world: World, persistence: Persistence, regions: Iterable[str] | None = None
    ) -> None:
        """`regions` says, whenever it is asked, in which there may be instances."""
        self._world = world
        self._regions = (world.region,) if regions is None else regions
        self._persistence = persistence
        self._authority = Authority(world.directory)
        self._running: dict[str, Running] = {}
        self._threads: set[threading.Thread] = set()
        (world.directory / "rds").mkdir(exist_ok=True)

    def register(self, hooks: Hooks) -> None:
        """Take part in what happens to instances and to their secrets."""
        hooks.before("rds", "CreateDBInstance", _only_postgres)
        hooks.after("rds", "CreateDBInstance", self._created)
        hooks.before("rds", "ModifyDBInstance", self._may_be_modified)
        hooks.after("rds", "ModifyDBInstance", self._modified)
        hooks.after("rds", "RebootDBInstance", self._rebooted)
        hooks.before("rds", "DeleteDBInstance", self._about_to_delete)
        hooks.after("rds", "DeleteDBInstance", self._deleted)
        hooks.handle("secretsmanager", "RotateSecret", self._rotate_secret)
        for operation in NOT_MODELLED:
            hooks.before("rds", operation, _refuse)

    def status(self) -> dict[str, str]:
        """Each instance's address, by its identifier."""
        return {one.name: one.server.directory.name for one in self._running.values()}

    def resume(self) -> None:
        """After a restart: start what was there, finish what was begun, forget the rest."""
        known = set()
        for place, instance in self._instances():
            known.add(instance.dbi_resource_id)
            begun = {"creating": self._bring_up, "deleting": self._take_down}
            self._later(begun.get(instance.status, self._start_again), place, instance)
        for left in (self._world.directory / "rds").iterdir():
            if left.name not in known:
                shutil.rmtree(left, ignore_errors=True)

    def settle(self) -> None:
        """Wait for what `resume` has begun."""
        for thread in list(self._threads):
            thread.join()

    def stop(self) -> None:
        """End every server; their files stay."""
        for thread in list(self._threads):
            thread.join(PROMPTLY_S)
        for one in list(self._running.values()):
            self._close(one)
            one.server.stop()
        self._running.clear()

    def rotate_by_name(self, *, db: str) -> dict[str, Any]:
        """Change an instance's managed password now, as AWS does on its schedule."""
        for place, instance in self._instances():
            if instance.db_instance_identifier == db and hasattr(instance, "master_user_secret"):
                with self._world.lock:
                    version = self._rotate(instance, str(uuid.uuid4()))
                    self._persistence.save(
                        ("secretsmanager", "rds"), place.account_id, place.region
                    )
                return {"secret": instance.master_user_secret.secret_arn, "version": version}
        raise NotFound(
            "db",
            wanted="an instance with a managed password",
            got=db,
            next_step="List them with `byoc local status`.",
        )

    # What happens to an instance

    def _created(self, call: Call) -> None:
        place, instance = self._find(call)
        instance.engine_version = full_version(instance.engine_version)
        self._later(self._bring_up, place, instance)

    def _may_be_modified(self, call: Call) -> None:
        _, instance = self._find(call)
        if instance is not None and instance.status not in {"available", "storage-full"}:
            name = instance.db_instance_identifier
            raise AwsError(
                "InvalidDBInstanceState",
                f"Database instance {name} is not in available state.",
            )

    def _modified(self, call: Call) -> None:
        renamed = call.params.get("NewDBInstanceIdentifier")
        place, instance = self._find(call, renamed)
        if password := call.params.get("MasterUserPassword"):
            self._running[instance.dbi_resource_id].server.set_password(
                instance.master_username, password
            )
        if call.params.get("RotateMasterUserPassword"):
            self._rotate(instance, str(uuid.uuid4()))
        instance.status = "modifying"
        self._later(self._settle, place, instance)

    def _rebooted(self, call: Call) -> None:
        place, instance = self._find(call)
        instance.status = "rebooting"
        self._later(self._restart, place, instance)

    def _about_to_delete(self, call: Call) -> None:
        """Moto forgets an instance at once; hold on to it until its server has ended."""
        _, instance = self._find(call)
        if instance is not None and instance.status == "deleting":
            raise AwsError(
                "InvalidDBInstanceState",
                f"Instance {instance.db_instance_identifier} is already being deleted.",
            )
        self._leaving = instance

    def _deleted(self, call: Call) -> None:
        place, instance = Place(call.account_id, call.region), self._leaving
        instance.status = "deleting"
        self._rds(place).databases[instance.db_instance_identifier] = instance
        self._later(self._take_down, place, instance)

    # The slow parts, each in a thread

    def _bring_up(self, place: Place, instance: Moto) -> None:
        server = self._server(instance)
        password = current_password(instance)
        server.create(user=instance.master_username, password=password, database=instance.db_name)
        self._open(instance, server)
        self._say(place, instance, "backing-up")
        time.sleep(PROMPTLY_S)
        self._say(place, instance, "available")

    def _start_again(self, place: Place, instance: Moto) -> None:
        server = self._server(instance)
        server.start()
        self._open(instance, server)
        self._say(place, instance, "available")

    def _restart(self, place: Place, instance: Moto) -> None:
        running = self._running[instance.dbi_resource_id]
        running.server.stop()
        running.server.max_connections = max_connections(instance)
        running.server.start()
        self._say(place, instance, "available")

    def _settle(self, place: Place, instance: Moto) -> None:
        running = self._running[instance.dbi_resource_id]
        if running.server.max_connections != max_connections(instance):
            self._restart(place, instance)
        if running.name != instance.address:
            self._close(running)
            self._open(instance, running.server)
        time.sleep(PROMPTLY_S)
        self._say(place, instance, "available")

    def _take_down(self, place: Place, instance: Moto) -> None:
        running = self._running.pop(instance.dbi_resource_id, None)
        if running is not None:
            self._close(running)
        self._server(instance).remove() if running is None else running.server.remove()
        with self._world.lock:
            self._rds(place).databases.pop(instance.db_instance_identifier, None)
            self._persistence.save(("rds",), place.account_id, place.region)

    def _later(
        self,
        work: Callable[[Place, Moto], None],
        place: Place,
        instance: Moto,
    ) -> None:
        def run() -> None:
            try:
                work(place, instance)
            except Exception as cause:
                log.exception("database %s", instance.db_instance_identifier)
                with self._world.lock:
                    keep_failure(instance, cause)
                    self._say(place, instance, "failed")
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(
            target=run, name=f"rds {instance.db_instance_identifier}", daemon=True
        )
        self._threads.add(thread)
        thread.start()

    def _say(self, place: Place, instance: Moto, status: str) -> None:
        with self._world.lock:
            instance.status = status
            if status == "available":
                forget_failure(instance)
            self._persistence.save(("rds",), place.account_id, place.region)

    # Doors and names

    def _open(self, instance: Moto, server: Postgres) -> None:
        address, name = self._world.addresses.take(), instance.address
        front = Front(
            address=address,
            port=int(instance.port),
            socket_path=server.socket_path,
            context=self._authority.server_context(name, address),
            tls_only=lambda: forces_tls(instance),
        )
        self._world.shared_loop.run(front.start())
        self._running[instance.dbi_resource_id] = Running(name, server, front)
        self._world.hosts.set(name, address)

    def _close(self, running: Running) -> None:
        self._world.hosts.set(running.name, None)
        self._world.shared_loop.run(running.front.stop())

    def _server(self, instance: Moto) -> Postgres:
        identity = instance.dbi_resource_id
        return Postgres(
            self._world,
            self._world.directory / "rds" / identity,
            # A socket file's whole path has little room.
            self._world.directory / "sockets" / identity[-12:],
            str(instance.engine_version),
            max_connections(instance),
        )

    # Passwords

    def _rotate(self, instance: Moto, version: str) -> str:
        """A new password, in the role and in the secret."""
        running = self._running.get(instance.dbi_resource_id)
        if running is None or instance.status not in {"available", "modifying"}:
            raise AwsError(
                "InvalidRequestException", "The database instance is not available for rotation."
            )
        password = master_password()
        running.server.set_password(instance.master_username, password)
        keep_password(instance, password, version=version, now=int(self._world.now()))
        return version

    def _rotate_secret(self, call: Call) -> dict[str, Any]:
        """RotateSecret of what AWS itself rotates; by a function of the caller's: not modelled."""
        with self._world.lock:
            store = backend_of("secretsmanager", call.account_id, call.region).secrets
            secret = store.get(call.params["SecretId"])
            if secret is None:
                raise AwsError(
                    "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
                )
            instance = self._behind(secret)
            if instance is None:
                raise AwsError(
                    "InvalidRequestException",
                    "No Lambda rotation function ARN is associated with this secret.",
                )
            keep_schedule(secret, call.params.get("RotationRules"))
            version = secret.default_version_id
            if call.params.get("RotateImmediately", True):
                token = call.params.get("ClientRequestToken") or str(uuid.uuid4())
                version = self._rotate(instance, token)
            return {"ARN": secret.arn, "Name": secret.name, "VersionId": version}

    def _behind(self, secret: Moto) -> Moto:
        for _, instance in self._instances():
            managed = getattr(instance, "master_user_secret", None)
            if managed is not None and managed.secret_arn == secret.arn:
                return instance
        return None

    # Moto's objects

    def _rds(self, place: Place) -> Moto:
        return backend_of("rds", place.account_id, place.region)

    def _find(self, call: Call, name: str | None = None) -> tuple[Place, Moto]:
        place = Place(call.account_id, call.region)
        wanted = name or call.params["DBInstanceIdentifier"]
        return place, self._rds(place).databases.get(wanted)

    def _instances(self) -> list[tuple[Place, Moto]]:
        with self._world.lock:
            places = [Place(CUSTOMER_ACCOUNT, region) for region in self._regions]
            return [(place, one) for place in places for one in self._rds(place).databases.values()]


def _only_postgres(call: Call) -> None:
    if call.params.get("Engine") != "postgres":
        raise AwsError(
            "NotModelled", "The local cloud has no engine but postgres for an instance.", 501
        )


def _refuse(call: Call) -> None:
    raise AwsError("NotModelled", f"The local cloud does not model {call.operation}.", 501)

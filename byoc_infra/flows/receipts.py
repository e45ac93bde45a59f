"""What a destroyed deployment leaves behind, asked of AWS and not assumed."""

from collections.abc import Iterable

from byoc_infra.aws import inventory
from byoc_infra.aws.services import deregister_family
from byoc_infra.aws.session import Session
from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.flows.results import Kept, Left
from byoc_infra.naming import AccountNames, DeploymentNames
from byoc_infra.spec import DeploymentSpec

__all__ = ["kept_after", "left_over", "recoverable"]

NO_SNAPSHOT = frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"})
NO_SECRET = frozenset({"ResourceNotFoundException"})
SWEPT = (
    "ecs service",
    "ecs task definition",
    "rds instance",
    "rds parameter group",
    "load balancer",
    "target group",
    "listener",
    "scalable target",
    "alarm",
)
"""The kinds whose listings show the names that we gave."""
ROLES = ("api", "queue", "cache")


def kept_after(
    session: Session, spec: DeploymentSpec, names: DeploymentNames, snapshot: str | None
) -> tuple[Kept, ...]:
    """Snapshot, secrets in their recovery window, INACTIVE task definitions, log lines."""
    return (
        *_snapshot(session, snapshot),
        *_external(spec),
        *_secrets(session, spec, names),
        *_task_definitions(session, names),
        Kept(
            kind="log lines",
            name=f"{AccountNames(spec.installation).log_group}: {names.log_prefix}",
            why="the account's retention ends them",
        ),
    )


def recoverable(arns: Iterable[str]) -> tuple[Kept, ...]:
    """Secrets whose deletion has been asked for."""
    return tuple(Kept(kind="secret", name=arn, why="in its recovery window") for arn in arns)


def left_over(session: Session, names: DeploymentNames) -> Left:
    """What each service's own listing still shows under the deployment's id."""
    taken = inventory.take(session, SWEPT)
    found = {
        kind: tuple(one for one in listed if names.id in one)
        for kind, listed in taken.kinds.items()
    }
    return Left(found={kind: ids for kind, ids in found.items() if ids}, unread=taken.unread)


def _snapshot(session: Session, name: str | None) -> list[Kept]:
    if name is None:
        return []
    found = session.ask(
        "rds", "describe_db_snapshots", absent=NO_SNAPSHOT, DBSnapshotIdentifier=name
    )
    return [
        Kept(kind="rds snapshot", name=one["DBSnapshotIdentifier"], why="the final snapshot")
        for one in found.get("DBSnapshots", [])
    ]


def _external(spec: DeploymentSpec) -> list[Kept]:
    if POSTGRES_SECRET not in spec.secrets:
        return []
    why = "it is yours: nothing of it was ever managed, and all its rows are there"
    return [Kept(kind="external postgres", name=POSTGRES_SECRET, why=why)]


def _secrets(session: Session, spec: DeploymentSpec, names: DeploymentNames) -> list[Kept]:
    own = ["redis", *(name for name, reference in spec.secrets.items() if reference is None)]
    kept = []
    for name in own:
        secret = session.ask(
            "secretsmanager", "describe_secret", absent=NO_SECRET, SecretId=names.secret(name)
        )
        if secret:
            going = secret.get("DeletedDate")
            why = "in its recovery window" if going else "not deleted"
            kept.append(Kept(kind="secret", name=secret["Name"], why=why))
    return kept


def _task_definitions(session: Session, names: DeploymentNames) -> list[Kept]:
    return [
        Kept(kind="ecs task definition", name=arn, why="INACTIVE; AWS keeps its record")
        for role in ROLES
        for arn in deregister_family(session, names.service(role))
    ]

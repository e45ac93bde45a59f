"""Which settings go with RDS and which with somebody else's PostgreSQL; pure."""

from typing import TYPE_CHECKING

from byoc_infra.components._database_tls import check_tls
from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.components._sizes import DATABASES, RESERVED_CONNECTIONS
from byoc_infra.components.database import check_version
from byoc_infra.errors import SpecError

if TYPE_CHECKING:
    from byoc_infra.components.deployment_args import LangGraphDeploymentArgs

__all__ = ["DEFAULT_VERSION", "check_choice"]

DEFAULT_VERSION = "16"
STORAGE_GIB = (20, 32768)
"""gp3 on PostgreSQL has 65536 at the most (RDS user guide, storage types)."""


def check_choice(args: "LangGraphDeploymentArgs") -> None:
    """Refuse what the chosen database would not heed, under the deployment's own field names."""
    if POSTGRES_SECRET in args.secrets:
        _check_external(args)
        return
    if args.database_max_connections is not None:
        raise SpecError(
            "database_max_connections",
            wanted=f"nothing without secrets.{POSTGRES_SECRET}",
            got=str(args.database_max_connections),
            next_step="Remove it: an RDS instance has as many as its size class says.",
        )
    if args.database_instance_class not in (None, *DATABASES):
        raise SpecError(
            "database_instance_class",
            wanted="one of " + ", ".join(DATABASES),
            got=repr(args.database_instance_class),
            next_step="Others' connections are not known here.",
        )
    least, most = STORAGE_GIB
    if not least <= (args.database_storage_gib or least) <= most:
        raise SpecError(
            "database_storage_gib",
            wanted=f"{least} to {most}, so that it may grow to twice as much",
            got=str(args.database_storage_gib),
            next_step="Choose one in between.",
        )
    if args.postgres_version is not None:
        check_version("postgres_version", args.postgres_version)
    if args.database_ca_pem is not None:
        check_tls(args.database_tls, args.database_ca_pem, prefix="database_")
    args.database_args()


def _check_external(args: "LangGraphDeploymentArgs") -> None:
    for field in ("postgres_version", "database_instance_class", "database_storage_gib"):
        if getattr(args, field) is not None:
            raise SpecError(
                field,
                wanted=f"nothing beside secrets.{POSTGRES_SECRET}",
                got=repr(getattr(args, field)),
                next_step="Remove it: your own server is as you have made it.",
            )
    check_tls(args.database_tls, args.database_ca_pem, prefix="database_")
    outside = args.external_database_args("")
    queue = args.queue_replicas.most if args.size_class.queue else 0
    # As in `pool_size`: a pool of one in every container, twice while a roll-out is under way.
    least = RESERVED_CONNECTIONS + 2 * (args.replicas.most + queue)
    if outside.max_connections < least:
        raise SpecError(
            "database_max_connections",
            wanted=f"{least} or more for as many containers as there may be",
            got=str(outside.max_connections),
            next_step="Allow the deployment's role more connections.",
        )

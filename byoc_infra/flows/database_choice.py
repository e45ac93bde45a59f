"""What a deployment's database is, is decided once: a change would leave the rows behind, and
storage never shrinks.

Judged by the stack's recorded state, not by AWS: it also holds what was never in AWS.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from byoc_infra.components._database_choice import DEFAULT_VERSION
from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.components._sizes import SIZES
from byoc_infra.errors import SpecError
from byoc_infra.spec import DeploymentSpec

__all__ = ["external", "refuse_change"]

RDS = "aws:rds/instance:Instance"
EXTERNAL = "byoc:aws:ExternalDatabase"
QUEUE = "byoc:aws:Queue"
"""What only the production class has."""
FIELD = f"secrets.{POSTGRES_SECRET}"
MAKE_ANOTHER = "Keep it as it is; for another database make a deployment of another name."


def external(spec: DeploymentSpec) -> bool:
    """Whether the file chooses a database of the customer's own."""
    return POSTGRES_SECRET in spec.secrets


def refuse_change(spec: DeploymentSpec, resources: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a file whose database is another, or smaller, than that of these resources' stack."""
    known = {str(one.get("type")): one for one in resources}
    if QUEUE in known and spec.size == "development":
        raise SpecError(
            "size",
            wanted="production, which the deployment is",
            got=spec.size,
            next_step="Set max_scale and queue_max_scale to 1 to make it small, or make another.",
        )
    if EXTERNAL in known and not external(spec):
        raise SpecError(
            FIELD,
            wanted="what it was: the deployment runs on an external PostgreSQL",
            got="nothing",
            next_step=f"Put it back. {MAKE_ANOTHER}",
        )
    if RDS in known and external(spec):
        raise SpecError(
            FIELD,
            wanted="nothing: the deployment's rows are in its RDS instance, which would go",
            got="an external PostgreSQL",
            next_step=f"Remove it. {MAKE_ANOTHER}",
        )
    if RDS in known:
        inputs = known[RDS].get("inputs") or {}
        _refuse_version(spec, str(inputs.get("engineVersion") or ""))
        _refuse_shrinking(spec, int(inputs.get("allocatedStorage") or 0))


def _refuse_version(spec: DeploymentSpec, has: str) -> None:
    asked = spec.postgres_version or DEFAULT_VERSION
    if has and _major(asked) != _major(has):
        raise SpecError(
            "postgres_version",
            wanted=f"a version of {_major(has)}, which the deployment has",
            got=asked,
            next_step=f"RDS moves data to another major version only by hand. {MAKE_ANOTHER}",
        )


def _refuse_shrinking(spec: DeploymentSpec, has_gib: int) -> None:
    asked = spec.database_storage_gib or SIZES[spec.size].storage_gib
    if asked < has_gib:
        raise SpecError(
            "database_storage_gib",
            wanted=f"{has_gib} or more, which the deployment has",
            got=str(asked),
            next_step=f"RDS gives no storage back. {MAKE_ANOTHER}",
        )


def _major(version: str) -> str:
    return version.partition(".")[0]

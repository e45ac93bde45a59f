"""Why an operation failed: what was recorded, and what the account still knows now.

The customer's own lines are fetched for the one who asks, and written nowhere.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from byoc_infra.aws.causes import Stopped, stopped_tasks
from byoc_infra.aws.session import Session
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.operations import FailureNow, LastWords
from byoc_infra.control_plane.services import views
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.errors import ByocError
from byoc_infra.flows.names import names_of
from byoc_infra.naming import AccountNames
from byoc_infra.redaction import scrub
from byoc_infra.spec import DeploymentSpec

__all__ = ["Failures"]

SERVICES = ("api", "queue", "cache")
LINES = 20
AROUND = timedelta(seconds=60)
"""A task may have been made a little before the operation knew, and end a little after."""


class Failures:
    """Explains failed operations."""

    def __init__(self, store: Store, reach: Reach) -> None:
        self._store = store
        self._reach = reach

    def now(self, caller: Caller, operation_id: str) -> FailureNow:
        """All that is known at this moment; an account that is away hides only its own part."""
        with self._store.begin() as tx:
            row = tx.operations.get(caller.tenant_id, operation_id)
            revision = (
                tx.revisions.get(caller.tenant_id, row.revision_id) if row.revision_id else None
            )
            account = tx.accounts.get(caller.tenant_id, row.account_id)
        tasks: tuple[Stopped, ...] = ()
        unavailable = None
        if row.status in ("FAILED", "RUNNING") and revision is not None and row.started_at:
            try:
                with self._reach.session(account, caller) as session:
                    tasks = _ended(session, DeploymentSpec.model_validate(revision.spec), row)
            except ByocError as error:
                unavailable = scrub(str(error))
        return FailureNow(
            operation_id=row.id,
            failure=views.failure(row.failure),
            tasks=[_shown(one) for one in tasks],
            unavailable=unavailable,
        )


def _ended(session: Session, spec: DeploymentSpec, row: OperationRow) -> tuple[Stopped, ...]:
    cluster, names = AccountNames(spec.installation).cluster, names_of(spec)
    mine = _made_during(row)
    return tuple(
        one
        for service in SERVICES
        for one in stopped_tasks(session, cluster, names.service(service), mine, lines=LINES)
    )


def _made_during(row: OperationRow) -> Callable[[dict[str, Any]], bool]:
    """AWS keeps ended tasks for about an hour, of whichever operation; ours are told by time."""

    def mine(task: dict[str, Any]) -> bool:
        made = task.get("createdAt")
        if not isinstance(made, datetime) or row.started_at is None:
            return False
        return row.started_at - AROUND <= made and (
            row.finished_at is None or made <= row.finished_at + AROUND
        )

    return mine


def _shown(stopped: Stopped) -> LastWords:
    return LastWords(
        task=stopped.task,
        said=list(stopped.said),
        lines=[scrub(line) for line in stopped.lines],
    )

"""Answers for a flow: hears what it does, lends it credentials, stops it, asks for consent."""

import logging
from collections.abc import Callable, Mapping, Sequence

from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.control_plane.supervisor import approval
from byoc_infra.control_plane.supervisor.kinds import PACKAGE, plan_of
from byoc_infra.control_plane.supervisor.lease import Lease, lost
from byoc_infra.control_plane.supervisor.reins import Reins
from byoc_infra.control_plane.supervisor.rows import Task
from byoc_infra.control_plane.supervisor.telling import Teller
from byoc_infra.engine import EngineEvent, StackRef
from byoc_infra.errors import ApprovalNeeded
from byoc_infra.flows.results import Preview
from byoc_infra.flows.work import Overseer, Resource

__all__ = ["Witness"]

log = logging.getLogger(__name__)


class Witness(Overseer):
    """The overseer of one operation."""

    log_lines = False

    def __init__(self, task: Task, lease: Lease, reins: Reins, teller: Teller) -> None:
        self._task = task
        self._lease = lease
        self._reins = reins
        self._teller = teller
        self.alone = lease.unclean
        self.stack: StackRef | None = None
        """The stack, once nothing of an earlier run is left open on it."""
        self.plan: dict[str, object] | None = None
        """What has to be approved."""

    def said(self, line: str) -> None:
        """A flow has come to its next step, if it may go there."""
        self._reins.check()
        self._teller.say(line)

    def happened(self, event: EngineEvent) -> bool:
        """Write it down; a run under way is stopped by the engine, not from here."""
        self._teller.tell(event)
        return True

    def pause(self, seconds: float) -> None:
        """Wait, unless it is to stop."""
        self._reins.pause(seconds)

    def renewing(self, duration_s: int) -> None:
        """Nobody elsewhere may start before these credentials end: that stands first."""
        self._reins.check()
        try:
            self._lease.lend(duration_s)
        except Exception as away:
            if not is_outage(away):
                raise
            log.warning("credentials for %s: %s", self._lease.stack, type(away).__name__)
            raise lost(self._lease.stack) from None

    def variables(self) -> Mapping[str, str]:
        """The engine's sessions with the state's PostgreSQL say under which lease they write."""
        return {"PGOPTIONS": f"-c byoc.lease={self._lease.stack}:{self._lease.token}"}

    def recovered(self, stack: StackRef) -> None:
        """From here on this run alone can leave something open."""
        self.alone = False
        self.stack = stack

    def consent(self, resources: Sequence[Resource], preview: Callable[[], Preview]) -> None:
        """Refuse what would take data away, unless a person has agreed to just that."""
        if not approval.holds_data(resources) or self._is_routine():
            return
        self._teller.say("Looking at what would change")
        found = preview()
        needed = approval.needed(found.changes)
        operation = self._task.operation
        if not needed or (operation.approved_by and approval.agreed(operation.plan, needed)):
            return
        self.plan = plan_of(found)
        raise ApprovalNeeded(
            "operation",
            wanted="somebody to agree",
            got=", ".join(f"{one.op} {one.type} {one.name}" for one in needed),
            next_step="Look at the operation's plan, then approve or reject it.",
        )

    def _is_routine(self) -> bool:
        task = self._task
        return (
            task.spec is not None
            and task.running is not None
            and task.running_package == PACKAGE
            and approval.is_light(task.running, task.spec)
        )

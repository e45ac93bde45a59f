"""The steps of the workflow, and what each ending means."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.workflows.operate import Operate, Retries
from byoc_infra.control_plane.workflows.outcome import Ended, Ending
from byoc_infra.control_plane.workflows.queue import attempt_of, workflow_id
from tests.support.workers import Plane

ERROR = {"code": "CLOUD_UNREACHABLE", "got": "no answer", "retryable": True}


class NoLanes:
    """Nothing is run."""

    def run(self, operation: str, attempt: int) -> Ended:
        """Never asked."""
        raise AssertionError(operation, attempt)


@pytest.fixture
def steps(plane: Plane) -> Operate:
    """The real ones."""
    return Operate(
        store=plane.store,
        queue=plane.queue,
        lanes=NoLanes(),
        retries=Retries(first_s=60.0, attempts=3),
    )


class Done:
    """Everything has been done already."""

    def run(self, operation: str, attempt: int) -> Ended:
        """How it ended."""
        return Ended("SUCCEEDED")


def queued(plane: Plane) -> dict[str, tuple[str, int]]:
    """What waits in DBOS, with priorities."""
    asked = "SELECT workflow_uuid AS id, status, priority FROM dbos.workflow_status"
    return {row.id: (row.status, row.priority) for row in plane.rows(asked)}


def test_a_hundred_times_the_same_is_one_workflow(plane: Plane) -> None:
    """Whoever doubts that it was enqueued may enqueue it again."""
    operation = plane.ask(plane.deployment())

    def again(_: int) -> None:
        with plane.store.begin() as tx:
            plane.queue.enqueue(tx, operation.id, deployment_id=operation.deployment_id, attempt=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(again, range(100)))

    assert queued(plane) == {f"{operation.id}.1": ("ENQUEUED", 2)}


def test_what_is_rolled_back_is_not_enqueued(plane: Plane) -> None:
    """Row and workflow come together or not at all."""
    deployment = plane.deployment()

    def fail() -> None:
        with plane.store.begin() as tx:
            plane.queue.enqueue(tx, "op-1", deployment_id=deployment.id, attempt=1)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert queued(plane) == {}


def test_an_operation_that_begins_runs_and_its_revision_is_deploying(
    plane: Plane, steps: Operate
) -> None:
    """Whoever polls sees it."""
    operation = plane.ask(plane.deployment())

    assert steps.begin(operation.id, 1) == "RUN"
    assert plane.operation(operation.id).status == "RUNNING"
    assert plane.operation(operation.id).started_at is not None
    assert plane.revision(operation).status == "DEPLOYING"


def test_only_the_newest_of_fast_pushes_runs(plane: Plane, steps: Operate) -> None:
    """The others would be replaced at once."""
    deployment = plane.deployment()
    first, second, newest = (plane.ask(deployment) for _ in range(3))

    assert [steps.begin(o.id, 1) for o in (first, second, newest)] == ["OVER", "OVER", "RUN"]
    assert [plane.revision(o).status for o in (first, newest)] == ["SKIPPED", "DEPLOYING"]
    assert plane.operation(first.id).finished_at is not None


def test_a_revision_does_not_come_after_a_newer_one_that_serves(
    plane: Plane, steps: Operate
) -> None:
    """A worker's death may turn the order round."""
    deployment = plane.deployment()
    older, newer = plane.ask(deployment), plane.ask(deployment)
    steps.begin(newer.id, 1)
    steps.finish(newer.id, 1, 0, Ended("SUCCEEDED"))

    assert steps.begin(older.id, 1) == "OVER"
    assert plane.operation(older.id).status == "SKIPPED"
    assert plane.now(deployment).active_revision_id == newer.revision_id


def test_a_newer_one_that_failed_or_was_cancelled_or_only_previewed_skips_nothing(
    plane: Plane, steps: Operate
) -> None:
    """Else nothing of what was asked for would run."""
    deployment = plane.deployment()
    operation, failed, cancelled = (plane.ask(deployment) for _ in range(3))
    plane.ask(deployment, "preview")
    steps.finish(failed.id, 1, 0, Ended("FAILED", ERROR))
    steps.finish(cancelled.id, 1, 0, Ended("CANCELLED"))

    assert steps.begin(operation.id, 1) == "RUN"


def test_a_deletion_skips_the_deployments_before_it(plane: Plane, steps: Operate) -> None:
    """Nobody wants to see made what is then deleted; another deployment is not concerned."""
    deployment, other = plane.deployment(), plane.deployment("other")
    operation, beside = plane.ask(deployment), plane.ask(other)
    deletion = plane.ask(deployment, "delete")

    assert [steps.begin(o.id, 1) for o in (operation, beside, deletion)] == ["OVER", "RUN", "RUN"]


def test_a_deletion_that_succeeded_frees_the_name(plane: Plane, steps: Operate) -> None:
    """Another deployment may have it."""
    deployment = plane.deployment()
    deletion = plane.ask(deployment, "delete")
    steps.begin(deletion.id, 1)
    steps.finish(deletion.id, 1, 0, Ended("SUCCEEDED"))

    assert plane.now(deployment).deleted_at is not None
    assert plane.deployment().name == deployment.name


def test_what_was_cancelled_in_the_queue_never_runs(plane: Plane, steps: Operate) -> None:
    """The request was before its turn."""
    operation = plane.ask(plane.deployment())
    with plane.store.begin() as tx:
        tx.operations.get(plane.tenant.id, operation.id).cancel_requested_at = sa.func.now()

    assert steps.begin(operation.id, 1) == "OVER"
    assert plane.operation(operation.id).status == "CANCELLED"
    assert plane.revision(operation).status == "INTERRUPTED"


def test_an_attempt_that_is_not_the_newest_has_no_say(plane: Plane, steps: Operate) -> None:
    """Its worker was thought dead and has woken up."""
    operation = plane.ask(plane.deployment())
    steps.begin(operation.id, 1)
    steps.finish(operation.id, 1, 0, Ended("HANDED_ON"))

    assert steps.begin(operation.id, 1) == "OVER"
    assert steps.finish(operation.id, 1, 0, Ended("FAILED", ERROR)) == "OVER"
    assert plane.operation(operation.id).status == "QUEUED"


def test_what_a_stopped_worker_hands_on_comes_before_what_was_asked_for_later(
    plane: Plane, steps: Operate
) -> None:
    """A lower number is an earlier turn; the error's count goes on."""
    deployment = plane.deployment()
    operation = plane.ask(deployment)
    later = plane.ask(deployment, "preview")
    steps.finish(operation.id, 1, 0, Ended("HANDED_ON"))

    assert plane.told(operation.id) == ["QUEUED"]
    assert queued(plane)[f"{operation.id}.2"] == ("ENQUEUED", 1)
    assert queued(plane)[f"{later.id}.1"] == ("ENQUEUED", 2)


def test_an_error_that_may_pass_is_tried_again_later_and_not_for_ever(
    plane: Plane, steps: Operate
) -> None:
    """Meanwhile no worker is kept busy, and the cause can be read."""
    operation = plane.ask(plane.deployment())
    statuses = [steps.finish(operation.id, n, n - 1, Ended("RETRY", ERROR)) for n in (1, 2, 3)]

    assert statuses == ["QUEUED", "QUEUED", "FAILED"]
    assert queued(plane)[f"{operation.id}.2"][0] == "DELAYED"
    assert plane.operation(operation.id).failure == ERROR
    assert plane.revision(operation).status == "DEPLOY_FAILED"


def test_a_stack_that_somebody_has_is_waited_for_as_long_as_it_takes(
    plane: Plane, steps: Operate
) -> None:
    """Nothing has failed: it is not counted, and no lane is kept busy meanwhile."""
    operation = plane.ask(plane.deployment())
    held = Ended("RETRY", ERROR, after_s=90.0)
    statuses = [steps.finish(operation.id, n, 0, held) for n in range(1, 12)]

    assert set(statuses) == {"QUEUED"}
    assert queued(plane)[f"{operation.id}.12"][0] == "DELAYED"


def test_pauses_double_up_to_a_longest() -> None:
    """Eight tries within a quarter of an hour or so."""
    pauses = [Retries(first_s=5.0, longest_s=60.0).pause_s(n) for n in range(8)]

    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, None]


def test_a_refused_role_disconnects_the_account_and_the_operation_waits(
    plane: Plane, steps: Operate
) -> None:
    """No storm of tries; what runs goes on running."""
    operation = plane.ask(plane.deployment())
    steps.begin(operation.id, 1)
    steps.finish(operation.id, 1, 0, Ended("WAITING", {"code": "ACCESS_REFUSED", "got": "no"}))
    with plane.store.begin() as tx:
        account = tx.accounts.get(plane.tenant.id, plane.account.id)

    assert plane.operation(operation.id).status == "WAITING"
    assert plane.operation(operation.id).finished_at is None
    assert plane.revision(operation).status == "QUEUED"
    assert (account.status, account.status_message) == ("disconnected", "no")


@pytest.mark.parametrize(
    ("ended", "revision"),
    [("SUCCEEDED", "DEPLOYED"), ("FAILED", "DEPLOY_FAILED"), ("CANCELLED", "INTERRUPTED")],
)
def test_a_terminal_status_is_the_revisions_too(
    plane: Plane, steps: Operate, ended: Ending, revision: str
) -> None:
    """In the platform's words."""
    operation = plane.ask(plane.deployment())
    steps.begin(operation.id, 1)
    steps.finish(operation.id, 1, 0, Ended(ended))

    assert plane.operation(operation.id).status == ended
    assert plane.operation(operation.id).finished_at is not None
    assert plane.revision(operation).status == revision
    assert plane.told(operation.id) == ["RUNNING", ended]


def test_a_workflows_id_says_operation_and_attempt() -> None:
    """Both ways."""
    assert attempt_of(workflow_id("op-1", 12)) == ("op-1", 12)


def test_how_a_run_ended_is_kept_while_the_database_is_away(
    plane: Plane, steps: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DBOS would fail to write it down, and the engine would run again for nothing."""
    operation = plane.ask(plane.deployment())
    steps = replace(steps, lanes=Done())
    begin, away = plane.store.begin, [sa.exc.OperationalError("", {}, Exception("away"))]

    def returns() -> AbstractContextManager[Transaction]:
        if away:
            raise away.pop()
        return begin()

    monkeypatch.setattr(plane.store, "begin", returns)

    assert steps.apply(operation.id, 1) == Ended("SUCCEEDED")
    assert away == []

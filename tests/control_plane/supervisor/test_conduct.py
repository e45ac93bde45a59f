"""One operation from its id to how it ended, on a real store and without a cloud."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.processes import ProcessId, this_host
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    DeploymentRow,
    LeaseRow,
    OperationRow,
    RevisionRow,
    TenantRow,
)
from byoc_infra.control_plane.supervisor import conduct
from byoc_infra.control_plane.supervisor.conduct import Answer, Conductor
from byoc_infra.control_plane.supervisor.kinds import KINDS, PACKAGE
from byoc_infra.control_plane.supervisor.lease import StoreShelf
from byoc_infra.control_plane.supervisor.rows import Task
from byoc_infra.engine import EngineEvent
from byoc_infra.errors import (
    AccessRefused,
    ByocError,
    CloudUnreachable,
    DeadlineExceeded,
    EngineFailed,
    ProviderDied,
    SpecError,
)
from byoc_infra.flows import reading
from byoc_infra.flows.results import Item, Preview
from byoc_infra.flows.work import Work
from tests.support.rows import deployment_row

SECRET = "an-external-id-of-some-length"  # not one
SPEC = {
    "name": "bot",
    "aws_account_id": "123456789012",
    "region": "eu-west-1",
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/agents@sha256:" + "a" * 64,
}
DATABASE = {"type": "aws:rds/instance:Instance", "urn": "urn:db"}
Flow = Callable[[Task, Work], dict[str, Any]]


class FakeEngine:
    """An engine with nothing under way."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def stop(self, *, grace_s: float | None = None) -> bool:
        """SIGINT."""
        self.told.append(f"stop {grace_s}")
        return False

    def kill(self) -> bool:
        """SIGKILL."""
        self.told.append("kill")
        return False

    def settled(self, stack: object) -> bool:
        """Whatever the stack."""
        return stack == "settled"


@dataclass
class Bench:
    """A store with one deployment, and a conductor."""

    store: Store
    conductor: Conductor
    engine: FakeEngine
    deployment: DeploymentRow
    revision: RevisionRow

    def operation(self, **given: object) -> str:
        """A running operation's id."""
        values: dict[str, Any] = {
            "id": f"op-{uuid.uuid4().hex[:16]}",
            "tenant_id": self.deployment.tenant_id,
            "account_id": self.deployment.account_id,
            "deployment_id": self.deployment.id,
            "revision_id": self.revision.id,
            "kind": "deploy",
            "status": "RUNNING",
            "source_identity": "tester",
            "request_id": "req-1",
            **given,
        }
        with self.store.begin() as tx:
            return tx.operations.add(OperationRow(**values)).id

    def row(self, id_: str) -> OperationRow:
        """As it is now."""
        with self.store.begin() as tx:
            found = tx.operations.by_id(id_)
        assert found is not None
        return found

    def url(self) -> str | None:
        """Where the deployment is served."""
        with self.store.begin() as tx:
            return tx.deployments.get(self.deployment.tenant_id, self.deployment.id).url

    def lease(self) -> tuple[bool, bool]:
        """Whether the lease was given back, and clean."""
        with self.store.begin() as tx:
            seen = tx.leases.seen(str(self.deployment.id))
        assert seen is not None
        return seen.given_back, seen.clean

    def events(self, id_: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Kind and data of each."""
        with self.store.begin() as tx:
            return [(one.kind, one.data) for one in tx.events.after(id_, 0, limit=100)]

    def cancel(self, id_: str) -> None:
        """As the API does."""
        with self.store.begin() as tx:
            found = tx.operations.by_id(id_, lock=True)
            assert found is not None
            found.cancel_requested_at = datetime.now(UTC)


@pytest.fixture
def bench(store: Store) -> Bench:
    """One tenant's deployment with one revision."""
    with store.begin() as tx:
        tenant = tx.tenants.add(TenantRow(id=uuid.uuid4(), name="acme"))
        account = tx.accounts.add(
            AccountRow(
                tenant_id=tenant.id,
                name="customer",
                aws_account_id=SPEC["aws_account_id"],
                region=SPEC["region"],
                installation="default",
                role_arn="arn:aws:iam::123456789012:role/byoc",
                external_id=SECRET,
                status="active",
            )
        )
        deployment = tx.deployments.add(deployment_row(tenant.id, account.id, "bot"))
        revision = tx.revisions.add(
            RevisionRow(
                tenant_id=tenant.id,
                deployment_id=deployment.id,
                number=1,
                source="external_docker",
                source_revision_config={},
                status="DEPLOYING",
                spec=SPEC,
            )
        )
    engine = FakeEngine()
    settings = Settings.of({"BYOC_LEASE_S": "6"})
    conductor = Conductor(store=store, engine=engine, settings=settings, env={})  # type: ignore[arg-type]
    return Bench(store, conductor, engine, deployment, revision)


@contextmanager
def _flow(monkeypatch: pytest.MonkeyPatch, flow: Flow, kind: str = "deploy") -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, kind, flow)
        yield


def _failing(error: Exception) -> Flow:
    def flow(_task: Task, _work: Work) -> dict[str, Any]:
        raise error

    return flow


def _error(kind: type[ByocError], field: str = "field", got: str = "that") -> ByocError:
    return kind(field, wanted="this", got=got, next_step="Do something.")


def test_a_result_is_written_with_where_it_is_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the lease given back, clean, because the stack is settled."""

    def flow(task: Task, work: Work) -> dict[str, Any]:
        assert task.access.external_id == SECRET
        assert task.access.duration_s == 900
        assert work.operation == task.operation.id
        work.overseer.recovered("settled")  # type: ignore[arg-type]
        work.report(f"Using {SECRET}\0")
        work.tell(
            EngineEvent(kind="done", urn="u", type="t", name="n", op="create", elapsed_s=1.26)
        )
        return {"result": {"package": "1"}, "url": "http://bot"}

    id_ = bench.operation()
    with _flow(monkeypatch, flow):
        answer = bench.conductor.conduct(id_, 1)

    assert answer == Answer(ended="SUCCEEDED")
    assert bench.row(id_).result == {"package": "1"}
    assert bench.url() == "http://bot"
    assert bench.lease() == (True, True)
    assert bench.events(id_) == [
        ("progress", {"message": "Using …"}),
        (
            "resource",
            {"state": "done", "op": "create", "type": "t", "name": "n", "seconds": 1.3},
        ),
    ]


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (_error(SpecError), "FAILED"),
        (_error(EngineFailed), "FAILED"),
        (_error(DeadlineExceeded), "FAILED"),
        (_error(ProviderDied), "RETRY"),
        (_error(CloudUnreachable), "RETRY"),
        (_error(AccessRefused, "role_arn"), "WAITING"),
        (_error(AccessRefused, "ecs:RunTask"), "FAILED"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_each_error_ends_an_operation_in_its_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: ByocError, ended: str
) -> None:
    """What may pass is tried again, what the account refuses waits, all else has failed."""
    monkeypatch.setattr(reading, "reach", lambda *_: _Closes())
    id_ = bench.operation()
    with _flow(monkeypatch, _failing(error)):
        answer = bench.conductor.conduct(id_, 1)

    assert answer == Answer(ended=ended, error=error.as_dict())  # type: ignore[arg-type]
    assert bench.row(id_).result is None
    assert bench.lease() == (True, True)


class _Closes:
    def close(self) -> None:
        """A session that was opened to see that it can be."""


def test_a_role_taken_away_in_mid_run_makes_it_wait(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's error says something else; the role itself is asked."""
    refused = _error(AccessRefused, "role_arn")

    def reach(*_: object) -> None:
        raise refused

    monkeypatch.setattr(reading, "reach", reach)
    with _flow(monkeypatch, _failing(_error(EngineFailed))):
        answer = bench.conductor.conduct(bench.operation(), 1)

    assert answer == Answer(ended="WAITING", error=refused.as_dict())


def test_an_error_nobody_thought_of_fails_without_its_words(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold anything; the log has them, scrubbed."""
    with _flow(monkeypatch, _failing(ValueError("hush"))):
        answer = bench.conductor.conduct(bench.operation(), 1)

    assert answer.ended == "FAILED"
    assert "hush" not in str(answer)
    assert bench.lease() == (True, True)


def test_an_error_is_scrubbed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes into DBOS's tables and into an answer of the API."""
    with _flow(monkeypatch, _failing(_error(SpecError, got=f"the id {SECRET}"))):
        answer = bench.conductor.conduct(bench.operation(), 1)

    assert answer.error is not None
    assert answer.error["got"] == "the id …"


def test_what_is_done_is_not_done_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its supervisor died before it could say so: the result says it."""
    id_ = bench.operation(result={"package": "1"})
    with _flow(monkeypatch, _failing(AssertionError("ran again"))):
        answer = bench.conductor.conduct(id_, 1)

    assert answer == Answer(ended="SUCCEEDED")


def test_an_old_attempt_does_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was thought dead and woke up."""
    id_ = bench.operation(attempt=2)
    with _flow(monkeypatch, _failing(AssertionError("ran"))):
        answer = bench.conductor.conduct(id_, 1)

    assert answer.ended == "RETRY"
    assert answer.error is not None
    assert answer.error["code"] == "LEASE_LOST"


def test_a_cancelled_operation_ends_where_it_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also outside of the engine, as while tasks become healthy."""
    id_ = bench.operation()

    def flow(_task: Task, work: Work) -> dict[str, Any]:
        bench.cancel(id_)
        work.overseer.pause(30)
        raise AssertionError("was not stopped")

    with _flow(monkeypatch, flow):
        answer = bench.conductor.conduct(id_, 1)

    assert answer.ended == "CANCELLED"
    assert "stop 1200.0" in bench.engine.told
    assert bench.lease() == (True, True)


def test_the_end_of_the_worker_stops_what_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing new is begun."""
    id_ = bench.operation()

    def flow(_task: Task, work: Work) -> dict[str, Any]:
        threading.Timer(0.2, bench.conductor.close).start()
        work.overseer.pause(30)
        raise AssertionError("was not stopped")

    with _flow(monkeypatch, flow):
        answers = [bench.conductor.conduct(id_, 1).ended for _ in range(2)]

    assert answers == ["RETRY", "RETRY"]
    assert bench.lease() == (True, True)


def test_a_late_result_is_dropped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has the stack by now: this one's word is not written down."""
    id_ = bench.operation()

    def flow(task: Task, work: Work) -> dict[str, Any]:
        _steal(bench, str(task.operation.deployment_id))
        work.report("too late")
        return {"result": {"package": "1"}, "url": "http://late"}

    with _flow(monkeypatch, flow):
        answer = bench.conductor.conduct(id_, 1)

    assert answer.ended == "RETRY"
    assert (bench.row(id_).result, bench.url()) == (None, None)
    assert bench.events(id_) == []
    assert bench.lease() == (False, False)


def test_who_lost_the_lease_hears_of_it_within_a_renewal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its engine is killed, not asked."""

    def flow(task: Task, work: Work) -> dict[str, Any]:
        _steal(bench, str(task.operation.deployment_id))
        work.overseer.pause(30)
        raise AssertionError("was not stopped")

    with _flow(monkeypatch, flow):
        answer = bench.conductor.conduct(bench.operation(), 1)

    assert answer.ended == "RETRY"
    assert "kill" in bench.engine.told


def test_credentials_are_not_given_to_who_lost_the_lease(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what fences an engine on another host."""
    ends: list[datetime] = []

    def flow(task: Task, work: Work) -> dict[str, Any]:
        stack = str(task.operation.deployment_id)
        work.overseer.renewing(900)
        with bench.store.begin() as tx:
            row = tx.session.get(LeaseRow, stack)
            assert row is not None
            ends.append(row.credentials_end_at)
        _steal(bench, stack)
        work.overseer.renewing(900)
        raise AssertionError("was lent")

    began = datetime.now(UTC)
    with _flow(monkeypatch, flow):
        answer = bench.conductor.conduct(bench.operation(), 1)

    assert answer.ended == "RETRY"
    assert (ends[0] - began).total_seconds() > 900


def test_a_failure_before_recovery_leaves_the_next_one_the_work(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead owner left open stays known until somebody has looked."""
    dead = ProcessId(this_host(), 1, 1.0)
    StoreShelf(bench.store).take(
        str(bench.deployment.id), None, operation_id="op-0", me=dead, lease_s=600
    )
    alone: list[bool] = []

    def flow(_task: Task, work: Work) -> dict[str, Any]:
        alone.append(work.overseer.alone)
        if len(alone) == 1:
            raise _error(CloudUnreachable)
        work.overseer.recovered("settled")  # type: ignore[arg-type]
        return {"result": {}}

    id_ = bench.operation()
    with _flow(monkeypatch, flow):
        first, left = bench.conductor.conduct(id_, 1), bench.lease()
        second = bench.conductor.conduct(id_, 1)

    assert (first.ended, left) == ("RETRY", (True, False))
    assert (second.ended, bench.lease()) == ("SUCCEEDED", (True, True))
    assert alone == [True, True]


def _with_plan(*changes: Item) -> Flow:
    def flow(_task: Task, work: Work) -> dict[str, Any]:
        preview = Preview(stack="s", changes=changes, seconds=1.0)
        work.overseer.consent([DATABASE], lambda: preview)
        return {"result": {"package": PACKAGE}}

    return flow


REPLACED = Item(op="replace", type="aws:rds/instance:Instance", name="db")
UPDATED = Item(op="update", type="aws:rds/instance:Instance", name="db")


def test_a_replaced_database_needs_somebody_to_agree(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan is kept; once approved just that plan is carried out, and no other."""
    id_ = bench.operation()
    with _flow(monkeypatch, _with_plan(REPLACED)):
        asked = bench.conductor.conduct(id_, 1)
        plan = bench.row(id_).plan
        _approve(bench, id_)
        done = bench.conductor.conduct(id_, 1)
    assert plan is not None
    worse = Item(op="delete", type="aws:secretsmanager/secret:Secret", name="redis")
    other = bench.operation(approved_by="key-1", plan=plan)
    with _flow(monkeypatch, _with_plan(REPLACED, worse)):
        changed = bench.conductor.conduct(other, 1)

    assert asked.ended == "AWAITING_APPROVAL"
    assert [one["name"] for one in plan["needs_approval"]] == ["db"]
    assert done.ended == "SUCCEEDED"
    assert changed.ended == "AWAITING_APPROVAL"


def test_a_harmless_change_needs_nobody(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update in place keeps what is in it."""
    with _flow(monkeypatch, _with_plan(UPDATED)):
        assert bench.conductor.conduct(bench.operation(), 1).ended == "SUCCEEDED"


@pytest.mark.parametrize(
    ("package", "spec", "looks"),
    [
        (PACKAGE, {"image": SPEC["image"].replace("a" * 64, "b" * 64)}, False),
        (PACKAGE, {"environment": {"A": "1"}}, False),
        (PACKAGE, {"size": "production"}, True),
        (PACKAGE, {"secrets": {"POSTGRES_URI_CUSTOM": {"arn": "arn:x"}}}, True),
        ("another", {}, True),
    ],
)
def test_only_more_than_image_and_variables_is_looked_at_first(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    spec: dict[str, Any],
    *,
    looks: bool,
) -> None:
    """A preview costs seconds, and a routine roll-out cannot touch what holds data."""
    bench.operation(status="SUCCEEDED", finished_at=datetime.now(UTC), result={"package": package})
    with bench.store.begin() as tx:
        deployment = tx.deployments.get(bench.deployment.tenant_id, bench.deployment.id)
        deployment.active_revision_id = bench.revision.id
        changed = tx.revisions.add(
            RevisionRow(
                tenant_id=deployment.tenant_id,
                deployment_id=deployment.id,
                number=2,
                source="external_docker",
                source_revision_config={},
                status="DEPLOYING",
                spec={**SPEC, **spec},
            )
        )
    looked: list[bool] = []

    def flow(_task: Task, work: Work) -> dict[str, Any]:
        def preview() -> Preview:
            looked.append(True)
            return Preview(stack="s", changes=(), seconds=1.0)

        work.overseer.consent([DATABASE], preview)
        return {"result": {}}

    with _flow(monkeypatch, flow):
        bench.conductor.conduct(bench.operation(revision_id=changed.id), 1)

    assert bool(looked) is looks


def test_two_supervisors_told_of_one_operation_run_it_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the stack, and then finds it done."""
    runs: list[float] = []

    def flow(_task: Task, _work: Work) -> dict[str, Any]:
        runs.append(time.monotonic())
        time.sleep(1.0)
        return {"result": {"package": "1"}}

    id_ = bench.operation()
    monkeypatch.setattr(conduct, "this_process", _processes())
    answers: list[Answer] = []
    with _flow(monkeypatch, flow):
        threads = [
            threading.Thread(target=lambda: answers.append(_another(bench).conduct(id_, 1)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [one.ended for one in answers] == ["SUCCEEDED"] * 3
    assert len(runs) == 1


def _another(bench: Bench) -> Conductor:
    return Conductor(
        store=bench.store,
        engine=FakeEngine(),  # type: ignore[arg-type]
        settings=bench.conductor.settings,
        env={},
    )


def _processes() -> Callable[[], ProcessId]:
    """Each asker looks like a process of a host of its own."""
    numbers = iter(range(100, 200))
    return lambda: ProcessId(f"host-{next(numbers)}", 7, 1.0)


def _steal(bench: Bench, stack: str) -> None:
    with bench.store.begin() as tx:
        tx.session.execute(
            sa.update(LeaseRow)
            .where(LeaseRow.stack == stack)
            .values(token=LeaseRow.token + 1, host="elsewhere")
        )


def _approve(bench: Bench, id_: str) -> None:
    with bench.store.begin() as tx:
        found = tx.operations.by_id(id_, lock=True)
        assert found is not None
        found.approved_by = "key-1"

"""Workers and their supervisors on the local cloud, killed and stopped in mid-run.

One deployment goes through all of it, revision after revision.
"""

import signal
from collections.abc import Iterator

import pytest

from byoc_infra.control_plane.store.tables import DeploymentRow
from tests.e2e.crew import ONE_OF_EACH, Crew, crew_on
from tests.e2e.stage import Stage
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

ROLLING = "aws:ecs/taskDefinition:TaskDefinition"


@pytest.fixture(scope="module")
def crew(account: Stage) -> Iterator[Crew]:
    """A control plane without a worker."""
    with crew_on(account) as crew:
        yield crew


@pytest.fixture(scope="module")
def image(account: Stage) -> str:
    """What every revision runs."""
    return account.push("v1")


@pytest.fixture(scope="module")
def deployed(crew: Crew, image: str) -> DeploymentRow:
    """A deployment whose first worker was killed alone while the database was being made."""
    deployment = crew.plane.deployment("crew")
    operation = crew.ask("deploy", deployment, image)
    worker = crew.at_work()
    crew.saw(operation, "aws:rds/instance:Instance")
    worker.kill()
    crew.at_work()
    assert crew.ended(operation) == "SUCCEEDED", crew.words()
    assert crew.attempts(operation) == 2
    return deployment


def intact(crew: Crew, deployment: DeploymentRow, operation: str) -> None:
    """The operation has ended as it should, and left what it should, once."""
    with crew.plane.store.begin() as tx:
        now = tx.deployments.by_id(deployment.id)
        lease = tx.leases.seen(str(deployment.id))
    row = crew.plane.row(operation)

    assert row.status == "SUCCEEDED", crew.words()
    assert now.status == "READY"
    assert now.active_revision_id == row.revision_id
    assert crew.counted("crew") == ONE_OF_EACH
    assert crew.locks() == []
    assert lease is not None
    assert lease.given_back


def test_a_worker_killed_alone_loses_nothing(crew: Crew, deployed: DeploymentRow) -> None:
    """Its supervisor sees it, ends what is in flight and lets go; the next goes on from there."""
    with crew.plane.store.begin() as tx:
        newest = tx.operations.last_deployed(deployed.id)

    assert newest is not None
    intact(crew, deployed, newest.id)


def test_a_worker_killed_with_its_engine_loses_nothing(
    crew: Crew, deployed: DeploymentRow, image: str
) -> None:
    """What was made is found again, the lock of the dead is taken away."""
    worker = crew.at_work()
    operation = crew.ask("deploy", deployed, image)
    crew.saw(operation, ROLLING)
    worker.kill(worker.family())
    crew.at_work()

    assert crew.ended(operation) == "SUCCEEDED", crew.words()
    assert crew.attempts(operation) == 2
    intact(crew, deployed, operation)


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_wakes_up(
    crew: Crew, deployed: DeploymentRow, image: str
) -> None:
    """With its whole family: the new owner ends the old one's engine first."""
    sleeper = crew.at_work()
    operation = crew.ask("deploy", deployed, image)
    crew.saw(operation, ROLLING)
    family = sleeper.family()
    sleeper.each(signal.SIGSTOP, family)
    heir = crew.hire()
    try:
        assert crew.ended(operation) == "SUCCEEDED", crew.words()
    finally:
        sleeper.each(signal.SIGCONT, family)
    until(lambda: not any(one.is_running() for one in family[1:3]), what="the old supervisor's end")
    sleeper.process.terminate()
    assert sleeper.process.wait(60) == 0
    assert heir.process.poll() is None
    intact(crew, deployed, operation)


def test_a_database_that_restarts_and_an_upgrade_in_mid_run_lose_nothing(
    crew: Crew, deployed: DeploymentRow, image: str
) -> None:
    """Leases, states and workflows are all in it, and the worker lives through it. Then the old
    version is asked to end, and the new one takes its operation up.
    """
    old = crew.at_work()
    operation = crew.ask("deploy", deployed, image)
    crew.saw(operation, ROLLING)
    crew.restart_database()
    new = crew.hire(version="2")
    until(lambda: new.works, what="the new version")
    survived = old.process.poll() is None
    old.process.terminate()

    assert crew.ended(operation) == "SUCCEEDED", crew.words()
    assert old.process.wait(60) == 0
    assert new.process.poll() is None
    assert survived
    intact(crew, deployed, operation)


def test_a_deletion_that_was_refused_and_then_killed_ends_with_nothing_left(
    crew: Crew, deployed: DeploymentRow
) -> None:
    """It waits for an account that does not let us in, which is told and touches nothing; goes on
    by itself when it does; and leaves the last snapshot.
    """
    worker = crew.at_work(version="2")
    external_id = crew.plane.account.external_id
    crew.known_by("not-what-the-trust-asks-for")
    operation = crew.ask("delete", deployed)
    until(lambda: crew.plane.row(operation).status == "WAITING", what="the refusal")
    with crew.plane.store.begin() as tx:
        refused = tx.accounts.get(crew.plane.tenant.id, crew.plane.account.id)
    untouched = crew.counted("crew")
    crew.known_by(external_id)
    crew.saw(operation, "aws:ecs/service:Service")
    worker.kill(worker.family())
    crew.at_work(version="2")

    assert crew.ended(operation) == "SUCCEEDED", crew.words()
    assert (refused.status, untouched) == ("disconnected", ONE_OF_EACH)
    assert refused.status_message
    assert set(crew.counted("crew").values()) == {0}
    assert crew.locks() == []

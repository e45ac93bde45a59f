"""Told is not true."""

from collections.abc import Callable
from typing import Any

import pytest

from byoc_infra.aws.health import ServiceWanted, Truth, Wanted, truth, wait_until_true
from byoc_infra.errors import AccessRefused, DeadlineExceeded, DeploymentUnhealthy
from tests.aws.fakes import CLUSTER, GROUP, NEW, OLD, FakeSession, service, target, task

WANTED = Wanted(
    cluster=CLUSTER,
    services=(ServiceWanted(name="lg-x-api", task_definition=NEW, target_group=GROUP),),
)
DENIED = AccessRefused("x", wanted="permission", got="denied", next_step="-")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """What it is now."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pass."""
        self.now += seconds


def wait(session: FakeSession, clock: Clock | None = None, **more: Any) -> Truth:
    """Wait with time of our own."""
    time = clock or Clock()
    options = {"deadline_s": 60.0, **more}
    return wait_until_true(session, WANTED, clock=time, sleep=time.sleep, **options)


def test_all_as_wanted_is_true() -> None:
    """New tasks, healthy, roll-out complete, targets healthy."""
    found = truth(FakeSession(), WANTED)

    assert found.deployed
    assert found.words() == "as wanted"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"healthStatus": "UNHEALTHY"}, "unhealthy by their container health check"),
        ({"healthStatus": "UNKNOWN"}, "0 of 1 tasks are healthy"),
        ({"lastStatus": "PENDING"}, "0 of 1 tasks are healthy"),
        ({"taskDefinitionArn": OLD}, "1 tasks of another task definition still run"),
    ],
)
def test_a_task_that_is_not_right_is_told(change: dict[str, Any], words: str) -> None:
    """Running is not healthy, and healthy is not the new one."""
    session = FakeSession()
    session.tasks = [task(**change)]

    found = truth(session, WANTED, causes=False)

    assert not found.deployed
    assert words in found.words()


def test_an_old_task_beside_the_new_one_is_not_yet_true() -> None:
    """Every running task has to be of the wanted definition."""
    session = FakeSession()
    session.tasks = [task(1), task(2, OLD)]

    assert not truth(session, WANTED, causes=False).deployed


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([], "0 of 1 targets are healthy"),
        ([target(state="initial", Reason="Elb.InitialHealthChecking")], "10.0.0.1 is initial"),
        ([target(state="unhealthy", Description="codes: [500]")], r"codes: \[500\]"),
    ],
)
def test_targets_that_are_not_healthy_are_told(targets: list[Any], words: str) -> None:
    """ECS may be content while the balancer is not."""
    session = FakeSession(describe_target_health={"TargetHealthDescriptions": targets})

    found = truth(session, WANTED, causes=False)

    assert not found.deployed
    assert words.replace("\\", "") in found.words()


def test_draining_targets_do_not_count() -> None:
    """They are the old ones on their way out."""
    targets = [target(1), target(9, "draining")]
    session = FakeSession(describe_target_health={"TargetHealthDescriptions": targets})

    assert truth(session, WANTED).deployed


def test_where_targets_may_not_be_asked_cloudwatch_counts() -> None:
    """The managed policies grant the metric and not the balancer's own call."""
    session = FakeSession(
        describe_target_health=DENIED,
        describe_target_groups={"TargetGroups": [{"LoadBalancerArns": ["a:loadbalancer/app/x/1"]}]},
        get_metric_statistics={"Datapoints": [{"Timestamp": 1, "Minimum": 0.0}]},
    )

    found = truth(session, WANTED, causes=False)

    assert "0 of 1 targets are healthy" in found.words()
    dimensions = dict(session.asked)["get_metric_statistics"]["Dimensions"]
    assert dimensions[0] == {"Name": "TargetGroup", "Value": "targetgroup/lg-x/abc"}
    assert dimensions[1] == {"Name": "LoadBalancer", "Value": "app/x/1"}


def test_where_nothing_may_be_asked_it_is_unknown_and_no_failure() -> None:
    """The container health check still speaks."""
    session = FakeSession(describe_target_health=DENIED, describe_target_groups=DENIED)

    found = truth(session, WANTED)

    assert found.deployed
    assert found.services[0].targets is not None
    assert found.services[0].targets.healthy is None


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (service(OLD), "instead of lg-x-api:2"),
        (service(rollout="FAILED", primary={"rolloutStateReason": "tasks failed"}), "tasks failed"),
        (
            service(deploymentConfiguration={}, rollout="IN_PROGRESS", primary={"failedTasks": 3}),
            "3 tasks of lg-x-api:2 failed to start",
        ),
        (None, "the service does not exist"),
    ],
)
def test_what_cannot_become_true_ends_the_wait(state: dict[str, Any] | None, words: str) -> None:
    """A roll-back looks stable to ECS; comparing shows it. Nobody waits for the deadline."""
    clock = Clock()
    session = FakeSession(describe_services={"services": [state] if state else []})

    with pytest.raises(DeploymentUnhealthy, match=words):
        wait(session, clock)

    assert clock.now == 0


def test_failures_are_left_to_the_circuit_breaker() -> None:
    """With one, ECS decides when enough have failed."""
    session = FakeSession(
        describe_services={"services": [service(rollout="IN_PROGRESS", primary={"failedTasks": 9})]}
    )

    assert not truth(session, WANTED, causes=False).failed


def test_the_cause_is_in_words() -> None:
    """Stop code, reason, exit code and last lines, without passwords."""
    session = FakeSession(
        describe_services={"services": [service(OLD)]},
        get_log_events={
            "events": [{"message": "cannot reach postgresql://langgraph:hunter2@db:5432/x"}]
        },
    )
    session.stopped = [
        task(
            7,
            healthStatus="UNKNOWN",
            stopCode="EssentialContainerExited",
            stoppedReason="Essential container in task exited",
            containers=[{"name": "api", "exitCode": 3}],
        )
    ]

    with pytest.raises(DeploymentUnhealthy) as caught:
        wait(session)

    told = caught.value.got
    assert "EssentialContainerExited: Essential container in task exited" in told
    assert "container api: exit code 3" in told
    assert "cannot reach postgresql://langgraph:…@db:5432/x" in told
    assert "hunter2" not in told


def test_tasks_that_were_meant_to_stop_are_no_cause() -> None:
    """A roll-out stops the old ones."""
    session = FakeSession(describe_services={"services": [service(rollout="IN_PROGRESS")]})
    session.stopped = [task(7, stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling")]

    assert truth(session, WANTED).causes == ()


def test_unreadable_logs_do_not_hide_the_cause() -> None:
    """What may be asked is told."""
    session = FakeSession(
        describe_services={"services": [service(OLD)]}, describe_task_definition=DENIED
    )
    session.stopped = [task(7, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainer")]

    with pytest.raises(DeploymentUnhealthy, match="TaskFailedToStart: CannotPullContainer"):
        wait(session)


def test_waiting_goes_on_until_it_is_true() -> None:
    """And tells each state once."""
    session = FakeSession()
    session.tasks = [task(healthStatus="UNKNOWN")]
    clock, told = Clock(), list[str]()
    heals = _after(clock, 6, lambda: session.tasks.__setitem__(0, task()))

    found = wait_until_true(
        session, WANTED, deadline_s=60, clock=clock, sleep=heals, on_progress=told.append
    )

    assert found.deployed
    assert told == ["lg-x-api: 0 of 1 tasks are healthy"]
    assert clock.now == 6


def test_the_deadline_ends_the_wait_with_what_is_known() -> None:
    """It may yet become true, so trying again makes sense."""
    session = FakeSession()
    session.tasks = []
    clock = Clock()

    with pytest.raises(DeadlineExceeded, match="0 of 1 tasks are healthy") as caught:
        wait(session, clock, deadline_s=10)

    assert clock.now == 10
    assert caught.value.retryable


def _after(clock: Clock, seconds: float, act: Callable[[], None]) -> Callable[[float], None]:
    """A sleep that lets something happen when so much time has passed."""

    def sleep(pause: float) -> None:
        clock.sleep(pause)
        if clock.now >= seconds:
            act()

    return sleep

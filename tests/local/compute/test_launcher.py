"""Containers as processes: exactly their environment, their output, their end."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from byoc_infra.local import images
from byoc_infra.local.compute.forks import Fork
from byoc_infra.local.compute.launcher import TASK_VARIABLE, Launcher
from byoc_infra.local.compute.model import Container, Task
from byoc_infra.local.compute.roles import StartError
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import OWNER_VARIABLE
from tests.local.compute.fakes import ACCOUNT, REGION, Lab, client
from tests.support.waiting import until

DEADLINE_S = 5.0
WAIT = "trap 'exit 7' TERM; while true; do sleep 0.05; done"
LOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/lg", "awslogs-region": REGION, "awslogs-stream-prefix": "api"},
}


class Willing:
    """Roles that may do everything."""

    def assume(self, task: Task) -> None:
        """Trusted."""

    def reach(self, task: Task) -> None:
        """Connected."""

    def log(self, task: Task, group_arn: str) -> None:
        """Allowed."""

    def pull(self, task: Task, repository_arn: str, image: str) -> None:
        """Allowed."""

    def read_secret(self, task: Task, value_from: str) -> str:
        """A value that tells where it is from."""
        return f"value of {value_from}"


@pytest.fixture
def launcher(lab: Lab) -> Iterator[Launcher]:
    """A launcher whose processes all end with the test."""
    lab.world.addresses.network = 96
    made = Launcher(lab.world, Willing(), lambda: ServerEnvironment(Path("/none")))
    yield made
    made.clear()


@pytest.fixture
def make(lab: Lab) -> Callable[..., Task]:
    """A task with one container of the Redis image, as ECS has just made it."""
    image = images.push_redis(lab.world, account_id=ACCOUNT)
    client("logs").create_log_group(logGroupName="/lg")

    def task(**container: Any) -> Task:
        definition = lab.define(**{"image": image, **container})
        lab.create(definition)
        lab.tick()
        return next(iter(lab.state.tasks.values()))

    return task


def begin(launcher: Launcher, task: Task) -> Container:
    """Start the task's only container."""
    launcher.prepare(task)
    launcher.start(task, task.containers[0])
    return task.containers[0]


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not None."""
    ends = time.monotonic() + DEADLINE_S
    while (answer := ask()) is None:
        assert time.monotonic() < ends
        time.sleep(0.02)
    return answer


def test_a_container_gets_its_environment_its_secrets_and_nothing_of_ours(
    lab: Lab, launcher: Launcher, make: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable of the emulator's own process leaks in."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    task = make(
        command=["sh", "-c", "env"],
        environment=[{"name": "PLAIN", "value": "a b"}],
        secrets=[{"name": "WORD", "valueFrom": "arn:x"}],
        logConfiguration=LOGS,
    )
    container = begin(launcher, task)
    assert eventually(lambda: launcher.exit_code(task, container)) == 0
    launcher.tidy(task)

    stream = f"api/api/{task.id}"
    events = client("logs").get_log_events(logGroupName="/lg", logStreamName=stream)["events"]
    seen = dict(event["message"].partition("=")[::2] for event in events)
    assert (seen["PLAIN"], seen["WORD"]) == ("a b", "value of arn:x")
    assert (seen["AWS_REGION"], seen["BYOC_TASK_ADDRESS"]) == (REGION, task.address)
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_containers_of_a_task_share_its_volumes(
    lab: Lab, launcher: Launcher, make: Callable[..., Task]
) -> None:
    """One writes where the other reads; the folder goes with the task."""
    point = {"sourceVolume": "shared", "containerPath": "/run/shared"}
    task = make(
        entryPoint=["sh", "-c"],
        command=['cat /run/shared/word && echo "at $PLACE"'],
        environment=[{"name": "PLACE", "value": "/run/shared/word"}],
        logConfiguration=LOGS,
    )
    reader = task.containers[0]
    reader.definition["mountPoints"] = [{**point, "readOnly": True}]
    writer = Container(
        name="writer",
        arn=f"{reader.arn}-writer",
        image=reader.image,
        definition={
            "entryPoint": ["sh", "-c", "echo hello > /run/shared/word"],
            "mountPoints": [point],
        },
    )
    task.containers.insert(0, writer)
    launcher.prepare(task)
    for container in task.containers:
        launcher.start(task, container)
        assert eventually(partial(launcher.exit_code, task, container)) == 0
    folder = lab.world.directory / "tasks" / task.id
    said = (folder / "api.log").read_text()
    launcher.tidy(task)

    assert said == f"hello\nat {folder}/volumes/shared/word\n"
    assert not folder.exists()


def test_sigterm_lets_a_container_end_by_itself(
    launcher: Launcher, make: Callable[..., Task]
) -> None:
    """Its own exit code is kept."""
    task = make(command=["sh", "-c", f"echo ready; {WAIT}"])
    container = begin(launcher, task)
    log = launcher.world.directory / "tasks" / task.id / "api.log"
    eventually(lambda: True if log.read_text() else None)
    launcher.terminate(task, container)

    assert eventually(lambda: launcher.exit_code(task, container)) == 7


def test_what_a_container_started_ends_with_it(
    launcher: Launcher, make: Callable[..., Task]
) -> None:
    """SIGKILL reaches the whole group; the code is 137."""
    task = make(command=["sh", "-c", "sleep 61 & wait"])
    container = begin(launcher, task)
    eventually(lambda: True if len(carriers(task)) == 2 else None)
    launcher.kill(task, container)

    assert eventually(lambda: launcher.exit_code(task, container)) == 137
    eventually(lambda: None if carriers(task) else True)


def carriers(task: Task) -> list[int]:
    """The processes that carry a task's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except psutil.Error:
            continue
        if variables.get(TASK_VARIABLE) == task.id:
            assert variables[OWNER_VARIABLE]
            found.append(process.pid)
    return found


def test_redis_keeps_its_mark_and_its_health_check_reaches_it(
    launcher: Launcher, make: Callable[..., Task]
) -> None:
    """A process title would wipe out the environment by which `down` finds it."""
    check = {"command": ["CMD-SHELL", 'redis-cli -a "$WORD" ping | grep -q PONG']}
    task = make(
        command=["sh", "-c", 'exec redis-server --save "" --requirepass "$WORD"'],
        secrets=[{"name": "WORD", "valueFrom": "arn:x"}],
        healthCheck=check,
    )
    container = begin(launcher, task)

    assert eventually(lambda: launcher.check(task, container) or None) is True
    assert len(carriers(task)) == 1


def test_a_health_check_that_hangs_has_failed(
    launcher: Launcher, make: Callable[..., Task]
) -> None:
    """After its timeout; what it started is gone."""
    check = {"command": ["CMD-SHELL", "sleep 62"]}
    task = make(command=["sleep", "63"], healthCheck=check)
    container = begin(launcher, task)
    container.definition["healthCheck"]["timeout"] = 0.2

    assert eventually(lambda: launcher.check(task, container)) is False
    eventually(lambda: True if len(carriers(task)) == 1 else None)


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"image": "redis:7"}, "CannotPullContainerError: .*no registry but its own ECR"),
        (
            {"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/byoc/redis:none"},
            "CannotPullContainerError: .*not found",
        ),
        ({"command": ["no-such-program"]}, "CannotStartContainerError"),
        (
            {"logConfiguration": {**LOGS, "options": {"awslogs-group": "/none"}}},
            "ResourceInitializationError: .*log group does not exist",
        ),
    ],
)
def test_what_cannot_start_says_so_as_ecs_does(
    launcher: Launcher, make: Callable[..., Task], container: dict[str, Any], words: str
) -> None:
    """The stop reason names the cause."""
    task = make(**container)

    with pytest.raises(StartError, match=words):
        begin(launcher, task)


def test_an_image_of_another_architecture_is_not_pulled(
    launcher: Launcher, make: Callable[..., Task]
) -> None:
    """RuntimePlatform decides, and X86_64 is its default."""
    task = make(command=["true"])
    other = "ARM64" if os.uname().machine == "x86_64" else "X86_64"
    task.definition["runtimePlatform"] = {"cpuArchitecture": other}

    with pytest.raises(StartError, match="descriptor matching platform"):
        launcher.prepare(task)


def test_clearing_ends_tasks_of_an_emulator_that_was_killed(
    lab: Lab, launcher: Launcher, make: Callable[..., Task]
) -> None:
    """Another launcher, which has never heard of them, finds them by their mark."""
    task = make(command=["sh", "-c", WAIT])
    container = begin(launcher, task)
    Launcher(lab.world, Willing(), lambda: ServerEnvironment(Path("/none"))).clear()

    assert eventually(lambda: launcher.exit_code(task, container)) == 137
    assert not (lab.world.directory / "tasks").exists()


@pytest.mark.parametrize("command", [None, ["/storage/queue_entrypoint.sh"]])
def test_the_queue_entry_point_is_the_stock_server(
    launcher: Launcher, make: Callable[..., Task], command: list[str] | None, tmp_path: Path
) -> None:
    """Only an image of the platform has that file; the server takes runs as its variable says."""
    task = make(**({} if command is None else {"command": command}))
    task.address = "127.96.9.9"
    image = images.Image("sha256:0", "langgraph", tmp_path, "amd64")

    told = launcher._command(task, task.containers[0], image)

    assert told[:4] == ["/none/bin/langhost", "serve", "--host", "127.96.9.9"]


def test_another_command_of_an_application_is_run_as_it_is(
    launcher: Launcher, make: Callable[..., Task], tmp_path: Path
) -> None:
    """Nothing else is taken for the server."""
    task = make(command=["sleep", "1"])
    image = images.Image("sha256:0", "langgraph", tmp_path, "amd64")

    assert launcher._command(task, task.containers[0], image) == ["sleep", "1"]


def test_the_server_is_forked_once_it_can_be(
    launcher: Launcher, make: Callable[..., Task], tmp_path: Path
) -> None:
    """Until the nursery is ready it is started as anything else; another command always is."""
    task, place = make(), tmp_path / "venv" / "bin"
    task.address = "127.96.9.9"
    place.mkdir(parents=True)
    (place / "python").symlink_to(Path(sys.executable).resolve())
    (place / "langhost").write_text(f"#!{place}/python\nimport time\ntime.sleep(64)\n")
    (place / "langhost").chmod(0o755)
    launcher.environment = lambda: ServerEnvironment(tmp_path / "venv")
    launcher.nursery.modules = ()
    image = images.Image("sha256:0", "langgraph", tmp_path, "amd64")
    image.app.mkdir()
    container = begin(launcher, task)
    launcher.kill(task, container)
    serve = launcher._command(task, container, image)

    before = launcher._spawn(task, container, image, serve)
    until(launcher.nursery.place.exists)
    forked = launcher._spawn(task, container, image, serve)
    other = launcher._spawn(task, container, image, ["sleep", "65"])
    asked = [before, forked, other]
    try:
        assert [isinstance(one, Fork) for one in asked] == [False, True, False]
        assert {before.pid, forked.pid, other.pid} <= set(carriers(task))
    finally:
        for one in asked:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        launcher.nursery.end()

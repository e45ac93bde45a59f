"""Tasks as real processes: their environment, their files, their start, their end."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Protocol

import psutil

from byoc_infra.local import images, redis_install
from byoc_infra.local.compute.forks import Nursery, Process
from byoc_infra.local.compute.logs import LogPump, group_of
from byoc_infra.local.compute.model import Container, Task
from byoc_infra.local.compute.resolver import ADDRESS_VARIABLE, HOSTS_VARIABLE
from byoc_infra.local.compute.roles import Roles, StartError
from byoc_infra.local.compute.volumes import Mounts
from byoc_infra.local.images import Image
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import OWNER_VARIABLE, World

__all__ = ["Launcher", "Runtime"]

SITE = Path(__file__).with_name("site")
TASK_VARIABLE = "BYOC_TASK_ID"
PORT = 8000
"""Where a LangGraph image listens, unless its task definition maps another port."""
QUEUE_ENTRY_POINT = "/storage/queue_entrypoint.sh"
"""In the platform's images. Here it is the same stock server: whether one takes runs is what
N_JOBS_PER_WORKER says, and nobody asks one that is behind no balancer."""
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class Runtime(Protocol):
    """What the scheduler asks for; tests give it a fake one."""

    def prepare(self, task: Task) -> None:
        """Address, image, logs and secrets of a task; StartError where ECS would give up."""

    def start(self, task: Task, container: Container) -> None:
        """Start one container."""

    def exit_code(self, task: Task, container: Container) -> int | None:
        """None while it runs; the code, or 128 + signal, once it has ended."""

    def terminate(self, task: Task, container: Container) -> None:
        """SIGTERM to the container's first process."""

    def kill(self, task: Task, container: Container) -> None:
        """SIGKILL to everything in the container."""

    def check(self, task: Task, container: Container) -> bool | None:
        """Begin or follow the container's health check; None while it runs."""

    def tidy(self, task: Task) -> None:
        """Forget a stopped task."""


class Launcher:
    """`Runtime` with processes of this machine."""

    def __init__(
        self, world: World, roles: Roles, environment: Callable[[], ServerEnvironment]
    ) -> None:
        self.world = world
        self.roles = roles
        self.environment = environment
        self.logs = LogPump()
        self.nursery = Nursery(world)
        self._processes: dict[str, Process] = {}
        self._checks: dict[str, tuple[Popen[bytes], float]] = {}
        self._variables: dict[str, dict[str, str]] = {}
        self._images: dict[str, Image] = {}

    def prepare(self, task: Task) -> None:
        """Everything that can fail before a process exists, in ECS's order."""
        task.address = task.address or self.world.addresses.take()
        self._folder(task).mkdir(parents=True, exist_ok=True)
        self.roles.assume(task)
        self.roles.reach(task)
        secrets = {
            container.arn: {
                entry["name"]: self.roles.read_secret(task, entry["valueFrom"])
                for entry in container.definition.get("secrets") or ()
            }
            for container in task.containers
        }
        for container in task.containers:
            self._images[container.arn] = image = self._pull(task, container)
            container.digest = image.digest
            self._open_log(task, container)
            self._mounts(task, container).make()
            self._variables[container.arn] = self._environment(
                task, container, image, secrets[container.arn]
            )

    def start(self, task: Task, container: Container) -> None:
        """Start the image's own command, or the one in the container definition."""
        image = self._images[container.arn]
        command = self._command(task, container, image)
        try:
            self._processes[container.arn] = self._spawn(task, container, image, command)
        except OSError as refused:
            raise StartError(
                f'CannotStartContainerError: failed to start container: exec: "{command[0]}": '
                f"{refused.strerror}"
            ) from refused

    def exit_code(self, task: Task, container: Container) -> int | None:  # noqa: ARG002
        """How the container's first process ended; the rest of the container ends with it."""
        process = self._processes.get(container.arn)
        if process is None:
            return container.exit_code
        code = process.poll()
        if code is None:
            return None
        _signal_group(process.pid, signal.SIGKILL)
        return code if code >= 0 else 128 - code

    def terminate(self, task: Task, container: Container) -> None:  # noqa: ARG002
        """SIGTERM to the first process only, as a container runtime does."""
        process = self._processes.get(container.arn)
        if process is not None and process.poll() is None:
            process.terminate()

    def kill(self, task: Task, container: Container) -> None:  # noqa: ARG002
        """SIGKILL to the process group."""
        process = self._processes.get(container.arn)
        if process is not None:
            _signal_group(process.pid, signal.SIGKILL)

    def check(self, task: Task, container: Container) -> bool | None:
        """Run the health check's command inside the container's environment."""
        settings = container.health_check or {}
        running = self._checks.get(container.arn)
        if running is None:
            self._checks[container.arn] = (self._begin_check(task, container), time.monotonic())
            return None
        process, begun = running
        code = process.poll()
        if code is None and time.monotonic() - begun < float(settings.get("timeout") or 5):
            return None
        if code is None:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()
        del self._checks[container.arn]
        return code == 0

    def tidy(self, task: Task) -> None:
        """Send the last lines, drop the secrets, remove the folder."""
        self.logs.close(task)
        for container in task.containers:
            self._variables.pop(container.arn, None)
            self._images.pop(container.arn, None)
            check = self._checks.pop(container.arn, None)
            process = self._processes.pop(container.arn, None)
            for one in (check[0] if check else None, process):
                if one is not None:
                    _signal_group(one.pid, signal.SIGKILL)
                    one.wait()
        shutil.rmtree(self._folder(task), ignore_errors=True)

    def clear(self) -> None:
        """End every task process of this cloud, also those of an emulator that was killed."""
        owner = str(self.world.directory)
        for process in psutil.process_iter():
            try:
                variables = process.environ()
                if variables.get(OWNER_VARIABLE) == owner and TASK_VARIABLE in variables:
                    process.kill()
            except psutil.Error:
                continue
        for known in self._processes.values():
            _signal_group(known.pid, signal.SIGKILL)
            try:
                known.wait(timeout=5)
            except TimeoutExpired:  # the kernel has not let go of it yet; nothing more to do
                continue
        shutil.rmtree(self.world.directory / "tasks", ignore_errors=True)

    def _pull(self, task: Task, container: Container) -> Image:
        failed = (
            f"CannotPullContainerError: pull image manifest has been retried 1 time(s): "
            f"failed to resolve ref {container.image}: "
        )
        parts = images.URI_PATTERN.fullmatch(container.image)
        if parts is None:
            raise StartError(f"{failed}the local cloud has no registry but its own ECR")
        repository = (
            f"arn:aws:ecr:{parts['region']}:{parts['account']}:repository/{parts['repository']}"
        )
        self.roles.pull(task, repository, container.image)
        found = images.locate(self.world, container.image)
        if found is None:
            raise StartError(f"{failed}{container.image}: not found")
        image = found[2]
        platform = task.definition.get("runtimePlatform") or {}
        wanted = {"X86_64": "amd64", "ARM64": "arm64"}[platform.get("cpuArchitecture") or "X86_64"]
        if image.architecture != wanted:
            raise StartError(
                f"CannotPullContainerError: image Manifest does not contain descriptor matching "
                f"platform 'linux/{wanted}'"
            )
        return image

    def _open_log(self, task: Task, container: Container) -> None:
        named = group_of(container)
        if named:
            region = named[1] or task.region
            arn = f"arn:aws:logs:{region}:{task.account_id}:log-group:{named[0]}:*"
            self.roles.log(task, arn)
            self.logs.open(task, container, self._log_file(task, container))

    def _environment(
        self, task: Task, container: Container, image: Image, secrets: Mapping[str, str]
    ) -> dict[str, str]:
        inside = self._mounts(task, container).inside
        plain = {e["name"]: e["value"] for e in container.definition.get("environment") or ()}
        given = {name: inside(value) for name, value in {**plain, **secrets}.items()}
        own = {
            ADDRESS_VARIABLE: str(task.address),
            HOSTS_VARIABLE: str(self.world.hosts.path),
            TASK_VARIABLE: task.id,
            "SSL_CERT_FILE": str(self.world.directory / "ca.pem"),
        }
        places = [str(SITE)]
        if image.kind == "langgraph":
            path = f"{self.environment().path / 'bin'}:{image.site / 'bin'}:{SYSTEM_PATH}"
            places.append(str(image.site))
            own["PYTHONDONTWRITEBYTECODE"] = "1"
        else:
            path = f"{self._redis_folder(task)}:{SYSTEM_PATH}"
        defaults = {
            "PATH": path,
            "HOME": str(self._folder(task)),
            "LANG": "C.UTF-8",
            "HOSTNAME": f"ip-{str(task.address).replace('.', '-')}.{task.region}.compute.internal",
            "AWS_REGION": task.region,
            "AWS_DEFAULT_REGION": task.region,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "N_JOBS_PER_WORKER": "1",
            "LOG_JSON": "true",
        }
        if "PYTHONPATH" in given:
            places.append(given["PYTHONPATH"])
        return {**defaults, **given, **own, "PYTHONPATH": ":".join(places)}

    def _spawn(self, task: Task, container: Container, image: Image, command: list[str]) -> Process:
        env, log = self._variables[container.arn], self._log_file(task, container)
        cwd, forked = self._folder(task), None
        if image.kind == "langgraph":
            cwd, environment = image.app, self.environment()
            if command[0] == str(environment.langhost):
                self.nursery.begin(environment)
                forked = self.nursery.fork(command, env=env, cwd=cwd, log=log)
        return forked or self.world.spawn(command, env=env, cwd=cwd, log=log)

    def _command(self, task: Task, container: Container, image: Image) -> list[str]:
        definition = container.definition
        explicit = [*(definition.get("entryPoint") or ()), *(definition.get("command") or ())]
        if explicit and not (image.kind == "langgraph" and explicit == [QUEUE_ENTRY_POINT]):
            return [self._mounts(task, container).inside(word) for word in explicit]
        if image.kind == "redis":
            return ["redis-server", "--save", "", "--appendonly", "no"]
        port = next((int(m["containerPort"]) for m in definition.get("portMappings") or ()), PORT)
        # The server takes another port without a word when this one is in use.
        _require_free(str(task.address), port)
        serve = [str(self.environment().langhost), "serve", "--host", str(task.address)]
        return [*serve, "--port", str(port), "--config", "langgraph.json"]

    def _begin_check(self, task: Task, container: Container) -> Popen[bytes]:
        kind, *rest = (container.health_check or {})["command"]
        command = ["/bin/sh", "-c", rest[0]] if kind == "CMD-SHELL" else rest
        image = self._images[container.arn]
        return Popen(
            command if kind in ("CMD", "CMD-SHELL") else ["/bin/sh", "-c", kind],
            env={**self._variables[container.arn], OWNER_VARIABLE: str(self.world.directory)},
            cwd=image.app if image.kind == "langgraph" else self._folder(task),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )

    def _redis_folder(self, task: Task) -> Path:
        """Redis's programs as they are inside a container: bound to it, and reaching only it."""
        folder = self._folder(task) / "bin"
        if not folder.exists():
            folder.mkdir(parents=True)
            address, here = task.address, self._folder(task)
            server, client = _redis_program("redis-server"), _redis_program("redis-cli")
            # A process title would be written over the environment by which the process is found.
            bound = f'--bind {address} --port 6379 --dir "{here}" --set-proc-title no'
            _script(folder / "redis-server", f'exec "{server}" "$@" {bound}')
            _script(folder / "redis-cli", f'exec "{client}" -h {address} "$@"')
        return folder

    def _mounts(self, task: Task, container: Container) -> Mounts:
        return Mounts(container.definition, self._folder(task) / "volumes")

    def _folder(self, task: Task) -> Path:
        return self.world.directory / "tasks" / task.id

    def _log_file(self, task: Task, container: Container) -> Path:
        return self._folder(task) / f"{container.name}.log"


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as taken:
            raise StartError(
                f"CannotStartContainerError: {address}:{port} is in use on this machine"
            ) from taken


def _redis_program(name: str) -> Path:
    found = redis_install.program(name)
    if found is None:
        raise StartError(f"CannotStartContainerError: {name} is not on this machine")
    return found


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return

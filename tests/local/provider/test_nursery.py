"""Providers that were forked are to the engine what new ones are, in life and in death."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # protobuf ships no types
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from byoc_infra.local.provider import install, nursery_of, plugin_version
from tests.support.waiting import until

NOWHERE = "http://127.0.0.1:9"
ELSEWHERE = {
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_REGION": "eu-west-9",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


EMULATOR = """
import sys, time
from pathlib import Path
from byoc_infra.local.provider import nursery_of
print(nursery_of(Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def launch(plugin: Path, *before: str) -> subprocess.Popen[str]:
    """The plugin with an environment of its own."""
    return subprocess.Popen(
        [*before, str(plugin), "127.0.0.1:1"],
        env={**os.environ, **ELSEWHERE},
        stdout=subprocess.PIPE,
        text=True,
    )


class Nursery:
    """A nursery, and the plugin that an engine would start."""

    def __init__(self, directory: Path) -> None:
        self.plugin = install(directory / "pulumi-home")
        self.process = nursery_of(directory)
        self.own = psutil.Process(self.process.pid)

    def launch(self, *before: str) -> subprocess.Popen[str]:
        """The plugin, as the engine starts it."""
        return launch(self.plugin, *before)

    def providers(self) -> list[psutil.Process]:
        """The living ones that it has made."""
        return [child for child in self.own.children() if _runs(child)]

    def provider(self) -> psutil.Process:
        """The only one, once those of earlier tests have ended."""
        until(lambda: len(self.providers()) == 1)
        return self.providers()[0]


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One for all tests; none of them ends it."""
    made = Nursery(tmp_path_factory.mktemp("n"))
    yield made
    made.process.terminate()
    made.process.wait()


def _port(launcher: subprocess.Popen[str]) -> int:
    assert launcher.stdout is not None
    return int(launcher.stdout.readline())


def test_a_provider_has_environment_and_output_of_its_launcher(nursery: Nursery) -> None:
    """It says its port where the engine listens, and calls the AWS that the engine names."""
    with nursery.launch() as launcher:
        with grpc.insecure_channel(f"127.0.0.1:{_port(launcher)}") as channel:
            stub = ResourceProviderStub(channel)
            version = stub.GetPluginInfo(empty_pb2.Empty()).version
            with pytest.raises(grpc.RpcError) as refused:
                stub.Configure(provider_pb2.ConfigureRequest())
        launcher.terminate()

    assert version == plugin_version()
    assert NOWHERE in str(refused.value)
    assert launcher.returncode == 0
    assert nursery.process.poll() is None


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)]
)
def test_what_ends_the_launcher_ends_the_provider(
    nursery: Nursery, number: signal.Signals, code: int
) -> None:
    """Asked to, it ends by itself; killed, it is dead."""
    with nursery.launch() as launcher:
        _port(launcher)
        provider = nursery.provider()
        launcher.send_signal(number)

    until(lambda: provider not in nursery.providers())
    assert launcher.returncode == code


def test_a_provider_that_dies_is_a_plugin_that_fails(nursery: Nursery) -> None:
    """The engine sees its plugin end."""
    with nursery.launch() as launcher:
        _port(launcher)
        provider = nursery.provider()
        provider.kill()

    assert launcher.returncode == 1


def test_a_provider_ends_when_its_engine_was_killed(nursery: Nursery) -> None:
    """Nobody tells it; its launcher sees that the engine has gone."""
    with nursery.launch("/bin/sh", "-c", '"$@" & wait', "engine") as engine:
        _port(engine)
        provider = nursery.provider()
        engine.kill()
        engine.wait()
        until(lambda: provider not in nursery.providers())


def test_a_provider_is_made_without_a_nursery_that_died(tmp_path: Path) -> None:
    """Also when it dies with a launcher waiting at its door."""
    dying = Nursery(tmp_path)
    dying.process.send_signal(signal.SIGSTOP)
    with dying.launch() as launcher:
        until(lambda: _calls(launcher.pid))
        dying.process.kill()
        dying.process.wait()
        waited = _port(launcher)
        launcher.terminate()
    with dying.launch() as launcher:
        came_late = _port(launcher)
        launcher.terminate()

    assert waited
    assert came_late


def test_a_nursery_ends_with_its_parent_and_its_providers_live_on(tmp_path: Path) -> None:
    """They belong to engines: an emulator may die in the middle of their runs."""
    with subprocess.Popen(
        [sys.executable, "-c", EMULATOR, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as emulator:
        own = psutil.Process(_port(emulator))
        launcher = launch(install(tmp_path / "pulumi-home"))
        _port(launcher)
        (provider,) = own.children()
        emulator.kill()
    until(lambda: not _runs(own))

    assert _runs(provider)
    with launcher:
        launcher.kill()
    until(lambda: not _runs(provider))


def _calls(pid: int) -> bool:
    return bool(psutil.Process(pid).net_connections("unix"))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

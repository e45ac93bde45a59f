"""What dies in mid-run is told as an error, and the next run finds again what was made."""

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from byoc_infra.aws import inventory
from byoc_infra.errors import ByocError, CloudUnreachable, ProviderDied
from byoc_infra.flows import deployment
from byoc_infra.local.cloud import LocalCloud
from byoc_infra.local.processes import owned
from byoc_infra.spec import DeploymentSpec
from tests.e2e.stage import UNGUARDED, Stage

pytestmark = pytest.mark.e2e


class During:
    """Does something once, as soon as a line of progress says so."""

    def __init__(self, stage: Stage, word: str, act: Callable[[], None]) -> None:
        self._lines = stage.said
        self._word = word
        self._act = act
        self._from = len(stage.said)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if any(self._word in line for line in self._lines[self._from :]):
                self._act()
                return
            time.sleep(0.02)


def _kill(cloud: LocalCloud, word: str) -> None:
    for process in owned(cloud.directory):
        if any(word in part for part in _command(process)):
            os.kill(process.pid, signal.SIGKILL)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _counted(stage: Stage, name: str) -> dict[str, int]:
    """How many things of each kind carry the deployment's name."""
    kinds = ["ecs service", "load balancer", "target group", "rds instance", "secret", "listener"]
    with stage.work("customer").reach(stage.account(), None) as reached:
        found = inventory.take(reached.session, kinds).kinds
    return {kind: sum(name in one for one in found[kind]) for kind in kinds if kind in found}


def _dying(stage: Stage, spec: DeploymentSpec, word: str, victim: str) -> ByocError:
    """What an `up` says in which a process of the local cloud is killed at this word."""
    During(stage, word, lambda: _kill(stage.cloud, victim))
    with pytest.raises(ByocError) as failed:
        deployment.up(spec, stage.access(), stage.work("vendor"))
    assert failed.value.next_step
    return failed.value


def test_what_dies_is_told_and_what_it_made_is_found_again(account: Stage) -> None:
    """A provider while the database is made, the emulator with the service: none lost or twice.

    `byoc local up` goes on from disk, and the next `up` from there.
    """
    spec = account.deployment("orphan", account.push("v1"), **UNGUARDED)
    provider = _dying(
        account,
        spec,
        "create aws:rds/parameterGroup:ParameterGroup",
        "byoc_infra.local.provider",
    )
    emulator = _dying(
        account,
        spec,
        "create aws:ecs/taskDefinition:TaskDefinition orphan-api",
        "byoc_infra.local.emulator",
    )
    LocalCloud.start(account.cloud.name)
    up = deployment.up(spec, account.access(), account.work("vendor"))
    counted = _counted(account, "orphan")
    account.remove(spec)

    assert isinstance(provider, ProviderDied)
    assert isinstance(emulator, CloudUnreachable)
    assert up.outputs["url"]
    assert {count for kind, count in counted.items() if kind != "ecs service"} <= {0, 1}
    assert counted["ecs service"] == 2

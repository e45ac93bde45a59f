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
from tests.e2e.stage import Stage

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


def _failed(stage: Stage, spec: DeploymentSpec) -> ByocError:
    with pytest.raises(ByocError) as failed:
        deployment.up(spec, stage.access(), stage.work("vendor"))
    return failed.value


def _counted(stage: Stage, name: str) -> dict[str, int]:
    """How many things of each kind carry the deployment's name."""
    kinds = ["ecs service", "load balancer", "target group", "rds instance", "secret", "listener"]
    with stage.work("customer").reach(stage.account(), None) as reached:
        found = inventory.take(reached.session, kinds).kinds
    return {kind: sum(name in one for one in found[kind]) for kind in kinds if kind in found}


def test_a_provider_that_dies_is_told_and_its_objects_are_found_again(account: Stage) -> None:
    """Killed while the database is being made: neither lost nor made twice."""
    spec = account.deployment("orphan", account.push("v1"))
    During(
        account,
        "create aws:rds/parameterGroup:ParameterGroup",
        lambda: _kill(account.cloud, "byoc_infra.local.provider"),
    )
    failure = _failed(account, spec)
    up = deployment.up(spec, account.access(), account.work("vendor"))
    counted = _counted(account, "orphan")
    account.remove(spec)

    assert isinstance(failure, ProviderDied)
    assert failure.next_step
    assert up.outputs["url"]
    assert {count for kind, count in counted.items() if kind != "ecs service"} <= {0, 1}
    assert counted["ecs service"] == 2


def test_an_emulator_that_dies_is_told_and_keeps_what_was_made(account: Stage) -> None:
    """`byoc local up` goes on from disk, and the next `up` from there."""
    spec = account.deployment("crash", account.push("v1"))
    During(
        account,
        "create aws:rds/parameterGroup:ParameterGroup",
        lambda: _kill(account.cloud, "byoc_infra.local.emulator"),
    )
    failure = _failed(account, spec)
    LocalCloud.start(account.cloud.name)
    up = deployment.up(spec, account.access(), account.work("vendor"))
    counted = _counted(account, "crash")
    account.remove(spec)

    assert isinstance(failure, CloudUnreachable)
    assert up.outputs["url"]
    assert {count for kind, count in counted.items() if kind != "ecs service"} <= {0, 1}
    assert counted["ecs service"] == 2

"""The story that the demo tells, from an empty machine to an empty account."""

import os
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from byoc_infra.aws.inventory import Inventory
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.cli.demo.steps import Step, Steps
from byoc_infra.cli.demo.sweep import listed, unexplained
from byoc_infra.cli.demo.vendor import Vendor
from byoc_infra.cli.files import load_account
from byoc_infra.client import Deployment, Operation
from byoc_infra.engine import Engine, Toolchain
from byoc_infra.errors import DeploymentUnhealthy, EngineFailed, NotFound
from byoc_infra.flows import account
from byoc_infra.flows.results import Item, Kept, shown
from byoc_infra.flows.work import Work, new_operation, open_engine
from byoc_infra.local import redis_install
from byoc_infra.local.cloud import LocalCloud, Who
from byoc_infra.spec import AccountSpec

__all__ = ["Report", "tell"]

APP = Path(__file__).resolve().parents[3] / "examples" / "chat-memory"
REPOSITORY = "agents"
DEPLOYMENT = "demo"
CALLS = 3

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the demo did."""

    steps: tuple[Step, ...]
    calls: int
    url: str
    kept: tuple[Kept, ...] = ()
    look_inside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a kept demo: variables with which one looks at it, by who one is."""
    address: str = ""
    """The balancer's own, for tools that cannot resolve the name in `url`."""


def tell(report: Progress, *, keep: bool) -> Report:
    """Run the demo; without `keep`, nothing of it is left."""
    if not APP.is_dir():
        raise NotFound(
            "examples/chat-memory",
            wanted="the example app beside the package",
            got="no such folder",
            next_step="Run the demo from a checkout of the repository.",
        )
    redis_install.require()
    steps = Steps(report)
    with steps.step("Pulumi CLI") as step:
        toolchain = Toolchain.obtain(lambda progress: report(str(progress)))
        step.made = f"{toolchain.version} ({toolchain.how})"
    with steps.step("local cloud") as step:
        LocalCloud.remove()
        cloud = LocalCloud.start(on_progress=report)
        step.made = f"two accounts at {cloud.endpoint}"
    kept = False
    try:
        told = _told(cloud, steps, report, keep=keep)
        kept = keep
        return told
    finally:
        if not kept:
            cloud.stop()


def _told(cloud: LocalCloud, steps: Steps, report: Progress, *, keep: bool) -> Report:
    vendor_env = {**os.environ, **cloud.env("vendor"), **cloud.reserve_owner_env()}
    with (
        open_engine(report, cloud.reserve_owner_env()) as engine,
        Vendor(cloud.directory / "plane", vendor_env, report) as vendor,
    ):
        told = _Demo(cloud, engine, vendor, steps, report).run(keep=keep)
        vendor.kept = keep
        return told


class _Demo:
    """The steps between an empty local cloud and an empty local cloud."""

    def __init__(
        self, cloud: LocalCloud, engine: Engine, vendor: Vendor, steps: Steps, report: Progress
    ) -> None:
        self.cloud = cloud
        self.steps = steps
        self.vendor = vendor
        self._engine = engine
        """The customer's: the vendor's is its control plane's."""
        self._report = report
        os.environ["BYOC_LOCAL_HOSTS"] = cloud.env("vendor")["BYOC_LOCAL_HOSTS"]

    def run(self, *, keep: bool) -> Report:
        """All of it."""
        environments = {"customer": self._env("customer"), "vendor": self._env("vendor-admin")}
        before = listed(environments, self.cloud.region)
        with self.steps.step("control plane") as step:
            self.vendor.start()
            step.made = f"API, worker and PostgreSQL at {self.vendor.url}"
        asked = self._set_up()
        with self.steps.step("push v1") as step:
            first = step.made = self.cloud.push(APP, REPOSITORY, "v1", on_progress=self._report)
        with self.steps.step("deploy v1") as step:
            step.made = self._deploy(first)
        deployment = self.vendor.client.deployment(DEPLOYMENT)
        caller = Caller(str(deployment.url))
        self._call(caller)
        self._roll_out(caller)
        self._check(caller)
        if keep:
            return self._report_of(caller, (), self._look_inside())
        kept = self._remove(asked, deployment)
        with self.steps.step("end control plane") as step:
            self.vendor.stop()
            step.made = "ended in order"
        with self.steps.step("sweep both accounts") as step:
            _clean(before, listed(environments, self.cloud.region), kept)
            step.made = "nothing left but what the receipts list"
        return self._report_of(caller, kept, {})

    def _look_inside(self) -> dict[str, Mapping[str, str]]:
        whose: tuple[Who, ...] = ("customer", "vendor")
        return {
            "application developer": self.vendor.variables(),
            **{who: self.cloud.env(who) for who in whose},
        }

    def _report_of(
        self,
        caller: Caller,
        kept: tuple[Kept, ...],
        look_inside: Mapping[str, Mapping[str, str]],
    ) -> Report:
        return Report(
            steps=tuple(self.steps.done),
            calls=caller.answered,
            url=caller.url,
            kept=kept,
            look_inside=look_inside,
            address=_address(caller.url) if look_inside else "",
        )

    def _set_up(self) -> AccountSpec:
        """The vendor asks, the customer runs what they were sent, the vendor proves it."""
        client = self.vendor.client
        with self.steps.step("connect the account") as step:
            connection, setup = client.connect(
                {
                    "name": "customer",
                    "aws_account_id": self.cloud.customer.id,
                    "region": self.cloud.region,
                    "repositories": [REPOSITORY, "byoc/redis"],
                    "redis_image": self.cloud.redis_image,
                }
            )
            file = self.cloud.directory / "account.yaml"
            file.write_text(setup.account_yaml)
            step.made = f"an external id, and the customer's {file.name}"
        with self.steps.step("account set-up") as step:
            asked = load_account(file)
            step.made = shown(account.up(asked, self._work("customer")).changes)
        with self.steps.step("activate") as step:
            step.made = f"the role is proven: {client.activate(connection.id).status}"
        return asked

    def _deploy(self, image: str) -> str:
        started = self.vendor.client.deploy(DEPLOYMENT, image)
        return _made(self.vendor.done(started.operation_id))

    def _call(self, caller: Caller) -> None:
        with self.steps.step("call the graph") as step:
            for number in range(CALLS):
                caller.say(f"hello {number + 1}")
            step.made = f"{CALLS} runs on thread {caller.thread_id}"

    def _roll_out(self, caller: Caller) -> None:
        with self.steps.step("roll out v2") as step:
            second = self.cloud.push(self._second_version(), REPOSITORY, "v2")
            with caller:
                made = self._deploy(second)
            step.made = f"{made}; {len(caller.versions) - CALLS} calls meanwhile"

    def _second_version(self) -> Path:
        copy = self.cloud.directory / "demo-v2"
        shutil.copytree(APP, copy, dirs_exist_ok=True)
        (copy / "VERSION").write_text("v2\n")
        return copy

    def _check(self, caller: Caller) -> None:
        with self.steps.step("check the thread") as step:
            last = caller.say("still there?")
            heard = len(last.values["heard"])
            wrong = list(caller.failures)
            if heard != caller.answered:
                wrong.append(f"the thread remembers {heard} of {caller.answered} runs")
            if caller.versions[0] != "v1" or caller.versions[-1] != "v2":
                wrong.append(f"versions seen: {caller.versions[0]} … {caller.versions[-1]}")
            if wrong:
                raise DeploymentUnhealthy(
                    "roll-out",
                    wanted="every call answered and the whole thread remembered",
                    got="; ".join(wrong[:5]),
                    next_step="Look at `byoc deployments logs demo` with KEEP=1.",
                )
            step.made = f"{caller.answered} calls, none failed; the thread remembers all"

    def _remove(self, asked: AccountSpec, deployment: Deployment) -> tuple[Kept, ...]:
        with self.steps.step("remove deployment") as step:
            ended = self.vendor.done(self.vendor.client.delete_deployment(deployment.id))
            receipt = ended.result or {}
            first = tuple(Kept(**one) for one in receipt["kept"])
            step.made = f"{_changes(receipt['destroyed'])}; {len(first)} kept"
        with self.steps.step("remove account pieces") as step:
            second = account.destroy(asked, self._work("customer"))
            step.made = f"{shown(second.destroyed)}; {len(second.kept)} kept"
        return (*first, *second.kept)

    def _work(self, who: Who) -> Work:
        return Work(
            engine=self._engine, env=self._env(who), report=self._report, operation=new_operation()
        )

    def _env(self, who: Who) -> dict[str, str]:
        return {**self.cloud.env(who), **self.cloud.reserve_owner_env()}


def _address(url: str) -> str:
    """The same URL by address; this process resolves the local cloud's names."""
    where = urlsplit(url)
    found = socket.getaddrinfo(where.hostname, where.port or 80, type=socket.SOCK_STREAM)
    host, port = found[0][4][:2]
    return f"http://{host!s}:{int(port)}"


def _clean(
    before: Mapping[str, Inventory], after: Mapping[str, Inventory], kept: tuple[Kept, ...]
) -> None:
    left = unexplained(before, after, kept)
    if left:
        raise EngineFailed(
            "sweep",
            wanted="nothing left but what the receipts list",
            got="; ".join(left[:8]),
            next_step="Run with KEEP=1 and look at the accounts.",
        )


def _made(operation: Operation) -> str:
    return _changes((operation.result or {})["changes"])


def _changes(items: list[dict[str, Any]]) -> str:
    return shown(tuple(Item(op=one["op"], type=one["type"], name=one["name"]) for one in items))

"""The story that the demo tells, from an empty machine to an empty account."""

import os
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from byoc_infra.aws.inventory import Inventory
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.cli.demo.steps import Step, Steps
from byoc_infra.cli.demo.sweep import listed, unexplained
from byoc_infra.engine import Engine, Toolchain
from byoc_infra.errors import DeploymentUnhealthy, EngineFailed, NotFound
from byoc_infra.flows import account, deployment
from byoc_infra.flows.results import Kept, Receipt, Up, shown
from byoc_infra.flows.work import Work, new_operation, open_engine
from byoc_infra.local import redis_install
from byoc_infra.local.cloud import LocalCloud, Who
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec

__all__ = ["Report", "tell"]

APP = Path(__file__).resolve().parents[3] / "examples" / "chat-memory"
REPOSITORY = "agents"
EXTERNAL_ID = "demo-5f0c7a52-6a0e-4d6e-9a2b-0b1f1c3f9d10"
"""Not a secret, and of no use outside this machine."""
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
    """Of a kept demo: each account's variables."""
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
        with open_engine(report, cloud.reserve_owner_env()) as engine:
            told = _Demo(cloud, engine, steps, report).run(keep=keep)
        kept = keep
        return told
    finally:
        if not kept:
            cloud.stop()


class _Demo:
    """The steps between an empty local cloud and an empty local cloud."""

    def __init__(self, cloud: LocalCloud, engine: Engine, steps: Steps, report: Progress) -> None:
        self.cloud = cloud
        self.steps = steps
        self._engine = engine
        self._report = report
        os.environ["BYOC_LOCAL_HOSTS"] = cloud.env("vendor")["BYOC_LOCAL_HOSTS"]

    def run(self, *, keep: bool) -> Report:
        """All of it."""
        environments = {"customer": self._env("customer"), "vendor": self._env("vendor-admin")}
        asked, access = _account(self.cloud), _access(self.cloud)
        before = listed(environments, self.cloud.region)
        with self.steps.step("account set-up") as step:
            step.made = _made(account.up(asked, self._work("customer")))
        with self.steps.step("push v1") as step:
            first = step.made = self.cloud.push(APP, REPOSITORY, "v1", on_progress=self._report)
        with self.steps.step("deploy v1") as step:
            wanted = _deployment(self.cloud, first)
            up = deployment.up(wanted, access, self._work("vendor"))
            step.made = _made(up)
        caller = Caller(str(up.outputs["url"]))
        self._call(caller)
        wanted = self._roll_out(wanted, access, caller)
        self._check(caller)
        if keep:
            whose: tuple[Who, ...] = ("customer", "vendor")
            return self._report_of(caller, (), {who: self.cloud.env(who) for who in whose})
        kept = self._remove(asked, wanted, access)
        with self.steps.step("sweep both accounts") as step:
            _clean(before, listed(environments, self.cloud.region), kept)
            step.made = "nothing left but what the receipts list"
        return self._report_of(caller, kept, {})

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

    def _call(self, caller: Caller) -> None:
        with self.steps.step("call the graph") as step:
            for number in range(CALLS):
                caller.say(f"hello {number + 1}")
            step.made = f"{CALLS} runs on thread {caller.thread_id}"

    def _roll_out(
        self, wanted: DeploymentSpec, access: AccessSpec, caller: Caller
    ) -> DeploymentSpec:
        with self.steps.step("roll out v2") as step:
            second = self.cloud.push(self._second_version(), REPOSITORY, "v2")
            wanted = wanted.model_copy(update={"image": second})
            with caller:
                up = deployment.up(wanted, access, self._work("vendor"))
            step.made = f"{shown(up.changes)}; {len(caller.versions) - CALLS} calls meanwhile"
        return wanted

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
                    next_step="Look at `byoc deployment logs` with KEEP=1.",
                )
            step.made = f"{caller.answered} calls, none failed; the thread remembers all"

    def _remove(
        self, asked: AccountSpec, wanted: DeploymentSpec, access: AccessSpec
    ) -> tuple[Kept, ...]:
        with self.steps.step("remove deployment") as step:
            first = deployment.destroy(wanted, access, self._work("vendor"))
            step.made = _receipt(first)
        with self.steps.step("remove account pieces") as step:
            second = account.destroy(asked, self._work("customer"))
            step.made = _receipt(second)
        return (*first.kept, *second.kept)

    def _work(self, who: Who) -> Work:
        return Work(
            engine=self._engine, env=self._env(who), report=self._report, operation=new_operation()
        )

    def _env(self, who: Who) -> dict[str, str]:
        return {**self.cloud.env(who), **self.cloud.reserve_owner_env()}


def _account(cloud: LocalCloud) -> AccountSpec:
    """The customer's file."""
    return AccountSpec(
        aws_account_id=cloud.customer.id,
        region=cloud.region,
        vendor_principal_arn=cloud.vendor.principal_arn,
        external_ids=(EXTERNAL_ID,),
        redis_image=cloud.redis_image,
        repositories=(REPOSITORY, "byoc/redis"),
    )


def _deployment(cloud: LocalCloud, image: str) -> DeploymentSpec:
    """The vendor's file."""
    return DeploymentSpec(
        name="demo", aws_account_id=cloud.customer.id, region=cloud.region, image=image
    )


def _access(cloud: LocalCloud) -> AccessSpec:
    """The vendor's way in."""
    return AccessSpec(
        role_arn=f"arn:aws:iam::{cloud.customer.id}:role/{AccountNames().access_role}",
        external_id=EXTERNAL_ID,
        source_identity="demo",
    )


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


def _made(up: Up) -> str:
    return shown(up.changes)


def _receipt(receipt: Receipt) -> str:
    return f"{shown(receipt.destroyed)}; {len(receipt.kept)} kept"

"""The local cloud, for whoever wants one: start it, use it, stop it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from byoc_infra.errors import AddressTaken, LocalCloudDown
from byoc_infra.local import control, processes, redis_install
from byoc_infra.local.instances import (
    ENDPOINT_PORT,
    Instance,
    LocalAccount,
    checked_name,
    directory_of,
    forget,
    instance_name,
)
from byoc_infra.local.provider import install
from byoc_infra.local.server import prepare
from byoc_infra.local.world import OWNER_VARIABLE, PART_VARIABLE

__all__ = ["LocalCloud", "Who"]

START_DEADLINE_S = 60.0
STOP_GRACE_S = 8.0
LOG_TAIL = 12
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "USER", "XDG_CACHE_HOME")
"""What an emulator takes over from the shell that starts it; above all no AWS_ variable."""
KEPT_PREFIXES = ("BYOC_", "PIP_", "UV_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT")

Progress = Callable[[str], None]
Who = Literal["customer", "vendor", "vendor-admin"]
"""The customer's administrator, the vendor's control plane, the vendor's administrator."""


class LocalCloud:
    """An emulated AWS that runs on this machine, with a vendor's and a customer's account."""

    def __init__(self, instance: Instance, *, redis_image: str = "") -> None:
        self._instance = instance
        self.name = instance.name
        self.directory: Path = instance.directory
        self.endpoint = instance.endpoint
        self.region = instance.region
        self.customer: LocalAccount = instance.customer
        self.vendor: LocalAccount = instance.vendor
        """The control plane's user, which may assume roles and nothing else."""
        self.redis_image = redis_image
        """By digest; it is in the customer's repository `byoc/redis` from the start."""

    @classmethod
    def start(
        cls,
        name: str | None = None,
        *,
        region: str = "eu-west-1",
        max_session_s: float | None = None,
        on_progress: Progress | None = None,
    ) -> "LocalCloud":
        """The running local cloud of this name; a dead one goes on from what it had on disk."""
        say = on_progress or (lambda _: None)
        redis_install.require()
        instance = Instance.claim(
            instance_name() if name is None else name, region=region, max_session_s=max_session_s
        )
        if not _answers(instance):
            processes.end(instance.directory, parts_only=True)
            say(f"Starting the local cloud at {instance.endpoint}")
            _spawn(instance)
            _await_ready(instance)
        install(instance.directory / "pulumi-home")
        (instance.directory / "pulumi").mkdir(exist_ok=True)
        return cls(instance, redis_image=_status(instance)["redis_image"])

    @classmethod
    def attach(cls, name: str | None = None) -> "LocalCloud":
        """The running local cloud of this name, or `LocalCloudDown`."""
        wanted = checked_name(instance_name() if name is None else name)
        instance = Instance.load(directory_of(wanted))
        if instance is None:
            raise LocalCloudDown(
                "local cloud",
                wanted=f"{wanted} to be running",
                got="none of that name",
                next_step="Start it with `byoc local up`.",
            )
        return cls(instance, redis_image=_status(instance)["redis_image"])

    @classmethod
    def remove(cls, name: str | None = None) -> int:
        """Leave no process and no file of this name, dead or alive; how many processes it was."""
        directory = directory_of(checked_name(instance_name() if name is None else name))
        count = _ask_to_stop(directory)
        count += processes.end(directory, grace_s=STOP_GRACE_S)
        forget(directory)
        return count

    def stop(self) -> None:
        """End it; no process, listening address or file of it is left."""
        self.remove(self.name)

    def env(self, who: Who) -> dict[str, str]:
        """The variables with which any AWS tool, and Pulumi, works on this cloud as `who`."""
        account = {
            "customer": self.customer,
            "vendor": self.vendor,
            "vendor-admin": self._instance.vendor_admin,
        }[who]
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": account.access_key_id,
            "AWS_SECRET_ACCESS_KEY": account.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_HOME": str(self.directory / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'pulumi'}",
            "PULUMI_CONFIG_PASSPHRASE": self._instance.passphrase,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "BYOC_LOCAL_HOSTS": str(self.directory / "hosts.json"),
            **({"BYOC_DATA_DIR": str(self.directory / "plane")} if who == "vendor" else {}),
        }

    def control(self, command: str, **arguments: object) -> dict[str, Any]:
        """Ask the emulator itself: status, rotate-password, advance-clock and so on."""
        return control.call(self.directory / "control.sock", command, arguments)

    def push(
        self,
        app: Path,
        repository: str,
        tag: str,
        *,
        region: str | None = None,
        on_progress: Progress | None = None,
    ) -> str:
        """Push a LangGraph application folder as an image; its name by digest."""
        prepare(on_progress)  # here and not in the emulator, so that a long step can be watched
        answer = self.control(
            "push", app=str(app.resolve()), repository=repository, tag=tag, region=region
        )
        return str(answer["image"])

    def reserve_owner_env(self) -> dict[str, str]:
        """What a process of somebody else's must carry so that `stop` ends it too."""
        return {OWNER_VARIABLE: str(self.directory)}


def _answers(instance: Instance) -> bool:
    try:
        return bool(_status(instance)["ready"])
    except LocalCloudDown:
        return False


def _status(instance: Instance) -> dict[str, Any]:
    return control.call(instance.directory / "control.sock", "status", {}, timeout_s=10)


def _spawn(instance: Instance) -> None:
    """Start the emulator, in a session of its own and nobody's child, so that it outlives us."""
    source = Path(__file__).resolve().parents[2]
    with (instance.directory / "emulator.log").open("ab") as log:
        done = subprocess.run(
            [sys.executable, "-m", "byoc_infra.local.emulator", instance.directory, "--detach"],
            env=_environment(os.environ, source)
            | {
                OWNER_VARIABLE: str(instance.directory),
                PART_VARIABLE: "1",
            },
            cwd=instance.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
            timeout=START_DEADLINE_S,
        )
    if done.returncode == AddressTaken.exit_code:
        raise AddressTaken(
            "endpoint",
            wanted=f"{instance.address}:{ENDPOINT_PORT}",
            got="something else listens there",
            next_step="Stop it, or run `byoc local down` and `byoc local up`.",
        )
    if done.returncode != 0:
        raise _not_started(instance)


def _environment(given: Mapping[str, str], source: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in given.items()
        if name in KEPT_VARIABLES or name.upper().startswith(KEPT_PREFIXES)
    }
    return kept | {"PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1"}


def _await_ready(instance: Instance) -> None:
    deadline = time.monotonic() + START_DEADLINE_S
    while not _answers(instance):
        if time.monotonic() > deadline or not processes.owned(instance.directory, parts_only=True):
            processes.end(instance.directory, parts_only=True)
            raise _not_started(instance)
        time.sleep(0.05)


def _not_started(instance: Instance) -> LocalCloudDown:
    log = (instance.directory / "emulator.log").read_text(errors="replace").splitlines()
    return LocalCloudDown(
        "local cloud",
        wanted=f"its emulator ready within {START_DEADLINE_S:.0f} s",
        got=" / ".join(line.strip() for line in log[-LOG_TAIL:] if line.strip()) or "no word",
        next_step=f"Read {instance.directory / 'emulator.log'}; `byoc local down` clears it away.",
    )


def _ask_to_stop(directory: Path) -> int:
    """Let a live emulator end its own children in order; the sweep after this needs no answer."""
    found = processes.owned(directory, parts_only=True)
    try:
        control.call(directory / "control.sock", "stop", {}, timeout_s=2)
    except LocalCloudDown:
        return 0
    deadline = time.monotonic() + STOP_GRACE_S
    while processes.owned(directory, parts_only=True) and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(found)

"""What a flow works with: the engine, the environment, where stacks are kept, and who listens."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from byoc_infra.aws import adopt, preflight
from byoc_infra.aws.credentials import CredentialServer
from byoc_infra.aws.session import Session, open_session
from byoc_infra.engine import Change, Engine, EngineEvent, Planned, StackRef, Toolchain, WorkerPool
from byoc_infra.errors import NotFound, SpecError
from byoc_infra.flows.results import Preview
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec

__all__ = [
    "Backend",
    "Overseer",
    "Reached",
    "Work",
    "held",
    "new_operation",
    "open_engine",
    "open_work",
    "recovered",
    "taken_away",
]

PRELOAD = ("byoc_infra.programs.account", "byoc_infra.programs.deployment")
"""What workers load while we look up AWS. Of `pulumi_aws` a program loads what it touches."""
PROVIDER_VARIABLE = "BYOC_SECRETS_PROVIDER"
"""A Pulumi secrets provider (`awskms://…`) for stacks, in place of a passphrase."""
PASSED_ON = ("BYOC_LOCAL_OWNER", "BYOC_LOCAL_HOSTS")
"""Variables of the local cloud that the engine's processes must carry."""
DEADLINE_S = 3600.0
HEALTH_DEADLINE_S = 900.0
GRACE_S = 60.0

Progress = Callable[[str], None]
Resource = Mapping[str, Any]
"""An entry of a stack's state."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where stacks' states are kept and what encrypts the secrets in them."""

    url: str
    secrets_provider: str | None = None

    @classmethod
    def of(cls, env: Mapping[str, str]) -> "Backend":
        """By `PULUMI_BACKEND_URL`, else a directory of this user's; refuses to go unencrypted."""
        provider = env.get(PROVIDER_VARIABLE)
        if provider is None and not (
            env.get("PULUMI_CONFIG_PASSPHRASE") or env.get("PULUMI_CONFIG_PASSPHRASE_FILE")
        ):
            raise SpecError(
                "PULUMI_CONFIG_PASSPHRASE",
                wanted=f"a passphrase for the stacks' secrets, or {PROVIDER_VARIABLE}",
                got="neither",
                next_step="Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE and "
                "keep it: the stacks cannot be read without it.",
            )
        url = env.get("PULUMI_BACKEND_URL") or f"file://{_home(env)}"
        if url.startswith("file://"):
            Path(url.removeprefix("file://")).expanduser().mkdir(
                parents=True, exist_ok=True, mode=0o700
            )
        return cls(url=url, secrets_provider=provider)


def _home(env: Mapping[str, str]) -> Path:
    home = Path(env.get("HOME") or Path.home())
    return home / ".local" / "share" / "byoc-infra" / "state"


def new_operation() -> str:
    """The id of one piece of work; CloudTrail shows it as the session's name."""
    return f"op-{uuid.uuid4().hex[:16]}"


class Overseer:
    """Whoever answers for a piece of work: hears of it, may end it. By default nobody does.

    What `pause` or `consent` raises ends the flow.
    """

    alone = False
    """Proof that the last run on the stack, wherever it was, ended uncleanly and is over."""

    log_lines = True
    """Whether an error may repeat the customer's log lines."""

    def happened(self, event: EngineEvent) -> bool:  # noqa: ARG002
        """The engine tells something; False to have it as a line."""
        return False

    def pause(self, seconds: float) -> None:
        """Wait between two looks at the same thing."""
        time.sleep(seconds)

    def renewing(self, duration_s: int) -> None:
        """Credentials that last so long are about to be asked for."""

    def variables(self) -> Mapping[str, str]:
        """What the engine's environment gets besides."""
        return {}

    def recovered(self, stack: StackRef) -> None:
        """Nothing of an earlier run is left open on the stack."""

    def consent(self, resources: Sequence[Resource], preview: Callable[[], Preview]) -> None:
        """The stack that holds these is about to be brought up."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One piece of work: collaborators and settings of a flow."""

    engine: Engine
    env: Mapping[str, str] = field(repr=False)
    """Stands for the process's environment: AWS credentials, Pulumi's settings."""
    report: Progress = lambda _: None
    overseer: Overseer = field(default_factory=Overseer)
    operation: str = field(default_factory=new_operation)
    deadline_s: float = DEADLINE_S
    """For each run of the engine."""
    health_deadline_s: float = HEALTH_DEADLINE_S

    @contextmanager
    def reach(
        self, spec: AccountSpec | DeploymentSpec, access: AccessSpec | None
    ) -> Iterator["Reached"]:
        """The account of `spec`, seen to be the right one, with credentials for the engine."""
        backend = Backend.of(self.env)
        if access is not None:
            preflight.check_role(access, spec.aws_account_id)
        self.report(f"Reaching account {spec.aws_account_id} in {spec.region}")
        tags = {"byoc:operation": self.operation, "byoc:installation": spec.installation}
        session = open_session(
            access,
            region=spec.region,
            env=self.env,
            operation=self.operation,
            tags=tags,
            before_assume=self.overseer.renewing,
        )
        with ExitStack() as stack:
            stack.callback(session.close)
            preflight.check(session, aws_account_id=spec.aws_account_id, region=spec.region)
            server = stack.enter_context(CredentialServer(session))
            yield Reached(session=session, backend=backend, env=self._engine_env(server))

    def _engine_env(self, server: CredentialServer) -> dict[str, str]:
        kept = {
            name: value
            for name, value in self.env.items()
            if (name.startswith("PULUMI_") and name != "PULUMI_BACKEND_URL") or name in PASSED_ON
        }
        if "BYOC_LOCAL_HOSTS" in kept:
            # so that `byoc local down` also ends a run that is under way
            kept.setdefault("BYOC_LOCAL_OWNER", str(Path(kept["BYOC_LOCAL_HOSTS"]).parent))
        return {**kept, **self.overseer.variables(), **server.env()}

    def tell(self, event: EngineEvent) -> None:
        """Pass an engine event on, as one line."""
        if self.overseer.happened(event):
            return
        if event.kind in ("message", "note"):
            self.report(event.message.rstrip())
        elif event.kind != "started":
            took = f" ({event.elapsed_s:.0f} s)" if event.elapsed_s >= 1 else ""
            verb = "FAILED " if event.kind == "failed" else ""
            self.report(f"  {verb}{event.op} {event.type} {event.name}{took}")


@dataclass(frozen=True, kw_only=True)
class Reached:
    """An account that was reached."""

    session: Session
    backend: Backend
    env: Mapping[str, str] = field(repr=False)
    """The engine's whole environment."""

    def stack(self, project: str, name: str, program: Callable[[], None]) -> StackRef:
        """A stack in this account's region."""
        return StackRef(
            project=project,
            name=name,
            program=program,
            backend_url=self.backend.url,
            env=self.env,
            config={"aws:region": self.session.region},
            secrets_provider=self.backend.secrets_provider,
        )

    def find(self, planned: Planned) -> str | None:
        """What a killed run has made of `planned`."""
        return adopt.find(planned.type, planned.inputs, self.session)


def recovered(work: Work, reached: Reached, stack: StackRef) -> None:
    """Put right what a killed run left behind: its lock, its half-made objects."""
    find = partial(Reached.find, reached)
    outcome = work.engine.recover(stack, find, on_event=work.tell, alone=work.overseer.alone)
    outcome.raise_for_failure()
    work.overseer.recovered(stack)
    for change in outcome.changes:
        work.report(f"Found again: {change.type} {change.name}")


def taken_away(work: Work, stack: StackRef) -> tuple[Change, ...]:
    """Destroy the stack; one that is not there has nothing in it."""
    outcome = work.engine.destroy(stack, on_event=work.tell, deadline_s=work.deadline_s)
    if isinstance(outcome.failure, NotFound):
        return ()
    return outcome.raise_for_failure().changes


def held(work: Work, stack: StackRef) -> list[dict[str, Any]]:
    """The resources in the stack's state; none where there is no stack."""
    outcome = work.engine.export(stack)
    if isinstance(outcome.failure, NotFound):
        return []
    state = outcome.raise_for_failure().state or {}
    return list((state.get("deployment") or {}).get("resources") or ())


@contextmanager
def open_engine(
    report: Progress,
    env: Mapping[str, str],
    *,
    grace_s: float = GRACE_S,
    state_dir: Path | None = None,
) -> Iterator[Engine]:
    """The engine, on a CLI that is obtained first where it is not here yet.

    Its worker loads the programs while the caller looks up AWS. A run that is stopped,
    or whose caller died, has `grace_s` to finish what is in flight. `state_dir` keeps locks and
    journals; the engine's own choice when absent.
    """
    toolchain = Toolchain.obtain(lambda progress: report(str(progress)))
    marks = {name: env[name] for name in PASSED_ON if name in env}
    with WorkerPool(preload=PRELOAD, env=marks) as workers:
        workers.warm()
        yield Engine(toolchain, workers, grace_s=grace_s, state_dir=state_dir)


@contextmanager
def open_work(
    report: Progress,
    *,
    env: Mapping[str, str] | None = None,
    deadline_s: float = DEADLINE_S,
    health_deadline_s: float = HEALTH_DEADLINE_S,
) -> Iterator[Work]:
    """An engine on the real Pulumi CLI, obtained first where it is not here yet."""
    environment = dict(os.environ) if env is None else dict(env)
    Backend.of(environment)
    with open_engine(report, environment) as engine:
        yield Work(
            engine=engine,
            env=environment,
            report=report,
            deadline_s=deadline_s,
            health_deadline_s=health_deadline_s,
        )

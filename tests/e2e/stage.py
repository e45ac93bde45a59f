"""What the stories play on: a local cloud, an engine, and the files that people would write."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from byoc_infra.engine import Engine, StackRef, Toolchain
from byoc_infra.flows import account, deployment
from byoc_infra.flows.work import Work, new_operation
from byoc_infra.local.cloud import LocalCloud, Who
from byoc_infra.naming import AccountNames
from byoc_infra.spec import AccessSpec, AccountSpec, DeploymentSpec

__all__ = ["APP", "UNGUARDED", "Stage", "decrypted"]

APP = Path(__file__).resolve().parents[2] / "examples" / "chat-memory"
REPOSITORY = "agents"
UNGUARDED: dict[str, Any] = {"deletion_protection": False, "final_snapshot": False}
"""Of a deployment whose end nobody looks at: nothing is to be lifted first."""


@dataclass
class Stage:
    """A local cloud that is up, and everything that acts on it."""

    cloud: LocalCloud
    engine: Engine
    external_id: str = "story-0d9f1b52-6f1c-4c1e"
    said: list[str] = field(default_factory=list)
    """Every progress line of every flow."""

    def work(self, who: Who, **env: str) -> Work:
        """One piece of work as this person."""
        return Work(
            engine=self.engine,
            env={**self.cloud.env(who), **self.cloud.reserve_owner_env(), **env},
            report=self.said.append,
            operation=new_operation(),
            health_deadline_s=120,
        )

    def push(self, version: str) -> str:
        """The example app as this version, pushed; its image by digest."""
        copy = self.cloud.directory / f"app-{version}"
        shutil.copytree(APP, copy, dirs_exist_ok=True)
        (copy / "VERSION").write_text(f"{version}\n")
        return self.cloud.push(copy, REPOSITORY, version)

    def account(self, **changes: object) -> AccountSpec:
        """The account file."""
        values: dict[str, object] = {
            "aws_account_id": self.cloud.customer.id,
            "region": self.cloud.region,
            "vendor_principal_arn": self.cloud.vendor.principal_arn,
            "external_ids": (self.external_id,),
            "redis_image": self.cloud.redis_image,
            "repositories": (REPOSITORY, "byoc/redis"),
        }
        return AccountSpec.model_validate({**values, **changes})

    def deployment(self, name: str, image: str, **changes: object) -> DeploymentSpec:
        """The deployment file."""
        values: dict[str, object] = {
            "name": name,
            "aws_account_id": self.cloud.customer.id,
            "region": self.cloud.region,
            "image": image,
        }
        return DeploymentSpec.model_validate({**values, **changes})

    def access(self, *, installation: str = "default", **changes: object) -> AccessSpec:
        """The way in."""
        role = AccountNames(installation).access_role
        values: dict[str, object] = {
            "role_arn": f"arn:aws:iam::{self.cloud.customer.id}:role/{role}",
            "external_id": self.external_id,
            "source_identity": "tester",
        }
        return AccessSpec.model_validate({**values, **changes})

    def role_arn(self, installation: str = "default") -> str:
        """The access role."""
        return self.access(installation=installation).role_arn

    def remove(self, spec: DeploymentSpec) -> None:
        """Destroy a deployment of a story that is over."""
        deployment.destroy(spec, self.access(installation=spec.installation), self.work("vendor"))

    def set_up(self, spec: AccountSpec) -> Mapping[str, object]:
        """Bring an account stack up."""
        return account.up(spec, self.work("customer")).outputs


def decrypted(stack: StackRef) -> dict[str, Any]:
    """A stack's state as `pulumi stack export --show-secrets` gives it."""
    name = f"organization/{stack.project}/{stack.name}"
    answer = subprocess.run(
        [Toolchain.obtain().path, "stack", "export", "--show-secrets", "--stack", name],
        env={**stack.env, "PULUMI_BACKEND_URL": stack.backend_url, "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    )
    exported: dict[str, Any] = json.loads(answer.stdout)
    return exported

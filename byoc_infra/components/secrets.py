"""What a task gets as secrets: containers that the stack makes, or references to existing ones.

A value is never an input: it would stay in the stack's state. Containers are filled from
outside (`byoc secrets put`); ECS reads them when a task starts, with the execution role.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_pattern
from byoc_infra.components._environment import NAME
from byoc_infra.components._policies import key_policy, secret_policy
from byoc_infra.errors import SpecError
from byoc_infra.naming import SECRET_TAG, DeploymentNames, Place
from byoc_infra.spec import SecretReference

__all__ = ["Secrets", "SecretsArgs"]

REFERENCE = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}"
)
RECOVERY_DAYS = (7, 30)
"""Secrets Manager API reference, DeleteSecret RecoveryWindowInDays."""


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """Which environment names become secrets, and where their values are."""

    names: DeploymentNames
    """Of the deployment; all names and tags follow from it."""
    place: Place
    """The account and region that the references have to be of."""
    entries: Mapping[str, SecretReference | None]
    """By environment name: a reference to an existing secret that carries the tag
    `langgraph-cloud` = installation, or None for a container made here."""
    execution_role_arn: pulumi.Input[str]
    """The only one who may read the containers' values."""
    own_key: bool = False
    """Encrypt the containers with a KMS key made here; with AWS's own otherwise."""
    recovery_days: int = 0
    """How long a deleted container can be brought back: 7 to 30, or 0 for not at all. Meanwhile
    its name is taken, and the same deployment cannot be made again."""

    def __post_init__(self) -> None:
        for name, reference in self.entries.items():
            _check_entry(name, reference, self.place)
        least, most = RECOVERY_DAYS
        if self.recovery_days != 0 and not least <= self.recovery_days <= most:
            raise SpecError(
                "recovery_days",
                wanted=f"0, or {least} to {most}",
                got=str(self.recovery_days),
                next_step="0 deletes values at once.",
            )

    def containers(self) -> list[str]:
        """The environment names whose containers are made here."""
        return [name for name, reference in self.entries.items() if reference is None]


def _check_entry(name: str, reference: SecretReference | None, place: Place) -> None:
    check_pattern(
        f"secrets.{name}",
        name,
        NAME,
        wanted="letters, digits and `_`, not beginning with a digit",
        next_step="Rename the variable.",
    )
    if reference is not None:
        check_pattern(
            f"secrets.{name}.arn",
            reference.arn,
            REFERENCE,
            wanted="the whole ARN of a Secrets Manager secret, with its six last characters",
            next_step="Copy it from `aws secretsmanager describe-secret`.",
        )
        _check_place(f"secrets.{name}.arn", reference.arn, place)


def _check_place(field: str, arn: str, place: Place) -> None:
    """ECS and the execution role reach secrets of the deployment's own account and region."""
    _, _, _, region, account, *_ = arn.split(":")
    for what, wanted, got in (
        ("account", place.aws_account_id, account),
        ("region", place.region, region),
    ):
        if wanted != got:
            raise SpecError(
                field,
                wanted=f"a secret of {what} {wanted}",
                got=f"{what} {got}",
                next_step="Keep the secret where the deployment runs, or replicate it there.",
            )


class Secrets(Component):
    """The secret containers of one deployment, and what ECS is told about all its secrets."""

    TYPE: ClassVar[str] = "byoc:aws:Secrets"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "no_value_is_an_input",
        "only_the_execution_role_reads_containers",
        "containers_carry_the_tag",
        "references_name_key_and_version",
        "an_own_key_rotates",
    )

    container_arns: dict[str, pulumi.Output[str]]
    """By environment name; only those made here."""
    value_from: dict[str, pulumi.Output[str]]
    """By environment name: what ECS calls `valueFrom`."""
    arns: list[pulumi.Output[str]]
    """All that the execution role must be able to read."""
    key_arn: pulumi.Output[str] | None
    """The key made here, or None with AWS's own."""

    def __init__(
        self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.key_arn = self._key(name, args) if args.own_key else None
        self.container_arns = {
            entry: self._container(f"{name}-{entry}", entry, args) for entry in args.containers()
        }
        references = {entry: ref for entry, ref in args.entries.items() if ref is not None}
        self.value_from = {
            **self.container_arns,
            **{entry: pulumi.Output.from_input(_whole(ref)) for entry, ref in references.items()},
        }
        referred = [pulumi.Output.from_input(ref.arn) for ref in references.values()]
        self.arns = [*self.container_arns.values(), *referred]
        self.register_outputs(
            {
                "container_arns": self.container_arns,
                "value_from": self.value_from,
                "arns": self.arns,
                "key_arn": self.key_arn,
            }
        )

    def _container(self, name: str, entry: str, args: SecretsArgs) -> pulumi.Output[str]:
        tags = {**args.names.tags(), SECRET_TAG: args.names.installation}
        secret = aws.secretsmanager.Secret(
            name,
            name=args.names.secret(entry),
            description=f"{entry} of {args.names.name}",
            kms_key_id=self.key_arn,
            recovery_window_in_days=args.recovery_days,
            tags=tags,
            opts=self.child(),
        )
        policy = aws.secretsmanager.SecretPolicy(
            name,
            secret_arn=secret.arn,
            policy=pulumi.Output.json_dumps(secret_policy(args.execution_role_arn)),
            block_public_policy=True,
            opts=self.child(),
        )
        return policy.secret_arn  # so that whoever puts a value in comes after the policy

    def _key(self, name: str, args: SecretsArgs) -> pulumi.Output[str]:
        key = aws.kms.Key(
            name,
            description=f"Secrets of {args.names.name}",
            enable_key_rotation=True,
            policy=pulumi.Output.json_dumps(key_policy(args.place, args.execution_role_arn)),
            tags=args.names.tags(),
            opts=self.child(),
        )
        aws.kms.Alias(
            name,
            name=f"alias/{args.names.secret('key').rsplit('/', 1)[0]}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key.arn


def _whole(reference: SecretReference) -> str:
    """`valueFrom` (ECS developer guide): ARN, JSON key, version stage (unused), version id."""
    if reference.json_key is None and reference.version_id is None:
        return reference.arn
    return f"{reference.arn}:{reference.json_key or ''}::{reference.version_id or ''}"

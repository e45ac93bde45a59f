"""What all deployments of an installation get as secrets: a licence, the keys of a LangSmith.

The account's owner names them and puts their values in (`byoc account secrets put`); the control
plane sees that they are there and can neither read nor change them.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_one_of, check_unique
from byoc_infra.components._policies import platform_secret_policy
from byoc_infra.naming import SECRET_TAG, AccountNames, Place
from byoc_infra.spec import PlatformSecret

__all__ = ["PlatformSecrets", "PlatformSecretsArgs"]


@dataclass(frozen=True, kw_only=True)
class PlatformSecretsArgs:
    """Which secrets the account's owner gives to all deployments."""

    names: AccountNames
    """Of the installation; all names and tags follow from it."""
    place: Place
    """The account and region in which they are kept."""
    entries: Sequence[str]
    """By environment name."""
    execution_role_arn: pulumi.Input[str]
    """The only one who may read the values."""

    def __post_init__(self) -> None:
        check_unique("platform_secrets", self.entries)
        for entry in self.entries:
            check_one_of(
                "platform_secrets",
                entry,
                get_args(PlatformSecret),
                next_step="Other names belong into a deployment's `secrets`.",
            )


class PlatformSecrets(Component):
    """The containers; a name that is taken away loses its value at once."""

    TYPE: ClassVar[str] = "byoc:aws:PlatformSecrets"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "no_value_is_an_input",
        "only_the_execution_role_reads",
        "the_control_plane_changes_nothing",
        "containers_carry_the_tag",
    )

    container_arns: dict[str, pulumi.Output[str]]
    """By environment name."""

    def __init__(
        self, name: str, args: PlatformSecretsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.container_arns = {
            entry: self._container(f"{name}-{entry}", entry, args) for entry in args.entries
        }
        self.register_outputs({"container_arns": self.container_arns})

    def _container(self, name: str, entry: str, args: PlatformSecretsArgs) -> pulumi.Output[str]:
        secret = aws.secretsmanager.Secret(
            name,
            name=args.names.platform_secret(entry),
            description=f"{entry} of all deployments",
            recovery_window_in_days=0,  # the name is needed again when the owner adds it again
            tags={**args.names.tags(), SECRET_TAG: args.names.installation},
            opts=self.child(),
        )
        control_plane = args.place.role_arn(args.names.access_role)
        aws.secretsmanager.SecretPolicy(
            name,
            secret_arn=secret.arn,
            policy=pulumi.Output.json_dumps(
                platform_secret_policy(args.execution_role_arn, control_plane)
            ),
            block_public_policy=True,
            opts=self.child(),
        )
        return secret.arn

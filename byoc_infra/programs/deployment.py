"""The program that makes one deployment, on the pieces that the account stack has made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from byoc_infra.components._checks import check_pattern
from byoc_infra.components._environment import POSTGRES_SECRET, REDIS_SECRET
from byoc_infra.components._task_roles import NAME as TASK_ROLE
from byoc_infra.components.deployment import LangGraphDeployment
from byoc_infra.components.deployment_args import LangGraphDeploymentArgs, left_to_others
from byoc_infra.errors import SpecError
from byoc_infra.naming import (
    TASK_ROLE_PATH,
    AccountNames,
    DeploymentNames,
    Place,
    deployment_id,
)
from byoc_infra.programs._by_hand import refusals_in_a_line, run_by_hand
from byoc_infra.programs._lookups import AccountPieces, check_place, find_account
from byoc_infra.spec import DeploymentSpec

__all__ = ["OUTPUTS", "DeploymentProgram", "main"]

ARCHITECTURES: dict[str, Literal["X86_64", "ARM64"]] = {"amd64": "X86_64", "arm64": "ARM64"}
"""The words of image manifests, and those of ECS."""
NOT_FOUND_YET = AccountPieces(
    vpc_id="",
    private_subnet_ids=[],
    balancer_subnet_ids=[],
    balancer_security_group_id="",
    app_security_group_id="",
    cache_security_group_id="",
    database_security_group_id="",
    cluster_arn="",
    redis_image="redis@sha256:" + "0" * 64,
    namespace_id="",
)

OUTPUTS = {
    "url": "Where the LangGraph server answers",
    "deployment_id": "Eight digits that are in every name of the deployment",
    "image": "What runs, by digest",
    "cluster": "The ECS cluster",
    "service": "The ECS service of the server",
    "task_definition_arn": "The revision that the service was told to run",
    "queue_service": "The ECS service that works the queue of runs, if it is one of its own",
    "queue_task_definition_arn": "The revision that it was told to run",
    "cache_service": "The ECS service of Redis",
    "cache_task_definition_arn": "The revision that Redis was told to run",
    "target_group_arn": "Whose targets' health says whether requests are served",
    "log_group": "Where its logs are",
    "log_prefix": "What the names of its log streams begin with",
    "database_identifier": "The RDS instance; empty, as the next two, with a database of your own",
    "database_endpoint": "Its address and port, inside the VPC",
    "database_secret_arn": "Where AWS keeps its password",
    "secret_names": "By environment name: the containers that `byoc secrets put` fills",
    "platform_secrets": "By environment name: the ARNs of what the account's owner gave",
    "final_snapshot_name": "Under which name a destroy keeps the database's last snapshot",
}
"""Each output and what it is for."""


@dataclass(frozen=True)
class DeploymentProgram:
    """A deployment's stack; called, it makes everything.

    A spec that cannot work is refused when the program is made, before the engine starts; the
    image must be given by digest by then.
    """

    spec: DeploymentSpec
    final_snapshot_name: str | None = field(default=None, kw_only=True)
    """The last snapshot's name where the usual one is taken; the spec decides whether there is
    to be one."""
    architecture: Literal["amd64", "arm64"] | None = field(default=None, kw_only=True)
    """The image's, as its manifest says; amd64 where that is not known."""
    wants_values: bool = field(default=True, kw_only=True)
    """Make the cache's password and insist on a person's secrets. False for a run that only
    takes things away."""

    def __post_init__(self) -> None:
        self.args(NOT_FOUND_YET)

    @property
    def names(self) -> DeploymentNames:
        """What things are called."""
        spec = self.spec
        return DeploymentNames(
            spec.name,
            deployment_id(spec.aws_account_id, spec.region, spec.installation, spec.name),
            spec.installation,
        )

    @property
    def account(self) -> AccountNames:
        """What the account's pieces are called."""
        return AccountNames(self.spec.installation)

    @property
    def place(self) -> Place:
        """Where things are."""
        return Place(self.spec.aws_account_id, self.spec.region)

    @property
    def external(self) -> bool:
        """Whether the database is somebody else's."""
        return POSTGRES_SECRET in self.spec.secrets

    @property
    def snapshot_name(self) -> str | None:
        """Under which name the last snapshot is kept, if it is."""
        if not self.spec.final_snapshot or self.external:
            return None
        return self.final_snapshot_name or self.names.final_snapshot()

    def args(self, pieces: AccountPieces) -> LangGraphDeploymentArgs:
        """What the deployment is asked to be."""
        spec, place = self.spec, self.place
        account = AccountNames(spec.installation, pieces.role_suffix)
        self._check_task_role(pieces)
        paths = pieces.task_roles or {}
        return LangGraphDeploymentArgs(
            names=self.names,
            place=place,
            vpc_id=pieces.vpc_id,
            private_subnet_ids=pieces.private_subnet_ids,
            balancer_subnet_ids=pieces.balancer_subnet_ids,
            balancer_security_group_id=pieces.balancer_security_group_id,
            app_security_group_id=pieces.app_security_group_id,
            cache_security_group_id=pieces.cache_security_group_id,
            database_security_group_id=pieces.database_security_group_id,
            cluster_arn=pieces.cluster_arn,
            log_group=account.log_group,
            namespace_id=pieces.namespace_id,
            namespace_name=account.namespace,
            db_subnet_group_name=account.db_subnet_group,
            execution_role_arn=place.role_arn(account.execution_role),
            task_role_arn=place.role_arn(
                account.task_role(spec.task_role), paths.get(spec.task_role, "/")
            ),
            redis_image=pieces.redis_image,
            image=spec.image,
            final_snapshot_name=self.snapshot_name,
            environment=spec.environment,
            secrets=spec.secrets,
            license_key=spec.license_key,
            platform_secrets=pieces.platform_secrets,
            tracing_endpoint=pieces.tracing_endpoint,
            size=spec.size,
            cpu=spec.cpu,
            memory_mib=spec.memory_mib,
            min_scale=spec.min_scale,
            max_scale=spec.max_scale,
            queue_min_scale=spec.queue_min_scale,
            queue_max_scale=spec.queue_max_scale,
            queue_cpu=spec.queue_cpu,
            queue_memory_mib=spec.queue_memory_mib,
            architecture=ARCHITECTURES[self.architecture or "amd64"],
            mount_prefix=spec.mount_prefix,
            public=spec.public,
            certificate_arn=spec.certificate_arn,
            domain=spec.domain,
            password_rotation_days=spec.password_rotation_days,
            postgres_version=spec.postgres_version,
            database_instance_class=spec.database_instance_class,
            database_storage_gib=spec.database_storage_gib,
            database_tls=spec.database_tls,
            database_ca_pem=spec.database_ca_pem,
            database_max_connections=spec.database_max_connections,
            deletion_protection=spec.deletion_protection,
            filled=fill if self.wants_values else left_to_others,
        )

    def _check_task_role(self, pieces: AccountPieces) -> None:
        role = self.spec.task_role
        check_pattern(
            "task_role",
            role,
            TASK_ROLE,
            wanted="the name of a task role, without path or ARN",
            next_step=f"The account's owner makes it under {TASK_ROLE_PATH} (task_roles in the "
            "account's file); give its name there.",
        )
        told = pieces.task_roles if self.wants_values else None  # what goes may name what went
        if told is not None and role not in told:
            raise SpecError(
                "task_role",
                wanted=f"one that the account has: {', '.join(sorted(told))}",
                got=role,
                next_step="The account's owner adds it to task_roles (`byoc account up`).",
            )

    def __call__(self) -> None:
        """Make the deployment and export `OUTPUTS`."""
        check_place(self.place)
        pieces = find_account(self.account, public=self.spec.public)
        if self.wants_values:
            require_platform_values(pieces.platform_secrets)
        made = LangGraphDeployment(self.spec.name, self.args(pieces))
        containers = [name for name, where in self.spec.secrets.items() if where is None]
        values = {
            "url": made.url,
            "deployment_id": self.names.id,
            "image": self.spec.image,
            "cluster": self.account.cluster,
            "service": made.service_name,
            "task_definition_arn": made.task_definition_arn,
            "queue_service": made.queue.get("service_name"),
            "queue_task_definition_arn": made.queue.get("task_definition_arn"),
            "cache_service": made.cache_service_name,
            "cache_task_definition_arn": made.cache_task_definition_arn,
            "target_group_arn": made.target_group_arn,
            "log_group": self.account.log_group,
            "log_prefix": self.names.log_prefix,
            "database_identifier": made.database_identifier,
            "database_endpoint": made.database_endpoint,
            "database_secret_arn": made.database_secret_arn,
            "secret_names": {name: self.names.secret(name) for name in containers},
            "platform_secrets": dict(pieces.platform_secrets),
            "final_snapshot_name": self.snapshot_name,
        }
        for output in OUTPUTS:
            pulumi.export(output, values[output])


def fill(name: str, arn: pulumi.Output[str], cache_host: pulumi.Output[str]) -> pulumi.Output[str]:
    """The ARN, once its secret has a value: the cache's is made, a person's must be there.

    Values go from Secrets Manager's client to Secrets Manager; the engine sees the ARN only.
    """
    return pulumi.Output.all(arn, cache_host).apply(lambda both: _fill(name, both[0], both[1]))


def _fill(name: str, arn: str, cache_host: str) -> str:
    if pulumi.runtime.is_dry_run():
        return arn
    from byoc_infra.aws import secrets  # noqa: PLC0415 - previews need no boto3

    with refusals_in_a_line():
        if name == REDIS_SECRET:
            secrets.ensure_redis_password(arn, host=cache_host)
        else:
            secrets.require_value(arn, name=name)
    return arn


def require_platform_values(arns: Mapping[str, str]) -> None:
    """Refuse before anything is made: no task would start."""
    if pulumi.runtime.is_dry_run() or not arns:
        return
    from byoc_infra.aws import secrets  # noqa: PLC0415 - previews need no boto3

    for name, arn in arns.items():
        secrets.require_platform_value(arn, name=name)


def main() -> None:
    """Run the deployment program with its spec from `pulumi config`."""
    run_by_hand(DeploymentSpec, DeploymentProgram)

"""The program that a customer runs once: network, cluster, and the role for the control plane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from byoc_infra.components.access import CustomerAccess, CustomerAccessArgs
from byoc_infra.components.cluster import Cluster, ClusterArgs
from byoc_infra.components.platform_secrets import PlatformSecrets, PlatformSecretsArgs
from byoc_infra.naming import AccountNames, Place
from byoc_infra.programs._by_hand import run_by_hand
from byoc_infra.programs._lookups import check_place
from byoc_infra.programs._network import check_spec, make
from byoc_infra.spec import AccountSpec

__all__ = ["OUTPUTS", "AccountProgram", "main"]

NAME = "langgraph-cloud"
"""The logical name of everything in the stack."""
BALANCER_GROUPS = ("lb-internal", "lb-public")
"""The security groups of load balancers; the second is there with public ingress only."""

OUTPUTS = {
    "aws_account_id": "The account that was set up",
    "region": "Its region",
    "installation": "Which installation of the account this is",
    "role_arn": "Give this to the vendor: the role that its control plane assumes",
    "permissions": "least_privilege or managed: what the role may do",
    "vpc_id": "The VPC that deployments run in",
    "private_subnet_ids": "Where tasks and databases run",
    "public_subnet_ids": "Where NAT gateways and internet-facing balancers are",
    "cluster": "The ECS cluster of all deployments",
    "log_group": "Where the deployments' logs are",
    "execution_role_arn": "The only role that may read the deployments' secrets",
    "task_role_arns": "Roles that applications may run with",
    "platform_secrets": "By environment name: what `byoc account secrets put` fills",
    "repositories": "ECR repositories that deployments may run images from",
    "redis_image": "What deployments run as their cache",
}
"""Each output and what it is for."""


@dataclass(frozen=True)
class AccountProgram:
    """The account stack; called, it makes everything.

    A spec that cannot work is refused when the program is made, before the engine starts.
    """

    spec: AccountSpec

    def __post_init__(self) -> None:
        check_spec(self.spec, self.names, self.place)
        self.cluster_args(vpc_id="", private_subnet_ids=[], cidrs=())
        self.access_args(namespace_arn="")
        self.platform_secrets_args(execution_role_arn="")

    @property
    def names(self) -> AccountNames:
        """What things are called."""
        return AccountNames.of(self.spec.installation, self.spec.region, self.spec.first_region)

    @property
    def place(self) -> Place:
        """Where they are."""
        return Place(self.spec.aws_account_id, self.spec.region)

    def cluster_args(
        self,
        *,
        vpc_id: pulumi.Input[str],
        private_subnet_ids: list[pulumi.Output[str]],
        cidrs: tuple[pulumi.Input[str], ...],
    ) -> ClusterArgs:
        """What the shared pieces are asked to be."""
        spec = self.spec
        return ClusterArgs(
            names=self.names,
            place=self.place,
            vpc_id=vpc_id,
            private_subnet_ids=private_subnet_ids,
            ingress_cidrs=spec.ingress_cidrs if spec.ingress_cidrs is not None else cidrs,
            repositories=spec.repositories,
            redis_image=spec.redis_image,
            task_roles=spec.task_roles,
            platform_secrets=spec.platform_secrets,
            tracing=spec.tracing,
            public_ingress=spec.public_ingress,
            egress_ports=spec.egress_ports,
            external_databases=spec.external_databases,
            log_retention_days=spec.log_retention_days,
            create_service_linked_roles=spec.create_service_linked_roles,
            permissions_boundary_arn=spec.permissions_boundary_arn,
        )

    def access_args(
        self,
        *,
        namespace_arn: pulumi.Input[str],
        private_subnet_ids: Sequence[pulumi.Input[str]] = (),
        public_subnet_ids: Sequence[pulumi.Input[str]] = (),
        security_group_ids: Mapping[str, pulumi.Input[str]] | None = None,
    ) -> CustomerAccessArgs:
        """What the control plane is allowed."""
        groups = security_group_ids or {}
        spec = self.spec
        return CustomerAccessArgs(
            names=self.names,
            place=self.place,
            vendor_principal_arn=spec.vendor_principal_arn,
            external_ids=spec.external_ids,
            namespace_arn=namespace_arn,
            repositories=spec.repositories,
            task_roles=spec.task_roles,
            private_subnet_ids=private_subnet_ids,
            public_subnet_ids=public_subnet_ids,
            balancer_group_ids=[groups[role] for role in BALANCER_GROUPS if role in groups],
            public_ingress=spec.public_ingress,
            permissions=spec.permissions,
            permissions_boundary_arn=spec.permissions_boundary_arn,
            max_session_s=spec.max_session_s,
        )

    def platform_secrets_args(
        self, *, execution_role_arn: pulumi.Input[str]
    ) -> PlatformSecretsArgs:
        """What all deployments get."""
        return PlatformSecretsArgs(
            names=self.names,
            place=self.place,
            entries=self.spec.platform_secrets,
            execution_role_arn=execution_role_arn,
        )

    def __call__(self) -> None:
        """Make the account's pieces and export `OUTPUTS`."""
        check_place(self.place)
        made = make(NAME, self.spec, self.names, self.place)
        network = made.network
        cluster = Cluster(
            NAME,
            self.cluster_args(
                vpc_id=network.vpc_id,
                private_subnet_ids=network.private_subnet_ids,
                cidrs=made.cidrs,
            ),
        )
        if self.spec.platform_secrets:
            PlatformSecrets(
                f"{NAME}-platform",
                self.platform_secrets_args(execution_role_arn=cluster.execution_role_arn),
            )
        access = CustomerAccess(
            NAME,
            self.access_args(
                namespace_arn=cluster.namespace_arn,
                private_subnet_ids=network.private_subnet_ids,
                public_subnet_ids=network.public_subnet_ids,
                security_group_ids=cluster.security_group_ids,
            ),
        )
        values = {
            "aws_account_id": self.spec.aws_account_id,
            "region": self.spec.region,
            "installation": self.spec.installation,
            "role_arn": access.role_arn,
            "permissions": self.spec.permissions,
            "vpc_id": network.vpc_id,
            "private_subnet_ids": network.private_subnet_ids,
            "public_subnet_ids": network.public_subnet_ids,
            "cluster": cluster.cluster_name,
            "log_group": cluster.log_group,
            "execution_role_arn": cluster.execution_role_arn,
            "task_role_arns": cluster.task_role_arns,
            "platform_secrets": {
                entry: self.names.platform_secret(entry) for entry in self.spec.platform_secrets
            },
            "repositories": list(self.spec.repositories),
            "redis_image": self.spec.redis_image,
        }
        for output in OUTPUTS:
            pulumi.export(output, values[output])


def main() -> None:
    """Run the account program with its spec from `pulumi config`."""
    run_by_hand(AccountSpec, AccountProgram)

"""A deployment in a VPC that is there already, on a PostgreSQL that is there already.

Of the VPC only tags are made; of the database nothing. Both stay as they are on destroy.
"""

import pulumi

from byoc_infra import (
    AccountNames,
    Cluster,
    ClusterArgs,
    DeploymentNames,
    ExistingNetwork,
    ExistingNetworkArgs,
    ExternalDatabaseSpec,
    LangGraphDeployment,
    LangGraphDeploymentArgs,
    Place,
    SecretReference,
)
from byoc_infra.programs.deployment import fill

config = pulumi.Config()
place = Place(config.require("aws_account_id"), pulumi.Config("aws").require("region"))
shared = AccountNames("corp")
# The digits keep names of two stacks of one account apart: choose eight of your own.
names = DeploymentNames("orders", id="ca5cade5", installation="corp")

network = ExistingNetwork(
    "corp",
    ExistingNetworkArgs(
        names=shared,
        vpc_id=config.require("vpc_id"),
        cidr=config.require("vpc_cidr"),
        private_subnet_ids=config.require_object("private_subnet_ids"),
    ),
)
cluster = Cluster(
    "corp",
    ClusterArgs(
        names=shared,
        place=place,
        vpc_id=network.vpc_id,
        private_subnet_ids=network.private_subnet_ids,
        ingress_cidrs=[config.require("vpc_cidr")],
        repositories=["agents", "byoc/redis"],
        redis_image=config.require("redis_image"),
        external_databases=[ExternalDatabaseSpec(cidr=config.require("database_cidr"))],
        create_service_linked_roles=config.require_object("create_service_linked_roles"),
    ),
)
orders = LangGraphDeployment(
    "orders",
    LangGraphDeploymentArgs(
        names=names,
        place=place,
        secrets={"POSTGRES_URI_CUSTOM": SecretReference(arn=config.require("database_secret_arn"))},
        database_tls="verify-full",
        database_ca_pem=config.require("database_ca_pem"),
        vpc_id=network.vpc_id,
        private_subnet_ids=network.private_subnet_ids,
        balancer_subnet_ids=network.private_subnet_ids,
        balancer_security_group_id=cluster.security_group_ids["lb-internal"],
        app_security_group_id=cluster.security_group_ids["app"],
        cache_security_group_id=cluster.security_group_ids["cache"],
        database_security_group_id=cluster.security_group_ids["database"],
        cluster_arn=cluster.cluster_arn,
        log_group=cluster.log_group,
        namespace_id=cluster.namespace_id,
        namespace_name=cluster.namespace_name,
        db_subnet_group_name=cluster.db_subnet_group_name,
        execution_role_arn=cluster.execution_role_arn,
        task_role_arn=cluster.task_role_arns["default"],
        redis_image=config.require("redis_image"),
        image=config.require("image"),
        final_snapshot_name=None,
        deletion_protection=config.require_bool("deletion_protection"),
        filled=fill,
    ),
)

pulumi.export("url", orders.url)

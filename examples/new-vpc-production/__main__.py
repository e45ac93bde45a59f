"""A VPC of its own with one production deployment in it, all in one stack.

Nobody else takes part: there is no role for a vendor, and who runs this stack runs the deployment.
"""

import pulumi

from byoc_infra import (
    AccountNames,
    Cluster,
    ClusterArgs,
    DeploymentNames,
    LangGraphDeployment,
    LangGraphDeploymentArgs,
    Network,
    NetworkArgs,
    Place,
)
from byoc_infra.programs.deployment import fill

RANGE = "10.60.0.0/16"

config = pulumi.Config()
region = pulumi.Config("aws").require("region")
place = Place(config.require("aws_account_id"), region)
shared = AccountNames("shop")
# The digits keep names of two stacks of one account apart: choose eight of your own.
names = DeploymentNames("orders", id="5c0ffee5", installation="shop")

network = Network(
    "shop",
    NetworkArgs(names=shared, zones=[f"{region}a", f"{region}b"], cidr=RANGE, nat="per_zone"),
)
cluster = Cluster(
    "shop",
    ClusterArgs(
        names=shared,
        place=place,
        vpc_id=network.vpc_id,
        private_subnet_ids=network.private_subnet_ids,
        ingress_cidrs=[RANGE],
        repositories=["agents", "byoc/redis"],
        redis_image=config.require("redis_image"),
        create_service_linked_roles=config.require_object("create_service_linked_roles"),
    ),
)
orders = LangGraphDeployment(
    "orders",
    LangGraphDeploymentArgs(
        names=names,
        place=place,
        size="production",
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
        final_snapshot_name=names.final_snapshot(),
        deletion_protection=config.require_bool("deletion_protection"),
        filled=fill,
    ),
)

pulumi.export("url", orders.url)
pulumi.export("database", orders.database_identifier)

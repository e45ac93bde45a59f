"""A LangGraph server in a cluster, a network and with a database that are there already.

`Service` makes the task definition, the ECS service, and the load balancer before it.
"""

import pulumi

from byoc_infra import (
    DeploymentNames,
    ExternalDatabase,
    ExternalDatabaseArgs,
    Service,
    ServiceArgs,
)

config = pulumi.Config()
# The digits keep names of two stacks of one account apart: choose eight of your own.
names = DeploymentNames("orders", id="0a1b2c3d")

database = ExternalDatabase(
    "orders",
    ExternalDatabaseArgs(
        uri_secret=config.require("database_secret_arn"),
        tls="verify-full",
        ca_pem=config.require("database_ca_pem"),
    ),
)
service = Service(
    "orders",
    ServiceArgs(
        names=names,
        region=pulumi.Config("aws").require("region"),
        vpc_id=config.require("vpc_id"),
        cluster_arn=config.require("cluster_arn"),
        subnet_ids=config.require_object("subnet_ids"),
        security_group_ids=config.require_object("security_group_ids"),
        balancer_subnet_ids=config.require_object("balancer_subnet_ids"),
        balancer_security_group_ids=config.require_object("balancer_security_group_ids"),
        execution_role_arn=config.require("execution_role_arn"),
        task_role_arn=config.require("task_role_arn"),
        log_group=config.require("log_group"),
        image=config.require("image"),
        database=database.connection,
        secrets={"REDIS_URI": config.require("redis_secret_arn")},
        deletion_protection=config.require_bool("deletion_protection"),
    ),
)

pulumi.export("url", service.url)
pulumi.export("service", service.service_name)

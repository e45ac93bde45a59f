"""The program of `test_story.py`: what the account and deployment stacks use, in one stack."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["logs:*"], "Resource": "*"}],
    }
)


@dataclass(frozen=True)
class Story:
    """What a run of the program may have different from another."""

    image: str = "one@sha256:1"
    owner: str = "first"
    idle_s: int = 60
    instance_class: str = "db.t4g.micro"
    protected: bool = True
    imports: Mapping[str, str] = field(default_factory=dict)
    """Type token → import id of what is there already."""

    def __call__(self) -> None:
        """Declare everything."""
        pulumi.runtime.register_stack_transformation(self._adopt)
        network = self._network()
        roles = self._roles()
        self._data(network)
        self._service(network, roles)

    def _adopt(
        self, args: pulumi.ResourceTransformationArgs
    ) -> pulumi.ResourceTransformationResult | None:
        if args.type_ not in self.imports:
            return None
        found = pulumi.ResourceOptions(import_=self.imports[args.type_])
        opts = pulumi.ResourceOptions.merge(args.opts, found)
        return pulumi.ResourceTransformationResult(props=args.props, opts=opts)

    def _tags(self, name: str) -> dict[str, str]:
        return {"Name": name, "owner": self.owner}

    def _network(self) -> dict[str, pulumi.CustomResource]:
        zones = aws.get_availability_zones(state="available")
        vpc = aws.ec2.Vpc(
            "vpc", cidr_block="10.40.0.0/16", enable_dns_hostnames=True, tags=self._tags("vpc")
        )
        aws.ec2.DefaultSecurityGroup("closed", vpc_id=vpc.id)
        gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
        public = aws.ec2.RouteTable("public", vpc_id=vpc.id)
        aws.ec2.Route(
            "public-out",
            route_table_id=public.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway.id,
        )
        subnets = [
            aws.ec2.Subnet(
                f"subnet-{i}",
                vpc_id=vpc.id,
                cidr_block=f"10.40.{i}.0/24",
                availability_zone=zones.names[i % 2],
                map_public_ip_on_launch=i < 2,
                tags=self._tags(f"subnet-{i}"),
            )
            for i in range(4)
        ]
        for i, subnet in enumerate(subnets[:2]):
            aws.ec2.RouteTableAssociation(
                f"public-{i}", subnet_id=subnet.id, route_table_id=public.id
            )
        address = aws.ec2.Eip("nat", domain="vpc")
        nat = aws.ec2.NatGateway("nat", subnet_id=subnets[0].id, allocation_id=address.id)
        private = aws.ec2.RouteTable(
            "private", vpc_id=vpc.id, routes=[{"cidr_block": "0.0.0.0/0", "nat_gateway_id": nat.id}]
        )
        aws.ec2.RouteTableAssociation(
            "private-2", subnet_id=subnets[2].id, route_table_id=private.id
        )
        group = aws.ec2.SecurityGroup("app", name="app", description="the app", vpc_id=vpc.id)
        other = aws.ec2.SecurityGroup("lb", vpc_id=vpc.id, tags=self._tags("lb"))
        aws.vpc.SecurityGroupIngressRule(
            "app-in",
            security_group_id=group.id,
            referenced_security_group_id=other.id,
            ip_protocol="tcp",
            from_port=8000,
            to_port=8000,
            tags=self._tags("in"),
        )
        aws.vpc.SecurityGroupEgressRule(
            "app-out", security_group_id=group.id, cidr_ipv4="0.0.0.0/0", ip_protocol="-1"
        )
        pulumi.export("vpc", vpc.id)
        return {
            "vpc": vpc,
            "app": group,
            "lb": other,
            **{f"s{i}": s for i, s in enumerate(subnets)},
        }

    def _roles(self) -> dict[str, aws.iam.Role]:
        role = aws.iam.Role("task", name="task", assume_role_policy=TRUST, tags=self._tags("task"))
        execution = aws.iam.Role("execution", assume_role_policy=TRUST, description="starts tasks")
        policy = aws.iam.Policy("extra", policy=POLICY, path="/byoc/")
        aws.iam.RolePolicyAttachment("extra", role=role.name, policy_arn=policy.arn)
        aws.iam.RolePolicy("inline", role=execution.name, policy=POLICY)
        linked = aws.iam.ServiceLinkedRole("linked", aws_service_name="ecs.amazonaws.com")
        pulumi.export("linked", linked.arn)
        return {"task": role, "execution": execution}

    def _data(self, network: dict[str, pulumi.CustomResource]) -> None:
        key = aws.kms.Key("key", enable_key_rotation=True, deletion_window_in_days=7)
        aws.kms.Alias("key", name="alias/story", target_key_id=key.key_id)
        subnets = aws.rds.SubnetGroup("db", subnet_ids=[network["s2"].id, network["s3"].id])
        parameters = aws.rds.ParameterGroup(
            "db", family="postgres16", parameters=[{"name": "rds.force_ssl", "value": "1"}]
        )
        database = aws.rds.Instance(
            "db",
            identifier="story",
            engine="postgres",
            engine_version="16",
            instance_class=self.instance_class,
            allocated_storage=20,
            db_name="langgraph",
            username="langgraph",
            manage_master_user_password=True,
            db_subnet_group_name=subnets.name,
            parameter_group_name=parameters.name,
            vpc_security_group_ids=[network["app"].id],
            storage_encrypted=True,
            deletion_protection=self.protected,
            final_snapshot_identifier="story-final",
            apply_immediately=True,
            tags=self._tags("db"),
        )
        secret = aws.secretsmanager.Secret("redis", name="story/redis", tags=self._tags("redis"))
        policy = aws.secretsmanager.SecretPolicy(
            "redis",
            secret_arn=secret.arn,
            policy=secret.arn.apply(
                lambda arn: json.dumps(
                    {
                        "Version": "2012-10-17",
                        "Statement": {
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "secretsmanager:DeleteSecret",
                            "Resource": arn,
                        },
                    }
                )
            ),
        )
        pulumi.export("secret", policy.id)
        pulumi.export("endpoint", database.endpoint)
        pulumi.export("password", database.master_user_secrets[0].secret_arn)

    def _service(
        self, network: dict[str, pulumi.CustomResource], roles: dict[str, aws.iam.Role]
    ) -> None:
        cluster = aws.ecs.Cluster(
            "cluster", settings=[{"name": "containerInsights", "value": "enabled"}]
        )
        logs = aws.cloudwatch.LogGroup("logs", name="/story", retention_in_days=30)
        namespace = aws.servicediscovery.PrivateDnsNamespace(
            "names", name="story.internal", vpc=network["vpc"].id
        )
        registry = aws.servicediscovery.Service(
            "redis",
            dns_config={
                "namespace_id": namespace.id,
                "dns_records": [{"type": "A", "ttl": 10}],
            },
        )
        definition = aws.ecs.TaskDefinition(
            "api",
            family="api",
            cpu="256",
            memory="512",
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            execution_role_arn=roles["execution"].arn,
            task_role_arn=roles["task"].arn,
            skip_destroy=True,
            runtime_platform={"cpu_architecture": "X86_64", "operating_system_family": "LINUX"},
            container_definitions=pulumi.Output.json_dumps(
                [
                    {
                        "name": "api",
                        "image": self.image,
                        "essential": True,
                        "portMappings": [{"containerPort": 8000}],
                        "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                        "logConfiguration": {
                            "logDriver": "awslogs",
                            "options": {"awslogs-group": logs.name},
                        },
                    }
                ]
            ),
        )
        balancer = aws.lb.LoadBalancer(
            "lb",
            internal=True,
            subnets=[network["s0"].id, network["s1"].id],
            security_groups=[network["lb"].id],
            idle_timeout=self.idle_s,
            tags=self._tags("lb"),
        )
        group = aws.lb.TargetGroup(
            "api",
            port=8000,
            protocol="HTTP",
            target_type="ip",
            vpc_id=network["vpc"].id,
            deregistration_delay=60,
            health_check={"path": "/ok", "interval": 5, "timeout": 2},
        )
        listener = aws.lb.Listener(
            "http",
            load_balancer_arn=balancer.arn,
            port=80,
            protocol="HTTP",
            default_actions=[{"type": "forward", "target_group_arn": group.arn}],
        )
        service = aws.ecs.Service(
            "api",
            cluster=cluster.arn,
            task_definition=definition.arn,
            desired_count=1,
            launch_type="FARGATE",
            network_configuration={
                "subnets": [network["s2"].id, network["s3"].id],
                "security_groups": [network["app"].id],
            },
            load_balancers=[
                {
                    "container_name": "api",
                    "container_port": 8000,
                    "target_group_arn": group.arn,
                }
            ],
            service_registries={"registry_arn": registry.arn},
            deployment_circuit_breaker={"enable": True, "rollback": True},
            opts=pulumi.ResourceOptions(depends_on=[listener], ignore_changes=["desiredCount"]),
        )
        pulumi.export("url", balancer.dns_name)
        pulumi.export("service", service.name)
        pulumi.export("definition", definition.arn)

"""One life for each resource type: what to create, what to change, how to import."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from byoc_infra.local.provider.aws import Aws
from byoc_infra.local.provider.check import Naming, Settings, check
from byoc_infra.local.provider.properties import Props
from byoc_infra.local.provider.registry import RESOURCES

TAGS = {"owner": "first"}
OTHER_TAGS = {"owner": "second", "more": "yes"}

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


def policy(action: str) -> str:
    """A policy that allows one action."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def checked(token: str, inputs: Props, olds: Props | None = None) -> Props:
    """Inputs as the engine gives them to Create: they must pass Check."""
    result, failures = check(
        token,
        olds or {},
        inputs,
        settings=Settings(region="eu-west-1"),
        naming=Naming("thing", b"seed"),
    )
    failures += RESOURCES[token].refusals(result)
    assert not failures
    return result


@dataclass(frozen=True)
class Life:
    """Inputs at first, inputs later, and the import id made of id and state."""

    first: Props
    later: Props
    import_id: Callable[[str, Props], str] = lambda resource_id, _state: resource_id


class Surroundings:
    """What must exist before a type's own object can."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def make(self, token: str, **inputs: Any) -> tuple[str, Props]:
        """A new object, by the provider itself."""
        return RESOURCES[token](self.aws).create(checked(token, inputs))

    @cached_property
    def vpc(self) -> str:
        """A VPC."""
        return self.make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")[0]

    @cached_property
    def other_vpc(self) -> str:
        """Another VPC."""
        return self.make("aws:ec2/vpc:Vpc", cidrBlock="10.1.0.0/16")[0]

    @cached_property
    def subnets(self) -> list[str]:
        """Four subnets in two zones."""
        return [
            self.make(
                "aws:ec2/subnet:Subnet",
                vpcId=self.vpc,
                cidrBlock=f"10.0.{i}.0/24",
                availabilityZone=f"eu-west-1{'ab'[i % 2]}",
            )[0]
            for i in range(4)
        ]

    @cached_property
    def gateway(self) -> str:
        """An internet gateway on the VPC."""
        return self.make("aws:ec2/internetGateway:InternetGateway", vpcId=self.vpc)[0]

    @cached_property
    def tables(self) -> list[str]:
        """Two route tables."""
        make = [self.make("aws:ec2/routeTable:RouteTable", vpcId=self.vpc) for _ in range(2)]
        return [table for table, _ in make]

    @cached_property
    def address(self) -> str:
        """A free public address."""
        return self.make("aws:ec2/eip:Eip", domain="vpc")[0]

    @cached_property
    def nat(self) -> str:
        """A NAT gateway with an address of its own."""
        return self.make(
            "aws:ec2/natGateway:NatGateway",
            subnetId=self.subnets[0],
            allocationId=self.make("aws:ec2/eip:Eip", domain="vpc")[0],
        )[0]

    @cached_property
    def groups(self) -> list[str]:
        """Two security groups."""
        token = "aws:ec2/securityGroup:SecurityGroup"
        return [self.make(token, name=f"group-{i}", vpcId=self.vpc)[0] for i in range(2)]

    @cached_property
    def role(self) -> Props:
        """A role for tasks."""
        return self.make("aws:iam/role:Role", name="surroundings", assumeRolePolicy=TRUST)[1]

    @cached_property
    def log_group(self) -> str:
        """A log group, by ARN."""
        return str(self.make("aws:cloudwatch/logGroup:LogGroup", name="/surroundings")[1]["arn"])

    @cached_property
    def managed(self) -> str:
        """A policy that can be attached."""
        return self.make("aws:iam/policy:Policy", name="managed", policy=policy("s3:*"))[0]

    @cached_property
    def cluster(self) -> str:
        """A cluster."""
        return self.make("aws:ecs/cluster:Cluster", name="surroundings")[0]

    def task(self, image: str) -> str:
        """A task definition of this image."""
        inputs = task_definition(image, family="surroundings")
        return str(self.make("aws:ecs/taskDefinition:TaskDefinition", **inputs)[1]["arn"])

    @cached_property
    def scaled(self) -> Props:
        """A service that can be a scalable target."""
        service = self.make(
            "aws:ecs/service:Service",
            name="scaled",
            cluster=self.cluster,
            taskDefinition=self.task("scaled"),
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"subnets": self.subnets[2:], "securityGroups": self.groups[:1]},
        )[1]
        return {
            "serviceNamespace": "ecs",
            "resourceId": f"service/{self.cluster.rpartition('/')[2]}/{service['name']}",
            "scalableDimension": "ecs:service:DesiredCount",
        }

    def tracking(self, percent: int) -> Props:
        """A policy that keeps CPU at so many percent, on a target of its own."""
        token = "aws:appautoscaling/target:Target"
        self.make(token, **self.scaled, minCapacity=1, maxCapacity=4)
        return {
            **self.scaled,
            "name": "life",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "targetValue": percent,
                "scaleInCooldown": 1800,
                "predefinedMetricSpecification": {
                    "predefinedMetricType": "ECSServiceAverageCPUUtilization"
                },
            },
        }

    @cached_property
    def namespace(self) -> str:
        """A namespace."""
        token = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
        return self.make(token, name="surroundings.internal", vpc=self.vpc)[0]

    @cached_property
    def balancer(self) -> str:
        """A load balancer."""
        return self.make(
            "aws:lb/loadBalancer:LoadBalancer",
            name="surroundings",
            internal=True,
            subnets=self.subnets[:2],
            securityGroups=self.groups[:1],
        )[0]

    def target_group(self, name: str) -> str:
        """A target group of this name."""
        return self.make("aws:lb/targetGroup:TargetGroup", **target_group(self.vpc, name=name))[0]

    @cached_property
    def db_subnets(self) -> str:
        """A DB subnet group."""
        return self.make("aws:rds/subnetGroup:SubnetGroup", name="db", subnetIds=self.subnets)[0]

    @cached_property
    def secret(self) -> str:
        """A secret without a value."""
        return self.make("aws:secretsmanager/secret:Secret", name="surroundings")[0]

    @cached_property
    def key(self) -> str:
        """A key."""
        return self.make("aws:kms/key:Key")[0]


def task_definition(image: str, **more: Any) -> Props:
    """A Fargate task of one container."""
    container = {
        "name": "app",
        "image": image,
        "essential": True,
        "portMappings": [{"containerPort": 8000}],
    }
    return {
        "family": "life",
        "cpu": "256",
        "memory": "512",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": json.dumps([container]),
        **more,
    }


def target_group(vpc: str, **more: Any) -> Props:
    """A target group of addresses."""
    return {
        "name": "life",
        "port": 8000,
        "protocol": "HTTP",
        "targetType": "ip",
        "vpcId": vpc,
        "healthCheck": {"path": "/ok", "interval": 5, "timeout": 2},
        **more,
    }


def database(**more: Any) -> Props:
    """A small PostgreSQL whose password is AWS's."""
    return {
        "identifier": "life",
        "engine": "postgres",
        "engineVersion": "16",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "username": "langgraph",
        "manageMasterUserPassword": True,
        "finalSnapshotIdentifier": "life-final",
        "applyImmediately": True,
        **more,
    }


def lives(here: Surroundings) -> dict[str, Callable[[], Life]]:
    """Type token → its life; made when asked for, since it makes what it needs."""
    return {
        "aws:iam/role:Role": lambda: Life(
            {"name": "life", "assumeRolePolicy": TRUST, "tags": TAGS},
            {
                "name": "life",
                "assumeRolePolicy": TRUST,
                "description": "new",
                "permissionsBoundary": here.managed,
                "tags": OTHER_TAGS,
            },
        ),
        "aws:iam/policy:Policy": lambda: Life(
            {"name": "life", "policy": policy("ec2:*"), "tags": TAGS},
            {"name": "life", "policy": policy("ecs:*"), "tags": OTHER_TAGS},
        ),
        "aws:iam/rolePolicy:RolePolicy": lambda: Life(
            {"name": "life", "role": here.role["name"], "policy": policy("ec2:*")},
            {"name": "life", "role": here.role["name"], "policy": policy("ecs:*")},
        ),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda: Life(
            attach := {"role": here.role["name"], "policyArn": here.managed}, attach
        ),
        "aws:iam/serviceLinkedRole:ServiceLinkedRole": lambda: Life(
            {"awsServiceName": "rds.amazonaws.com"},
            {"awsServiceName": "rds.amazonaws.com", "description": "new"},
        ),
        "aws:ec2/vpc:Vpc": lambda: Life(
            {"cidrBlock": "10.9.0.0/16", "enableDnsHostnames": True, "tags": TAGS},
            {"cidrBlock": "10.9.0.0/16", "enableDnsHostnames": False, "tags": OTHER_TAGS},
        ),
        "aws:ec2/subnet:Subnet": lambda: Life(
            {"vpcId": here.vpc, "cidrBlock": "10.0.99.0/24", "tags": TAGS},
            {
                "vpcId": here.vpc,
                "cidrBlock": "10.0.99.0/24",
                "mapPublicIpOnLaunch": True,
                "tags": OTHER_TAGS,
            },
        ),
        "aws:ec2/internetGateway:InternetGateway": lambda: Life(
            {"vpcId": here.vpc, "tags": TAGS}, {"vpcId": here.other_vpc, "tags": OTHER_TAGS}
        ),
        "aws:ec2/eip:Eip": lambda: Life(
            {"domain": "vpc", "tags": TAGS}, {"domain": "vpc", "tags": OTHER_TAGS}
        ),
        "aws:ec2/natGateway:NatGateway": lambda: Life(
            {"subnetId": here.subnets[0], "allocationId": here.address, "tags": TAGS},
            {"subnetId": here.subnets[0], "allocationId": here.address, "tags": OTHER_TAGS},
        ),
        "aws:ec2/routeTable:RouteTable": lambda: Life(
            {
                "vpcId": here.vpc,
                "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": here.gateway}],
                "tags": TAGS,
            },
            {
                "vpcId": here.vpc,
                "routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": here.nat}],
                "tags": OTHER_TAGS,
            },
        ),
        "aws:ec2/route:Route": lambda: Life(
            {
                "routeTableId": here.tables[0],
                "destinationCidrBlock": "8.8.0.0/16",
                "gatewayId": here.gateway,
            },
            {
                "routeTableId": here.tables[0],
                "destinationCidrBlock": "8.8.0.0/16",
                "natGatewayId": here.nat,
            },
            lambda _id, state: f"{state['routeTableId']}_{state['destinationCidrBlock']}",
        ),
        "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda: Life(
            {"subnetId": here.subnets[1], "routeTableId": here.tables[0]},
            {"subnetId": here.subnets[1], "routeTableId": here.tables[1]},
            lambda _id, state: f"{state['subnetId']}/{state['routeTableId']}",
        ),
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": lambda: Life(
            {"vpcId": here.vpc, "tags": TAGS},
            {
                "vpcId": here.vpc,
                "tags": OTHER_TAGS,
                "ingress": [{"protocol": "tcp", "fromPort": 1, "toPort": 2, "self": True}],
            },
        ),
        "aws:ec2/securityGroup:SecurityGroup": lambda: Life(
            {
                "name": "life",
                "vpcId": here.vpc,
                "tags": TAGS,
                "ingress": [
                    {"protocol": "6", "fromPort": 80, "toPort": 80, "cidrBlocks": ["10.0.0.0/8"]}
                ],
            },
            {
                "name": "life",
                "vpcId": here.vpc,
                "tags": OTHER_TAGS,
                "ingress": [
                    {"protocol": "tcp", "fromPort": 81, "toPort": 81, "cidrBlocks": ["10.0.0.0/8"]}
                ],
                "egress": [
                    {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
                ],
            },
        ),
        "aws:ec2/vpcEndpoint:VpcEndpoint": lambda: Life(
            endpoint := {
                "vpcId": here.vpc,
                "serviceName": "com.amazonaws.eu-west-1.logs",
                "vpcEndpointType": "Interface",
                "subnetIds": here.subnets[:2],
                "securityGroupIds": here.groups[:1],
                "privateDnsEnabled": True,
                "policy": policy("logs:PutLogEvents"),
                "tags": TAGS,
            },
            {
                **endpoint,
                "securityGroupIds": here.groups,
                "policy": policy("logs:*"),
                "tags": OTHER_TAGS,
            },
        ),
        "aws:ec2/flowLog:FlowLog": lambda: Life(
            flow_log := {
                "vpcId": here.vpc,
                "logDestination": here.log_group,
                "iamRoleArn": here.role["arn"],
                "trafficType": "ALL",
                "tags": TAGS,
            },
            {**flow_log, "tags": OTHER_TAGS},
        ),
        "aws:ec2/tag:Tag": lambda: Life(
            {"resourceId": here.vpc, "key": "purpose", "value": "first"},
            {"resourceId": here.vpc, "key": "purpose", "value": "second"},
        ),
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda: Life(
            {
                "securityGroupId": here.groups[0],
                "referencedSecurityGroupId": here.groups[1],
                "ipProtocol": "tcp",
                "fromPort": 80,
                "toPort": 80,
                "tags": TAGS,
            },
            {
                "securityGroupId": here.groups[0],
                "referencedSecurityGroupId": here.groups[1],
                "ipProtocol": "tcp",
                "fromPort": 80,
                "toPort": 81,
                "tags": OTHER_TAGS,
            },
        ),
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda: Life(
            {
                "securityGroupId": here.groups[0],
                "cidrIpv4": "10.0.0.0/8",
                "ipProtocol": "udp",
                "fromPort": 53,
                "toPort": 53,
                "tags": TAGS,
            },
            {
                "securityGroupId": here.groups[0],
                "cidrIpv4": "10.0.0.0/8",
                "ipProtocol": "udp",
                "fromPort": 53,
                "toPort": 53,
                "description": "out",
                "tags": OTHER_TAGS,
            },
        ),
        "aws:ecs/cluster:Cluster": lambda: Life(
            {"name": "life", "tags": TAGS},
            {
                "name": "life",
                "tags": OTHER_TAGS,
                "settings": [{"name": "containerInsights", "value": "enabled"}],
            },
            lambda _id, state: str(state["name"]),
        ),
        "aws:ecs/taskDefinition:TaskDefinition": lambda: Life(
            task_definition("one", tags=TAGS),
            task_definition("one", tags=OTHER_TAGS),
            lambda _id, state: str(state["arn"]),
        ),
        "aws:ecs/service:Service": lambda: Life(
            service := {
                "name": "life",
                "cluster": here.cluster,
                "taskDefinition": here.task("one"),
                "desiredCount": 1,
                "launchType": "FARGATE",
                "networkConfiguration": {
                    "subnets": here.subnets[2:],
                    "securityGroups": here.groups[:1],
                },
                "tags": TAGS,
            },
            {**service, "taskDefinition": here.task("two"), "tags": OTHER_TAGS},
            lambda _id, state: f"{here.cluster.rpartition('/')[2]}/{state['name']}",
        ),
        "aws:cloudwatch/logGroup:LogGroup": lambda: Life(
            {"name": "/life", "retentionInDays": 30, "tags": TAGS},
            {"name": "/life", "retentionInDays": 7, "tags": OTHER_TAGS},
        ),
        "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": lambda: Life(
            {"name": "life.internal", "vpc": here.vpc, "tags": TAGS},
            {"name": "life.internal", "vpc": here.vpc, "description": "new", "tags": OTHER_TAGS},
            lambda resource_id, _state: f"{resource_id}:{here.vpc}",
        ),
        "aws:servicediscovery/service:Service": lambda: Life(
            discovery := {
                "name": "life",
                "dnsConfig": {
                    "namespaceId": here.namespace,
                    "dnsRecords": [{"type": "A", "ttl": 10}],
                },
                "tags": TAGS,
            },
            {**discovery, "description": "new", "tags": OTHER_TAGS},
        ),
        "aws:rds/subnetGroup:SubnetGroup": lambda: Life(
            {"name": "life", "subnetIds": here.subnets[:2], "tags": TAGS},
            {"name": "life", "subnetIds": here.subnets[:2], "tags": OTHER_TAGS},
        ),
        "aws:rds/parameterGroup:ParameterGroup": lambda: Life(
            {
                "name": "life",
                "family": "postgres16",
                "parameters": [{"name": "rds.force_ssl", "value": "1"}],
                "tags": TAGS,
            },
            {
                "name": "life",
                "family": "postgres16",
                "parameters": [{"name": "rds.force_ssl", "value": "0"}],
                "tags": OTHER_TAGS,
            },
        ),
        "aws:rds/instance:Instance": lambda: Life(
            database(dbSubnetGroupName=here.db_subnets, tags=TAGS),
            database(
                dbSubnetGroupName=here.db_subnets, instanceClass="db.t4g.small", tags=OTHER_TAGS
            ),
            lambda _id, state: str(state["identifier"]),
        ),
        "aws:secretsmanager/secret:Secret": lambda: Life(
            {"name": "life", "tags": TAGS},
            {"name": "life", "description": "new", "tags": OTHER_TAGS},
        ),
        "aws:secretsmanager/secretPolicy:SecretPolicy": lambda: Life(
            {"secretArn": here.secret, "policy": policy("secretsmanager:GetSecretValue")},
            {"secretArn": here.secret, "policy": policy("secretsmanager:DescribeSecret")},
        ),
        "aws:kms/key:Key": lambda: Life(
            {"enableKeyRotation": True, "tags": TAGS},
            {"enableKeyRotation": False, "description": "new", "tags": OTHER_TAGS},
        ),
        "aws:kms/alias:Alias": lambda: Life(
            {"name": "alias/life", "targetKeyId": here.key},
            {"name": "alias/life", "targetKeyId": here.make("aws:kms/key:Key")[0]},
        ),
        "aws:lb/loadBalancer:LoadBalancer": lambda: Life(
            balancer := {
                "name": "life",
                "internal": True,
                "subnets": here.subnets[:2],
                "securityGroups": here.groups[:1],
                "tags": TAGS,
            },
            {**balancer, "idleTimeout": 120, "securityGroups": here.groups, "tags": OTHER_TAGS},
        ),
        "aws:lb/targetGroup:TargetGroup": lambda: Life(
            target_group(here.vpc, tags=TAGS),
            target_group(
                here.vpc,
                tags=OTHER_TAGS,
                deregistrationDelay=60,
                healthCheck={"path": "/other", "interval": 5, "timeout": 2},
            ),
        ),
        "aws:lb/listener:Listener": lambda: Life(
            listener := {
                "loadBalancerArn": here.balancer,
                "port": 80,
                "protocol": "HTTP",
                "defaultActions": [{"type": "forward", "targetGroupArn": here.target_group("one")}],
                "tags": TAGS,
            },
            {
                **listener,
                "defaultActions": [
                    {
                        "type": "fixed-response",
                        "fixedResponse": {"contentType": "text/plain", "statusCode": "404"},
                    }
                ],
                "tags": OTHER_TAGS,
            },
        ),
        "aws:appautoscaling/target:Target": lambda: Life(
            target := {**here.scaled, "minCapacity": 1, "maxCapacity": 4, "tags": TAGS},
            {**target, "minCapacity": 2, "tags": OTHER_TAGS},
            lambda resource_id, _state: f"ecs/{resource_id}/ecs:service:DesiredCount",
        ),
        "aws:appautoscaling/policy:Policy": lambda: Life(
            here.tracking(75),
            here.tracking(60),
            lambda name, state: f"ecs/{state['resourceId']}/ecs:service:DesiredCount/{name}",
        ),
    }

"""A local cloud in this process with the autoscaler, a service to scale, and told utilisation."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from byoc_infra.local.authorizer import TAG_SOURCES, TARGET_SOURCES
from byoc_infra.local.compute.api import Api
from byoc_infra.local.compute.model import Service, State
from byoc_infra.local.scaling.scaler import Scaler
from tests.local.in_process import REGION, Stack, running

CLUSTER, SERVICE = "langgraph-cloud-cluster", "lg-orders-api-1a2b3c4d"
RESOURCE = f"service/{CLUSTER}/{SERVICE}"
PLACE: dict[str, Any] = {
    "ServiceNamespace": "ecs",
    "ResourceId": RESOURCE,
    "ScalableDimension": "ecs:service:DesiredCount",
}


@dataclass
class Lab:
    """Everything that a test of scaling needs."""

    stack: Stack
    state: State
    scaler: Scaler

    @property
    def client(self) -> Any:
        """Application Auto Scaling, as the customer's administrator."""
        return self.stack.client("application-autoscaling")

    @property
    def service(self) -> Service:
        """The service that scales."""
        (found,) = (one for one in self.state.services.values() if one.name == SERVICE)
        return found

    def target(self, least: int = 1, most: int = 4, **more: Any) -> str:
        """Register the service; the ARN."""
        answer = self.client.register_scalable_target(
            MinCapacity=least, MaxCapacity=most, **PLACE, **more
        )
        return str(answer["ScalableTargetARN"])

    def follow(self, metric: str = "CPU", target: float = 75.0, **settings: Any) -> dict[str, Any]:
        """Put a policy."""
        answer: dict[str, Any] = self.client.put_scaling_policy(
            PolicyName=metric.lower(),
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": f"ECSServiceAverage{metric}Utilization"
                },
                **settings,
            },
            **PLACE,
        )
        return answer

    def run(self, count: int) -> None:
        """So many tasks of the service run."""
        for number in range(count):
            name = f"{self.service.arn}/{number}"
            self.state.tasks[name] = _Running(self.service.arn)  # type: ignore[assignment]  # all that is looked at

    def pass_time(self, seconds: float) -> int:
        """Let the clock run and the autoscaler look; the desired count then."""
        self.stack.world.skew_s += seconds
        self.scaler.tick()
        return self.service.desired


@dataclass
class _Running:
    service_arn: str
    status: str = "RUNNING"


@pytest.fixture
def lab(tmp_path: Any) -> Iterator[Lab]:
    """A cluster with one service."""
    with running(tmp_path) as stack:
        state = State()
        Api(stack.world, state).register(stack.hooks)
        scaler = Scaler(stack.world, state)
        scaler.register(stack.hooks)
        TAG_SOURCES["application-autoscaling:scalable-target"] = scaler.tags
        TARGET_SOURCES["ecs"] = scaler.arn_of
        _make_service(stack)
        yield Lab(stack, state, scaler)
        TAG_SOURCES.pop("application-autoscaling:scalable-target")
        TARGET_SOURCES.pop("ecs")


def _make_service(stack: Stack) -> None:
    iam, ec2, ecs = (stack.client(name) for name in ("iam", "ec2", "ecs"))
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(document))
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone=f"{REGION}a")[
        "Subnet"
    ]["SubnetId"]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    ecs.create_cluster(clusterName=CLUSTER)
    ecs.register_task_definition(
        family="api",
        cpu="256",
        memory="512",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "api", "image": "api", "essential": True}],
    )
    ecs.create_service(
        cluster=CLUSTER,
        serviceName=SERVICE,
        taskDefinition="api",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}
        },
    )

"""A cloud without processes: moto in this process, a fake runtime, a clock that is set by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from byoc_infra.local.compute.api import Api
from byoc_infra.local.compute.lifecycle import Lifecycle
from byoc_infra.local.compute.model import Container, Service, State, Task
from byoc_infra.local.compute.registration import Registration
from byoc_infra.local.compute.roles import StartError
from byoc_infra.local.compute.scheduler import Scheduler, tell
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import Call, Principal
from byoc_infra.local.world import Addresses, Hosts, World

REGION = "eu-west-1"
ACCOUNT = DEFAULT_ACCOUNT_ID
ADMIN = Principal(arn=f"arn:aws:iam::{ACCOUNT}:user/admin", account_id=ACCOUNT)
SESSION = boto3.Session()
"""One, because each reads the services' descriptions anew."""
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}


@dataclass
class FakeRuntime:
    """Containers that start at once; a test says how they end and what their checks say."""

    cannot_start: dict[str, str] = field(default_factory=dict)
    """By container name: the reason."""
    ended: dict[str, int] = field(default_factory=dict)
    """By container ARN: the exit code."""
    checks: dict[str, bool | None] = field(default_factory=dict)
    """By container name: what the health check says; True where nothing is said."""
    log: list[tuple[str, str]] = field(default_factory=list)
    stubborn: bool = False
    """Whether SIGTERM has no effect."""
    _addresses: Addresses = field(default_factory=lambda: Addresses(99))

    def prepare(self, task: Task) -> None:
        """Give the task an address."""
        for container in task.containers:
            if container.name in self.cannot_start:
                raise StartError(self.cannot_start[container.name])
        task.address = self._addresses.take()

    def start(self, task: Task, container: Container) -> None:
        """Note it."""
        self.log.append(("start", container.name))

    def exit_code(self, task: Task, container: Container) -> int | None:
        """What the test said."""
        return self.ended.get(container.arn)

    def terminate(self, task: Task, container: Container) -> None:
        """End it, unless it is stubborn."""
        self.log.append(("terminate", container.name))
        if not self.stubborn:
            self.ended[container.arn] = 143

    def kill(self, task: Task, container: Container) -> None:
        """End it."""
        self.log.append(("kill", container.name))
        self.ended[container.arn] = 137

    def check(self, task: Task, container: Container) -> bool | None:
        """What the test said."""
        return self.checks.get(container.name, True)

    def tidy(self, task: Task) -> None:
        """Note it."""
        self.log.append(("tidy", task.id))


@dataclass
class Lab:
    """Everything that a test of services and tasks needs."""

    world: World
    hooks: Hooks
    state: State
    runtime: FakeRuntime
    scheduler: Scheduler
    network: dict[str, Any]
    role_arn: str
    clock: list[float]
    target_states: dict[str, str] = field(default_factory=dict)
    """By address; healthy where nothing is said."""
    in_flight: set[str] = field(default_factory=set)

    def call(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """One ECS call, with the checks in front of it."""
        call = Call(
            service="ecs", operation=operation, params=params, region=REGION, principal=ADMIN
        )
        self.hooks.check(call)
        handler = self.hooks.handler(call)
        return handler(call) if handler else {}

    def define(self, family: str = "api", **container: Any) -> str:
        """Register a task definition with one container; its ARN."""
        one = {"name": family, "image": "i", "portMappings": [{"containerPort": 8000}], **container}
        return self.define_all(family, one)

    def define_all(self, family: str, *containers: dict[str, Any]) -> str:
        """Register a task definition; its ARN."""
        asked = {
            "family": family,
            "containerDefinitions": list(containers),
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": self.role_arn,
        }
        self.call("RegisterTaskDefinition", **asked)
        answer = client("ecs").register_task_definition(**asked)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def create(self, definition: str, name: str = "api", **settings: Any) -> dict[str, Any]:
        """Create a service of one task in the lab's cluster."""
        asked = {"desiredCount": 1, "launchType": "FARGATE", **settings}
        return self.call(
            "CreateService",
            cluster="lg",
            serviceName=name,
            taskDefinition=definition,
            networkConfiguration=self.network,
            **asked,
        )

    def tick(self, times: int = 1, seconds: float = 1.0) -> None:
        """Let time pass, looking at everything after each step."""
        for _ in range(times):
            self.clock[0] += seconds
            self.scheduler.tick()

    def service(self, name: str = "api") -> dict[str, Any]:
        """What DescribeServices says."""
        answer = self.call("DescribeServices", cluster="lg", services=[name])
        found: dict[str, Any] = answer["services"][0]
        return found

    def tasks(self, status: str = "RUNNING", name: str = "api") -> list[dict[str, Any]]:
        """What DescribeTasks says of the service's tasks."""
        arns = self.call("ListTasks", cluster="lg", serviceName=name, desiredStatus=status)
        answer = self.call("DescribeTasks", cluster="lg", tasks=arns["taskArns"])
        return list(answer["tasks"])

    def end(self, task: dict[str, Any], code: int) -> None:
        """Let the first container of a task end by itself."""
        self.runtime.ended[task["containers"][0]["containerArn"]] = code

    def messages(self, name: str = "api") -> list[str]:
        """The service's events, oldest first, without its name."""
        events = reversed(self.service(name)["events"])
        return [event["message"].removeprefix(f"(service {name}) ") for event in events]


@cache
def client(service: Any) -> Any:
    """A boto3 client that talks to moto."""
    return SESSION.client(service, REGION, aws_access_key_id="test", aws_secret_access_key="test")


@contextmanager
def lab(directory: Path) -> Iterator[Lab]:
    """A cluster, a network, a role, and the scheduler, without threads."""
    with mock_aws():
        yield _build(directory)


def _build(directory: Path) -> Lab:
    iam, ec2 = client("iam"), client("ec2")
    iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    role = iam.create_role(RoleName="exec", AssumeRolePolicyDocument=json.dumps(TRUST))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=vpc)["GroupId"]
    client("ecs").create_cluster(clusterName="lg")
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}}
    world = World(
        directory=directory,
        region=REGION,
        addresses=Addresses(98),
        hosts=Hosts(directory / "hosts.json"),
    )
    state, hooks, runtime, clock = State(), Hooks(), FakeRuntime(), [1000.0]
    Api(world, state).register(hooks)
    made: list[Lab] = []
    registration = Registration(
        state,
        world.hosts,
        lambda _group, address, _port: made[0].target_states.get(address, "healthy"),
        lambda _group, address, _port: address not in made[0].in_flight,
    )

    def now() -> float:
        return clock[0]

    def note(service: Service, words: str) -> None:
        tell(service, words, now())

    lifecycle = Lifecycle(state, runtime, registration, now, note, elapsed=now)
    scheduler = Scheduler(state, lifecycle, registration, now)
    arn = str(role["Role"]["Arn"])
    made.append(Lab(world, hooks, state, runtime, scheduler, network, arn, clock))
    return made[0]

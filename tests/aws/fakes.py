"""An ECS that says what a test wants, in the place of AWS's answers."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

from byoc_infra.aws.session import Session

CLUSTER = "langgraph-cloud-cluster"
OLD = "arn:aws:ecs:eu-west-1:222222222222:task-definition/lg-x-api:1"
NEW = "arn:aws:ecs:eu-west-1:222222222222:task-definition/lg-x-api:2"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:targetgroup/lg-x/abc"
NOON = datetime.datetime(2026, 11, 23, 12, 0, 0, tzinfo=datetime.UTC)


def task(number: int = 1, definition: str = NEW, **more: Any) -> dict[str, Any]:
    """A healthy task."""
    return {
        "taskArn": f"arn:aws:ecs:eu-west-1:222222222222:task/{CLUSTER}/t{number}",
        "taskDefinitionArn": definition,
        "lastStatus": "RUNNING",
        "healthStatus": "HEALTHY",
        "createdAt": NOON,
        "attachments": [{"details": [{"name": "privateIPv4Address", "value": f"10.0.0.{number}"}]}],
        **more,
    }


def service(definition: str = NEW, rollout: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    """A service that wants one task."""
    primary = {
        "status": "PRIMARY",
        "taskDefinition": definition,
        "rolloutState": rollout,
        **more.pop("primary", {}),
    }
    return {
        "status": "ACTIVE",
        "desiredCount": 1,
        "taskDefinition": definition,
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": True}},
        "deployments": [primary],
        **more,
    }


def target(number: int = 1, state: str = "healthy", **more: str) -> dict[str, Any]:
    """A target of the balancer."""
    return {"Target": {"Id": f"10.0.0.{number}"}, "TargetHealth": {"State": state, **more}}


class FakeSession(Session):
    """Answers by operation; an answer may be data, a function of the parameters, or an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "describe_services": {"services": [service()]},
            "list_tasks": lambda **p: {"taskArns": self._arns(p["desiredStatus"])},
            "describe_tasks": lambda **p: {
                "tasks": [t for t in self.tasks + self.stopped if t["taskArn"] in p["tasks"]]
            },
            "describe_target_health": {"TargetHealthDescriptions": [target()]},
            "describe_task_definition": {
                "taskDefinition": {
                    "containerDefinitions": [
                        {
                            "name": "api",
                            "logConfiguration": {
                                "options": {
                                    "awslogs-group": "/aws/ecs/langgraph-cloud",
                                    "awslogs-stream-prefix": "lg-x",
                                }
                            },
                        }
                    ]
                }
            },
            "get_log_events": {"events": []},
            **answers,
        }
        self.tasks: list[dict[str, Any]] = [task()]
        self.stopped: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def _arns(self, desired: str) -> list[str]:
        return [t["taskArn"] for t in (self.tasks if desired == "RUNNING" else self.stopped)]

    def ask(
        self,
        service: str,
        operation: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: Any,
    ) -> dict[str, Any]:
        """The answer that was set up."""
        self.asked.append((operation, params))
        answer = self.answers[operation]
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer(**params) if isinstance(answer, Callable) else answer  # type: ignore[arg-type]  # a callable is a function here
        return found

    def each(
        self,
        service: str,
        operation: str,
        key: str,
        /,
        *,
        absent: frozenset[str] = frozenset(),
        **params: Any,
    ) -> Iterator[Any]:
        """One page."""
        yield from self.ask(service, operation, **params)[key]

"""The model as the ECS API shows it."""

from typing import Any

from byoc_infra.local.compute.model import Container, Deployment, Service, State, Task

__all__ = ["deployment_view", "service_view", "task_view"]

KEPT = (
    "loadBalancers",
    "serviceRegistries",
    "deploymentConfiguration",
    "networkConfiguration",
    "healthCheckGracePeriodSeconds",
    "schedulingStrategy",
    "deploymentController",
    "enableECSManagedTags",
    "propagateTags",
    "enableExecuteCommand",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
)


def service_view(state: State, service: Service, *, tags: bool = True) -> dict[str, Any]:
    """A service as DescribeServices gives it."""
    tasks = state.tasks_of(service.arn)
    shown = {key: service.asked[key] for key in KEPT if key in service.asked}
    shown |= {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum(t.status == "RUNNING" for t in tasks),
        "pendingCount": sum(t.alive and t.status != "RUNNING" for t in tasks),
        "taskDefinition": service.asked["taskDefinition"],
        "platformFamily": "Linux",
        "deployments": [deployment_view(service, d, tasks) for d in service.deployments],
        "roleArn": f"arn:aws:iam::{service.account_id}:role/aws-service-role/"
        "ecs.amazonaws.com/AWSServiceRoleForECS",
        "events": service.events,
        "createdAt": service.created_at,
        "createdBy": service.created_by,
    }
    if service.status == "INACTIVE":
        shown |= {"deployments": [], "desiredCount": 0}
    return {**shown, "tags": service.tags} if tags and service.tags else shown


def deployment_view(service: Service, one: Deployment, tasks: list[Task]) -> dict[str, Any]:
    """A deployment, with the counts of its own tasks."""
    own = [t for t in tasks if t.deployment_id == one.id]
    wanted = service.desired if one.status == "PRIMARY" else sum(t.alive for t in own)
    settings: dict[str, Any] = {
        key: one.settings[key]
        for key in ("networkConfiguration", "launchType", "platformVersion")
        if key in one.settings
    }
    return {
        **settings,
        "id": one.id,
        "status": one.status,
        "taskDefinition": one.definition_arn,
        "desiredCount": wanted,
        "pendingCount": sum(t.alive and t.status != "RUNNING" for t in own),
        "runningCount": sum(t.status == "RUNNING" for t in own),
        "failedTasks": one.failed_tasks,
        "createdAt": one.created_at,
        "updatedAt": one.updated_at,
        "platformFamily": "Linux",
        "rolloutState": one.rollout,
        "rolloutStateReason": one.reason,
    }


def task_view(task: Task, *, tags: bool = False) -> dict[str, Any]:
    """A task as DescribeTasks gives it; what is not known yet is absent."""
    shown: dict[str, Any] = {
        "taskArn": task.arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.definition_arn,
        "group": task.group,
        "startedBy": task.started_by,
        "lastStatus": task.status,
        "desiredStatus": task.desired,
        "healthStatus": task.health,
        "launchType": task.launch_type,
        "platformVersion": task.platform_version,
        "platformFamily": "Linux",
        "availabilityZone": task.zone,
        "cpu": task.definition.get("cpu"),
        "memory": task.definition.get("memory"),
        "containers": [_container_view(task, c) for c in task.containers],
        "attachments": [_attachment(task)],
        "overrides": {"containerOverrides": [{"name": c.name} for c in task.containers]},
        "attributes": [],
        "enableExecuteCommand": False,
        "ephemeralStorage": task.definition.get("ephemeralStorage") or {"sizeInGiB": 20},
        "connectivity": "CONNECTED" if task.address else None,
        "connectivityAt": task.started_at,
        "createdAt": task.created_at,
        "pullStartedAt": task.created_at,
        "startedAt": task.started_at,
        "stoppingAt": task.stopping_at,
        "executionStoppedAt": task.stopped_at,
        "stoppedAt": task.stopped_at,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "version": task.version,
        "tags": task.tags if tags else None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _container_view(task: Task, one: Container) -> dict[str, Any]:
    shown = {
        "containerArn": one.arn,
        "taskArn": task.arn,
        "name": one.name,
        "image": one.image,
        "imageDigest": one.digest,
        "runtimeId": f"{task.id}-{one.arn[-10:]}",
        "lastStatus": one.status,
        "exitCode": one.exit_code,
        "reason": one.reason,
        "healthStatus": one.health,
        "cpu": str(one.definition.get("cpu", 0)),
        "networkBindings": [],
        "networkInterfaces": [{"privateIpv4Address": task.address}] if task.address else [],
    }
    return {key: value for key, value in shown.items() if value is not None}


def _attachment(task: Task) -> dict[str, Any]:
    details = [{"name": "subnetId", "value": task.subnet_id}]
    if task.address:
        details.append({"name": "privateIPv4Address", "value": task.address})
    ended = task.status == "STOPPED"
    return {
        "id": f"{task.id[:8]}-eni",
        "type": "ElasticNetworkInterface",
        "status": "DELETED" if ended else ("ATTACHED" if task.address else "PRECREATED"),
        "details": details,
    }

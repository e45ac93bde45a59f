"""The ECS API for services and tasks, in place of moto's static records."""

import secrets
from typing import Any

from moto.ecs.models import ecs_backends

from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.fargate import check_definition
from byoc_infra.local.compute.making import make_task
from byoc_infra.local.compute.model import Deployment, Service, State, Task
from byoc_infra.local.compute.validate import check_service, refused
from byoc_infra.local.compute.view import service_view, task_view
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call
from byoc_infra.local.world import World

__all__ = ["Api"]

NEW_DEPLOYMENT = (
    "taskDefinition",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "platformVersion",
    "capacityProviderStrategy",
    "propagateTags",
    "enableECSManagedTags",
)
"""Changing one of these starts a deployment; other changes only change the service."""
OF_A_DEPLOYMENT = (
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "platformVersion",
    "launchType",
)
NOT_SETTINGS = ("cluster", "service", "clientToken", "tags", "forceNewDeployment", "role")
DEFAULT_CONFIGURATION = {
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
}


class Api:
    """Answers each operation; one method an operation."""

    def __init__(self, world: World, state: State) -> None:
        self.world = world
        self.state = state

    def register(self, hooks: Hooks) -> None:
        """Take over the operations on services and tasks."""
        for operation, method in {
            "CreateService": self.create_service,
            "UpdateService": self.update_service,
            "DeleteService": self.delete_service,
            "DescribeServices": self.describe_services,
            "ListServices": self.list_services,
            "ListTasks": self.list_tasks,
            "DescribeTasks": self.describe_tasks,
            "StopTask": self.stop_task,
            "RunTask": self.run_task,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }.items():
            hooks.handle("ecs", operation, method)
        hooks.before("ecs", "RegisterTaskDefinition", lambda call: check_definition(call.params))
        hooks.before("ecs", "DeleteCluster", self.check_delete_cluster)

    def create_service(self, call: Call) -> dict[str, Any]:
        """CreateService."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        name = str(call.params.get("serviceName", ""))
        arn = f"arn:aws:ecs:{call.region}:{call.account_id}:service/{cluster.name}/{name}"
        before = self.state.services.get(arn)
        if before is not None and before.status == "DRAINING":
            raise refused("Unable to Start a service that is still Draining.")
        if before is not None and before.status == "ACTIVE":
            token = call.params.get("clientToken")
            if token and token == before.client_token:
                return {"service": service_view(self.state, before)}
            raise refused("Creation of service was not idempotent.")
        definition = lookups.definition(
            call.account_id, call.region, str(call.params.get("taskDefinition", ""))
        )
        asked = self._settings(call, definition.arn)
        check_service(call, asked, lookups.document(definition))
        service = self._new_service(call, arn, cluster.arn, asked)
        self.state.services[arn] = service
        return {"service": service_view(self.state, service)}

    def update_service(self, call: Call) -> dict[str, Any]:
        """UpdateService; starts a deployment where what tasks are made of has changed."""
        service = self._find(call)
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        changes = {k: v for k, v in call.params.items() if k not in NOT_SETTINGS and v is not None}
        reference = str(changes.get("taskDefinition") or service.asked["taskDefinition"])
        starts = bool(call.params.get("forceNewDeployment"))
        if "taskDefinition" in changes or starts:
            changes["taskDefinition"] = lookups.definition(
                call.account_id, call.region, reference
            ).arn
        if "deploymentConfiguration" in changes:
            changes["deploymentConfiguration"] = {
                **service.asked["deploymentConfiguration"],
                **changes["deploymentConfiguration"],
            }
        merged = {**service.asked, **changes}
        if starts or "taskDefinition" in changes:
            found = lookups.definition(call.account_id, call.region, merged["taskDefinition"])
            check_service(call, merged, lookups.document(found))
        starts = starts or any(merged.get(k) != service.asked.get(k) for k in NEW_DEPLOYMENT)
        service.asked = merged
        service.desired = int(merged.get("desiredCount", service.desired))
        service.steady = False
        if starts:
            self._start_deployment(service)
        return {"service": service_view(self.state, service)}

    def delete_service(self, call: Call) -> dict[str, Any]:
        """DeleteService: DRAINING until its tasks have stopped, then INACTIVE."""
        service = self._find(call)
        if service.status == "INACTIVE":
            raise AwsError("ServiceNotFoundException", "Service not found.")
        if service.desired > 0 and not call.params.get("force"):
            raise refused("The service cannot be stopped while it is scaled above 0.")
        service.desired = 0
        left = self.state.tasks_of(service.arn)
        service.status = "DRAINING" if left else "INACTIVE"
        shown = service_view(self.state, service)
        return {"service": {**shown, "status": "DRAINING"}}

    def describe_services(self, call: Call) -> dict[str, Any]:
        """DescribeServices."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        services, failures = [], []
        tags = "TAGS" in (call.params.get("include") or ())
        for asked in call.params.get("services") or ():
            found = self._by_name(call, cluster.name, asked)
            if found is None:
                arn = self._service_arn(call, cluster.name, asked)
                failures.append({"arn": arn, "reason": "MISSING"})
            else:
                services.append(service_view(self.state, found, tags=tags))
        return {"services": services, "failures": failures}

    def list_services(self, call: Call) -> dict[str, Any]:
        """ListServices."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        launch = call.params.get("launchType")
        arns = [
            service.arn
            for service in self.state.services.values()
            if service.cluster_arn == cluster.arn
            and service.status != "INACTIVE"
            and launch in (None, service.asked.get("launchType"))
        ]
        return {"serviceArns": arns}

    def list_tasks(self, call: Call) -> dict[str, Any]:
        """ListTasks; without desiredStatus those that are meant to run."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        named = call.params.get("serviceName")
        service = self._by_name(call, cluster.name, named) if named else None
        if named and service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        wanted = call.params.get("desiredStatus") or "RUNNING"
        family, starter = call.params.get("family"), call.params.get("startedBy")
        arns = [
            task.arn
            for task in self.state.tasks.values()
            if task.cluster_arn == cluster.arn
            and task.desired == wanted
            and (service is None or task.service_arn == service.arn)
            and family in (None, task.definition["family"])
            and starter in (None, task.started_by)
        ]
        return {"taskArns": arns}

    def describe_tasks(self, call: Call) -> dict[str, Any]:
        """DescribeTasks."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        tags = "TAGS" in (call.params.get("include") or ())
        tasks, failures = [], []
        for asked in call.params.get("tasks") or ():
            found = self._task(call, cluster.name, asked)
            if found is None:
                failures.append({"arn": _task_arn(call, cluster.name, asked), "reason": "MISSING"})
            else:
                tasks.append(task_view(found, tags=tags))
        return {"tasks": tasks, "failures": failures}

    def stop_task(self, call: Call) -> dict[str, Any]:
        """StopTask; a service starts another one in its place."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        task = self._task(call, cluster.name, str(call.params.get("task", "")))
        if task is None:
            raise refused("The referenced task was not found.")
        if task.alive:
            task.desired = "STOPPED"
            task.stop_code = "UserInitiated"
            task.stopped_reason = call.params.get("reason") or "Task stopped by user"
        return {"task": task_view(task)}

    def run_task(self, call: Call) -> dict[str, Any]:
        """RunTask: tasks without a service; overrides are not modelled and refused."""
        if (call.params.get("overrides") or {}).get("containerOverrides"):
            raise refused("Container overrides are not modelled by the local cloud.")
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        reference = str(call.params.get("taskDefinition", ""))
        found = lookups.definition(call.account_id, call.region, reference)
        tasks = [
            make_task(
                now=self.world.now(),
                account_id=call.account_id,
                region=call.region,
                cluster_arn=cluster.arn,
                definition_arn=found.arn,
                definition=lookups.document(found),
                settings=dict(call.params),
                group=call.params.get("group") or f"family:{found.family}",
                started_by=call.params.get("startedBy") or "",
                tags=list(call.params.get("tags") or ()),
            )
            for _ in range(int(call.params.get("count") or 1))
        ]
        self.state.tasks |= {task.arn: task for task in tasks}
        return {"tasks": [task_view(task) for task in tasks], "failures": []}

    def tag_resource(self, call: Call) -> dict[str, Any]:
        """TagResource."""
        arn, tags = call.params["resourceArn"], list(call.params.get("tags") or ())
        own = self._tagged(arn)
        if own is None:
            named = {tag["key"]: tag.get("value", "") for tag in tags}
            ecs_backends[call.account_id][call.region].tag_resource(arn, named)
            return {}
        changed = {tag["key"] for tag in tags}
        own.tags = [tag for tag in own.tags if tag["key"] not in changed] + tags
        return {}

    def untag_resource(self, call: Call) -> dict[str, Any]:
        """UntagResource."""
        arn, keys = call.params["resourceArn"], list(call.params.get("tagKeys") or ())
        own = self._tagged(arn)
        if own is None:
            ecs_backends[call.account_id][call.region].untag_resource(arn, keys)
        else:
            own.tags = [tag for tag in own.tags if tag["key"] not in keys]
        return {}

    def list_tags_for_resource(self, call: Call) -> dict[str, Any]:
        """ListTagsForResource."""
        arn = call.params["resourceArn"]
        own = self._tagged(arn)
        if own is not None:
            return {"tags": own.tags}
        backend = ecs_backends[call.account_id][call.region]
        return {"tags": backend.list_tags_for_resource(arn)}

    def check_delete_cluster(self, call: Call) -> None:
        """A cluster with services or tasks stays."""
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        services = self.state.services.values()
        if any(s.cluster_arn == cluster.arn and s.status != "INACTIVE" for s in services):
            raise AwsError(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            )
        tasks = self.state.tasks.values()
        if any(t.cluster_arn == cluster.arn and t.status != "STOPPED" for t in tasks):
            raise AwsError(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            )

    def _settings(self, call: Call, definition_arn: str) -> dict[str, Any]:
        asked = {k: v for k, v in call.params.items() if k not in NOT_SETTINGS and v is not None}
        return {
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "enableECSManagedTags": False,
            "propagateTags": "NONE",
            "enableExecuteCommand": False,
            "availabilityZoneRebalancing": "DISABLED",
            "placementConstraints": [],
            "placementStrategy": [],
            "loadBalancers": [],
            "serviceRegistries": [],
            "launchType": "FARGATE",
            "platformVersion": "LATEST",
            "desiredCount": 0,
            **asked,
            "taskDefinition": definition_arn,
            "deploymentConfiguration": {
                **DEFAULT_CONFIGURATION,
                **(asked.get("deploymentConfiguration") or {}),
            },
        }

    def _new_service(
        self, call: Call, arn: str, cluster_arn: str, asked: dict[str, Any]
    ) -> Service:
        service = Service(
            arn=arn,
            name=asked["serviceName"],
            account_id=call.account_id,
            region=call.region,
            cluster_arn=cluster_arn,
            asked=asked,
            created_at=self.world.now(),
            created_by=call.principal.role_arn or call.principal.arn,
            desired=int(asked["desiredCount"]),
            deployments=[],
            tags=list(call.params.get("tags") or ()),
            client_token=call.params.get("clientToken"),
        )
        self._start_deployment(service)
        return service

    def _start_deployment(self, service: Service) -> None:
        now = self.world.now()
        for one in service.deployments:
            one.status = "ACTIVE"
        fresh = Deployment(
            id=f"ecs-svc/{secrets.randbelow(9 * 10**18) + 10**18}",
            definition_arn=service.asked["taskDefinition"],
            settings={k: service.asked[k] for k in OF_A_DEPLOYMENT if k in service.asked},
            created_at=now,
            updated_at=now,
        )
        fresh.reason = f"ECS deployment {fresh.id} in progress."
        service.deployments.insert(0, fresh)

    def _find(self, call: Call) -> Service:
        cluster = lookups.cluster(call.account_id, call.region, call.params.get("cluster"))
        found = self._by_name(call, cluster.name, str(call.params.get("service", "")))
        if found is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        return found

    def _by_name(self, call: Call, cluster: str, asked: str) -> Service | None:
        return self.state.services.get(self._service_arn(call, cluster, asked))

    @staticmethod
    def _service_arn(call: Call, cluster: str, asked: str) -> str:
        if asked.startswith("arn:"):
            return asked
        return f"arn:aws:ecs:{call.region}:{call.account_id}:service/{cluster}/{asked}"

    def _task(self, call: Call, cluster: str, asked: str) -> Task | None:
        return self.state.tasks.get(_task_arn(call, cluster, asked))

    def _tagged(self, arn: str) -> Service | Task | None:
        if ":service/" not in arn and ":task/" not in arn:
            return None
        own: Service | Task | None = self.state.services.get(arn) or self.state.tasks.get(arn)
        if own is None:
            raise refused("The specified resource is not found. Specify a valid ARN.")
        return own


def _task_arn(call: Call, cluster: str, asked: str) -> str:
    if asked.startswith("arn:"):
        return asked
    return f"arn:aws:ecs:{call.region}:{call.account_id}:task/{cluster}/{asked}"

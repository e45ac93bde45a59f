"""ECS: what each operation on clusters, task definitions, services and tasks asks.

Names and ARNs of clusters, services and tasks are both taken by the API; what is judged is always
the ARN in the caller's account, because that is what is then acted on.
"""

from byoc_infra.local.authorizer.actions._keys import Keys, Value, Values, fixed, said, switch
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    asked_tags,
    creates_service_role,
    needs,
    passes_role,
    reads,
    removed_tags,
    values,
)
from byoc_infra.local.authorizer.state import task_definition, task_roles
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]


_TASKS = "ecs-tasks.amazonaws.com"
_TO_TASKS: Keys = {"iam:PassedToService": fixed(_TASKS)}
_NETWORK = "networkConfiguration.awsvpcConfiguration"


def _base(call: Call) -> str:
    return f"arn:aws:ecs:{call.region}:{call.account_id}"


def _last(name: object) -> str:
    return str(name).rsplit("/", 1)[-1]


def _cluster_name(call: Call) -> str:
    """The cluster that is meant; AWS's is called `default` where none is said."""
    return _last(call.params.get("cluster") or call.params.get("clusterName") or "default")


def _cluster(call: Call) -> tuple[str, ...]:
    return (f"{_base(call)}:cluster/{_cluster_name(call)}",)


def _clusters(call: Call) -> tuple[str, ...]:
    names = call.params.get("clusters") or ["default"]
    return tuple(f"{_base(call)}:cluster/{_last(name)}" for name in names)


def _service(parameter: str) -> Resources:
    def resources(call: Call) -> tuple[str, ...]:
        name = _last(call.params.get(parameter, "*"))
        return (f"{_base(call)}:service/{_cluster_name(call)}/{name}",)

    return resources


def _services(call: Call) -> tuple[str, ...]:
    names = call.params.get("services") or ["*"]
    return tuple(f"{_base(call)}:service/{_cluster_name(call)}/{_last(name)}" for name in names)


def _tasks(parameter: str) -> Resources:
    def resources(call: Call) -> tuple[str, ...]:
        value = call.params.get(parameter) or "*"
        ids = value if isinstance(value, list) else [value]
        return tuple(f"{_base(call)}:task/{_cluster_name(call)}/{_last(item)}" for item in ids)

    return resources


def _family(call: Call) -> tuple[str, ...]:
    return (f"{_base(call)}:task-definition/{call.params.get('family', '*')}:*",)


def _definitions(call: Call) -> tuple[str, ...]:
    names = call.params.get("taskDefinitions") or [call.params.get("taskDefinition", "*")]
    return tuple(f"{_base(call)}:task-definition/{_last(name)}" for name in names)


def _roles_of_definition(call: Call) -> tuple[str, ...]:
    """Who starts a task hands it the roles of its definition."""
    name = _last(call.params.get("taskDefinition", ""))
    return task_roles(call.account_id, call.region, name)


def _instances(call: Call) -> tuple[str, ...]:
    return (f"{_base(call)}:container-instance/{_cluster_name(call)}/*",)


def _service_deployments(call: Call) -> tuple[str, ...]:
    return tuple(
        call.params.get("serviceDeploymentArns") or [f"{_base(call)}:service-deployment/*"]
    )


def _services_of_deployments(call: Call) -> tuple[str, ...]:
    """A deployment's ARN is `service-deployment/<cluster>/<service>/<id>`."""
    return tuple(
        arn.replace(":service-deployment/", ":service/", 1).rpartition("/")[0]
        for arn in _service_deployments(call)
    )


def _definition(call: Call) -> str | None:
    """The task definition that is named, as an ARN with its revision where there is one."""
    name = call.params.get("taskDefinition")
    if not name:
        return None
    found = task_definition(call.account_id, call.region, _last(name))
    return str(found.arn) if found else f"{_base(call)}:task-definition/{_last(name)}"


def _size(attribute: str) -> Value:
    """The CPU or memory of the task definition that is named."""

    def value(call: Call) -> Values | None:
        name = _last(call.params.get("taskDefinition") or "")
        held = getattr(task_definition(call.account_id, call.region, name), attribute, None)
        return str(held) if held else None

    return value


def _providers(call: Call) -> Values | None:
    wanted = call.params.get("capacityProviderStrategy") or []
    base = f"{_base(call)}:capacity-provider"
    return tuple(f"{base}/{_last(item.get('capacityProvider', ''))}" for item in wanted) or None


def _volumes(call: Call) -> Values | None:
    wanted = call.params.get("volumeConfigurations")
    return str(any("managedEBSVolume" in item for item in wanted)).lower() if wanted else None


def _privileged(call: Call) -> Values | None:
    stated = said("containerDefinitions.privileged")(call) or ()
    return str("true" in stated).lower() if stated else None


_IN_CLUSTER: Keys = {"ecs:cluster": lambda call: _cluster(call)[0]}
_TASK_OF: Keys = {
    "ecs:capacity-provider": _providers,
    "ecs:enable-ebs-volumes": _volumes,
    "ecs:enable-execute-command": switch("enableExecuteCommand"),
}
_SERVICE_OF: Keys = {
    **_IN_CLUSTER,
    **_TASK_OF,
    "ecs:auto-assign-public-ip": switch(f"{_NETWORK}.assignPublicIp", on="ENABLED"),
    "ecs:enable-ecs-managed-tags": switch("enableECSManagedTags"),
    "ecs:enable-service-connect": switch("serviceConnectConfiguration.enabled"),
    "ecs:enable-vpc-lattice": lambda call: (
        "true" if call.params.get("vpcLatticeConfigurations") else None
    ),
    "ecs:namespace": said("serviceConnectConfiguration.namespace"),
    "ecs:propagate-tags": said("propagateTags"),
    "ecs:subnet": said(f"{_NETWORK}.subnets"),
    "ecs:task-cpu": _size("cpu"),
    "ecs:task-definition": _definition,
    "ecs:task-memory": _size("memory"),
}
_DEFINITION_OF: Keys = {
    "ecs:compute-compatibility": said("requiresCompatibilities"),
    "ecs:privileged": _privileged,
    "ecs:task-cpu": said("cpu"),
    "ecs:task-memory": said("memory"),
}


def _tags_on_create(operation: str, resources: Resources) -> Rule:
    return needs(
        "ecs:TagResource",
        resources,
        tagged=True,
        keys={"ecs:CreateAction": fixed(operation)},
        when=lambda call: bool(asked_tags(call)),
    )


_ROLE = creates_service_role("ecs.amazonaws.com", "AWSServiceRoleForECS")

ROWS: dict[str, Row] = {
    "CreateCluster": (
        needs("ecs:CreateCluster", _cluster, tagged=True),
        _tags_on_create("CreateCluster", _cluster),
        _ROLE,
    ),
    "DescribeClusters": (needs("ecs:DescribeClusters", _clusters),),
    "UpdateCluster": (needs("ecs:UpdateCluster", _cluster),),
    "UpdateClusterSettings": (needs("ecs:UpdateClusterSettings", _cluster),),
    "PutClusterCapacityProviders": (needs("ecs:PutClusterCapacityProviders", _cluster),),
    "DeleteCluster": (needs("ecs:DeleteCluster", _cluster),),
    "RegisterTaskDefinition": (
        needs("ecs:RegisterTaskDefinition", _family, tagged=True, keys=_DEFINITION_OF),
        *passes_role(_TASKS, "taskRoleArn", "executionRoleArn"),
        _tags_on_create("RegisterTaskDefinition", _family),
    ),
    "DeleteTaskDefinitions": (needs("ecs:DeleteTaskDefinitions", _definitions),),
    "CreateService": (
        needs("ecs:CreateService", _service("serviceName"), tagged=True, keys=_SERVICE_OF),
        _tags_on_create("CreateService", _service("serviceName")),
        _ROLE,
    ),
    "UpdateService": (needs("ecs:UpdateService", _service("service"), keys=_SERVICE_OF),),
    "DeleteService": (needs("ecs:DeleteService", _service("service"), keys=_IN_CLUSTER),),
    "DescribeServices": (needs("ecs:DescribeServices", _services, keys=_IN_CLUSTER),),
    "ListServices": (needs("ecs:ListServices", keys=_IN_CLUSTER),),
    "ListServiceDeployments": (
        needs("ecs:ListServiceDeployments", _service("service"), keys=_IN_CLUSTER),
    ),
    "DescribeServiceDeployments": (
        needs("ecs:DescribeServiceDeployments", _services_of_deployments),
        needs("ecs:DescribeServiceDeployments", _service_deployments),
    ),
    "ListTasks": (needs("ecs:ListTasks", _instances, keys=_IN_CLUSTER),),
    "DescribeTasks": (needs("ecs:DescribeTasks", _tasks("tasks"), keys=_IN_CLUSTER),),
    "StopTask": (needs("ecs:StopTask", _tasks("task"), keys=_IN_CLUSTER),),
    "RunTask": (
        needs("ecs:RunTask", _definitions, tagged=True, keys={**_IN_CLUSTER, **_TASK_OF}),
        needs("iam:PassRole", _roles_of_definition, keys=_TO_TASKS),
        _tags_on_create("RunTask", _tasks("")),
    ),
    "ExecuteCommand": (
        needs("ecs:ExecuteCommand", _cluster),
        needs(
            "ecs:ExecuteCommand",
            _tasks("task"),
            keys={
                **_IN_CLUSTER,
                "ecs:container-name": said("container"),
                "ecs:task": lambda call: next(iter(_tasks("task")(call))),
            },
        ),
    ),
    "TagResource": (needs("ecs:TagResource", values("resourceArn"), tagged=True),),
    "UntagResource": (
        needs("ecs:UntagResource", values("resourceArn"), keys={"aws:TagKeys": removed_tags}),
    ),
    "ListTagsForResource": (needs("ecs:ListTagsForResource", values("resourceArn")),),
    **reads(
        "ecs",
        "DeregisterTaskDefinition DescribeTaskDefinition ListClusters ListTaskDefinitionFamilies "
        "ListTaskDefinitions",
    ),
}

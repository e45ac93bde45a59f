"""ECS services."""

from collections.abc import Iterable
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from byoc_infra.local.provider.aws import LONGEST_POLL_S, ProviderError, StoppedWaitingError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import params, tag_list, tag_map
from byoc_infra.local.provider.services.ecs import Ecs

__all__ = ["Service"]

_STILL_ROLLING = "The service cannot be stopped while deployments are active."
_DELETE_TRIES = 150


class Service(Ecs):
    """`aws:ecs/service:Service`; ecs: resourceServiceCreate, …Read, …Update, …Delete."""

    type_name = "aws:ecs/service:Service"
    title = "ECS Service"
    gone = ("ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException")
    unmodelled = (
        "alarms",
        "deploymentConfiguration.bakeTimeInMinutes",
        "deploymentConfiguration.canaryConfiguration",
        "deploymentConfiguration.lifecycleHooks",
        "deploymentConfiguration.linearConfiguration",
        "deploymentController.type",
        "loadBalancers.advancedConfiguration",
        "loadBalancers.elbName",
        "serviceConnectConfiguration",
        "sigintRollback",
        "triggers",
        "volumeConfiguration",
        "vpcLatticeConfigurations",
    )
    plain: ClassVar[dict[str, str]] = {
        "availabilityZoneRebalancing": "availabilityZoneRebalancing",
        "enableExecuteCommand": "enableExecuteCommand",
        "enableEcsManagedTags": "enableECSManagedTags",
        "healthCheckGracePeriodSeconds": "healthCheckGracePeriodSeconds",
        "platformVersion": "platformVersion",
        "propagateTags": "propagateTags",
        "taskDefinition": "taskDefinition",
        "loadBalancers": "loadBalancers",
        "orderedPlacementStrategies": "placementStrategy",
        "placementConstraints": "placementConstraints",
        "capacityProviderStrategies": "capacityProviderStrategy",
    }

    def make(self, new: Props) -> str:
        """CreateService, with tags."""
        replica = new.get("schedulingStrategy") != "DAEMON"
        answer = self.ecs.create_service(
            serviceName=new["name"],
            deploymentConfiguration=_deployment(new),
            **({"desiredCount": new.get("desiredCount") or 0} if replica else {}),
            **params(
                new,
                **self.plain,
                cluster="cluster",
                launchType="launchType",
                schedulingStrategy="schedulingStrategy",
                deploymentController="deploymentController",
                iamRole="role",
            ),
            **_network(new),
            **_registries(new),
            **({"tags": tag_list(new["tagsAll"], "key", "value")} if new.get("tagsAll") else {}),
        )
        arn: str = answer["service"]["serviceArn"]
        return arn

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for ACTIVE, or with `waitForSteadyState` for the deployment to end."""
        what = f"ECS Service ({resource_id}) create"
        ready = self._steady if new.get("waitForSteadyState") else self._active
        self.aws.wait(what, lambda: ready(resource_id, new), timeout_s=1200)

    def _find(self, resource_id: str, state: Props, *, tags: bool = False) -> Json:
        cluster = state.get("cluster") or _cluster_in(resource_id)
        answer = self.ecs.describe_services(
            services=[resource_id],
            **({"cluster": cluster} if cluster else {}),
            **({"include": ["TAGS"]} if tags else {}),
        )
        return next(iter(answer["services"]), None)

    def _active(self, resource_id: str, state: Props) -> Json:
        service = self._find(resource_id, state)
        return service if service and service["status"] == "ACTIVE" else None

    def _steady(self, resource_id: str, state: Props) -> Json:
        service = self._active(resource_id, state)
        if service is None:
            return None
        primary = [d for d in service["deployments"] if d["status"] == "PRIMARY"]
        if any(d.get("rolloutState") == "FAILED" for d in service["deployments"]):
            reason = next(d.get("rolloutStateReason") for d in service["deployments"])
            text = f"deployment failed: {reason}"
            raise ProviderError(text)
        done = (
            len(service["deployments"]) == 1 and service["runningCount"] == service["desiredCount"]
        )
        return service if done and primary else None

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeServices; one that is not ACTIVE counts as gone."""
        service = self._find(resource_id, state, tags=True)
        if service is None or service["status"] != "ACTIVE":
            return None
        found = {name: service.get(key) for name, key in self.plain.items()}
        controller = service.get("deploymentController")
        if found["propagateTags"] == "NONE" and not state.get("propagateTags"):
            del found["propagateTags"]  # to AWS the same as absent
        return {
            **found,
            **_rollout(service, {**self.rules.defaults, **state}),
            "arn": service["serviceArn"],
            "name": service["serviceName"],
            "cluster": service["clusterArn"],
            "desiredCount": service["desiredCount"],
            "launchType": service.get("launchType"),
            "schedulingStrategy": service.get("schedulingStrategy"),
            "deploymentController": controller or state.get("deploymentController"),
            "networkConfiguration": _from_network(service),
            "serviceRegistries": next(iter(service.get("serviceRegistries") or []), None),
            "triggers": state.get("triggers"),
            "iamRole": service.get("roleArn"),
            "tags": tag_map(service.get("tags"), "key", "value"),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """One UpdateService with what changed; `forceDelete` alone asks nothing."""
        if not changed - {"forceDelete"}:
            return None
        lists = {"loadBalancers", "orderedPlacementStrategies", "placementConstraints"}
        emptied: dict[str, Any] = {
            self.plain[name]: [] for name in lists & changed if not new.get(name)
        }
        self.ecs.update_service(
            cluster=new.get("cluster") or _cluster_in(resource_id),
            service=resource_id,
            forceNewDeployment=bool(new.get("forceNewDeployment")),
            **{**emptied, **params({n: new.get(n) for n in changed}, **self.plain)},
            **({"desiredCount": new.get("desiredCount") or 0} if "desiredCount" in changed else {}),
            **({"deploymentConfiguration": _deployment(new)} if changed & _ROLLOUT else {}),
            **(_network(new) if "networkConfiguration" in changed else {}),
            **(_registries(new, empty=True) if "serviceRegistries" in changed else {}),
        )
        self.settle(resource_id, new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """Drain (desired count 0), DeleteService, wait for INACTIVE."""
        service = self._find(resource_id, state)
        if service is None or service["status"] == "INACTIVE":
            return
        place = {"cluster": state.get("cluster") or _cluster_in(resource_id)}
        force = bool(state.get("forceDelete"))
        daemon = service.get("schedulingStrategy") == "DAEMON"
        if service["status"] != "DRAINING" and not daemon and not force:
            self.ecs.update_service(**place, service=resource_id, desiredCount=0)
        self._delete(place, resource_id, force=force)
        what = f"ECS Service ({resource_id}) delete"
        self.aws.wait(what, lambda: self._inactive(resource_id, state), timeout_s=1200)

    def _delete(self, place: dict[str, str], resource_id: str, *, force: bool) -> None:
        """Retried while deployments are active, as AWS words it."""
        for _ in range(_DELETE_TRIES):
            try:
                self.ecs.delete_service(**place, service=resource_id, force=force)
            except ClientError as refused:
                if _STILL_ROLLING not in str(refused):
                    raise
            else:
                return
            if self.aws.cancelled.wait(LONGEST_POLL_S):
                break
        text = f"deployments of {resource_id} are still active"
        raise StoppedWaitingError(text)

    def _inactive(self, resource_id: str, state: Props) -> bool | None:
        service = self._find(resource_id, state)
        return True if service is None or service["status"] == "INACTIVE" else None

    def found(self, import_id: str) -> tuple[str, Props]:
        """`clusterName/serviceName`."""
        cluster, _, name = import_id.rpartition("/")
        service = self._find(name, {"cluster": cluster})
        if not cluster or service is None:
            text = f"no service {name} in cluster {cluster}; the id is clusterName/serviceName"
            raise ProviderError(text)
        return service["serviceArn"], {"cluster": service["clusterArn"]}


_ROLLOUT = {
    "deploymentMaximumPercent",
    "deploymentMinimumHealthyPercent",
    "deploymentCircuitBreaker",
    "deploymentConfiguration",
}


def _cluster_in(service_arn: str) -> str:
    """The cluster's name in a service's ARN of the long form."""
    parts = service_arn.split("/")
    return parts[1] if len(parts) == 3 else ""


def _deployment(new: Props) -> dict[str, Any]:
    whole = params(
        new,
        deploymentMinimumHealthyPercent="minimumHealthyPercent",
        **(
            {"deploymentMaximumPercent": "maximumPercent"}
            if new.get("schedulingStrategy") != "DAEMON"
            else {}
        ),
    )
    breaker = new.get("deploymentCircuitBreaker")
    if breaker:
        whole["deploymentCircuitBreaker"] = params(breaker, enable="enable", rollback="rollback")
    strategy = (new.get("deploymentConfiguration") or {}).get("strategy")
    return {**whole, "strategy": strategy} if strategy else whole


def _rollout(service: Json, state: Props) -> Props:
    """Older answers leave the configuration out; then the state's own stays."""
    given = service.get("deploymentConfiguration")
    if not given:
        return {name: state.get(name) for name in _ROLLOUT}
    breaker = given.get("deploymentCircuitBreaker")
    on = breaker and (breaker.get("enable") or breaker.get("rollback"))
    strategy = given.get("strategy")
    return {
        "deploymentMaximumPercent": given.get("maximumPercent"),
        "deploymentMinimumHealthyPercent": given.get("minimumHealthyPercent"),
        "deploymentCircuitBreaker": _only(breaker, ("enable", "rollback")) if on else None,
        "deploymentConfiguration": {"strategy": strategy} if strategy else None,
    }


def _only(whole: Props, names: Iterable[str]) -> Props:
    return {name: whole.get(name, False) for name in names}


def _network(new: Props) -> dict[str, Any]:
    network = new.get("networkConfiguration")
    if not network:
        return {}
    public = "ENABLED" if network.get("assignPublicIp") else "DISABLED"
    where = params(network, subnets="subnets", securityGroups="securityGroups")
    return {"networkConfiguration": {"awsvpcConfiguration": {**where, "assignPublicIp": public}}}


def _from_network(service: Json) -> Props | None:
    where = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not where:
        return None
    return {
        "subnets": where.get("subnets", []),
        "securityGroups": where.get("securityGroups", []),
        "assignPublicIp": where.get("assignPublicIp") == "ENABLED",
    }


def _registries(new: Props, *, empty: bool = False) -> dict[str, Any]:
    registry = new.get("serviceRegistries")
    if not registry:
        return {"serviceRegistries": []} if empty else {}
    names = ("registryArn", "port", "containerPort", "containerName")
    given = {name: registry[name] for name in names if registry.get(name)}
    return {"serviceRegistries": [given]}

"""A task's places in target groups and in Cloud Map."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from moto.elbv2.exceptions import InvalidTargetError
from moto.elbv2.models import elbv2_backends
from moto.servicediscovery.exceptions import InstanceNotFound
from moto.servicediscovery.models import servicediscovery_backends

from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.model import Service, State, Task
from byoc_infra.local.world import Hosts

__all__ = ["Registration"]

Drained = Callable[[str, str, int], bool]
"""Whether a deregistered target (group, address, port) has nothing left to do."""
TargetState = Callable[[str, str, int], str]
"""A registered target's state: initial, healthy, unhealthy, …"""

OURS = "ECS_CLUSTER_NAME"
"""An attribute of every Cloud Map instance that ECS registers."""


class Registration:
    """Puts tasks into moto's target groups and namespaces, and takes them out."""

    def __init__(
        self, state: State, hosts: Hosts, target_state: TargetState, drained: Drained
    ) -> None:
        self.state = state
        self.hosts = hosts
        self.target_state = target_state
        self._drained = drained

    def enter(self, service: Service, task: Task) -> list[str]:
        """Register a task wherever its deployment says; the target groups it is now in."""
        own = [d.settings for d in service.deployments if d.id == task.deployment_id]
        settings = own[0] if own else {}
        groups = []
        for one in settings.get("loadBalancers") or ():
            arn, port = one["targetGroupArn"], int(one["containerPort"])
            group = lookups.target_group(task.account_id, task.region, arn)
            if group is not None and (arn, port) not in task.targets:
                group.targets[task.address] = {"Id": task.address, "Port": port}
                group.deregistered_targets.pop(task.address, None)
                task.targets.append((arn, port))
                groups.append(arn)
        for one in settings.get("serviceRegistries") or ():
            self._enter_registry(service, task, one["registryArn"])
        return groups

    def leave(self, task: Task) -> list[str]:
        """Deregister a task everywhere; the target groups it was in."""
        backend = elbv2_backends[task.account_id][task.region]
        groups = []
        for arn, _port in task.targets:
            group = backend.target_groups.get(arn)
            if group is not None and task.address in group.targets:
                with suppress(InvalidTargetError):
                    group.deregister([{"Id": task.address}])
                groups.append(arn)
        for service_id in task.registries:
            discovery = servicediscovery_backends[task.account_id][task.region]
            if service_id in discovery.services:
                with suppress(InstanceNotFound):
                    discovery.deregister_instance(service_id, task.id)
        left, task.registries = task.registries, []
        for service_id in left:
            self._point(task, service_id)
        return groups

    def done(self, task: Task) -> bool:
        """Whether no load balancer has anything in flight to this task."""
        return all(self._drained(arn, str(task.address), port) for arn, port in task.targets)

    def states(self, task: Task) -> dict[str, str]:
        """By target group: what its health checks say of this task."""
        return {arn: self.target_state(arn, str(task.address), p) for arn, p in task.targets}

    def healthy_again(self, task: Task) -> None:
        """Point the names a task is found by at a healthy one."""
        for service_id in task.registries:
            self._point(task, service_id)

    def purge(self) -> None:
        """Take every task out of everything: after a restart none of them lives."""
        for elb in _everywhere(elbv2_backends):
            for group in elb.target_groups.values():
                if group.target_type == "ip":
                    group.targets.clear()
        for discovery in _everywhere(servicediscovery_backends):
            for service in discovery.services.values():
                service.instances = [i for i in service.instances if OURS not in i.attributes]

    def _enter_registry(self, service: Service, task: Task, arn: str) -> None:
        found = lookups.registry(task.account_id, task.region, arn)
        if found is None or found[0].id in task.registries:
            return
        attributes = {
            "AWS_INSTANCE_IPV4": str(task.address),
            "AVAILABILITY_ZONE": task.zone,
            "REGION": task.region,
            OURS: task.cluster_arn.rpartition("/")[2],
            "ECS_SERVICE_NAME": service.name,
            "ECS_TASK_DEFINITION_FAMILY": str(task.definition["family"]),
        }
        backend = servicediscovery_backends[task.account_id][task.region]
        backend.register_instance(found[0].id, task.id, task.id, attributes)
        task.registries.append(found[0].id)
        self._point(task, found[0].id)

    def _point(self, changed: Task, service_id: str) -> None:
        """A hosts file has one address for a name: the newest healthy task's, else the newest's."""
        backend = servicediscovery_backends[changed.account_id][changed.region]
        service = backend.services.get(service_id)
        namespace = backend.namespaces.get(service.namespace_id) if service else None
        if service is None or namespace is None:
            return
        members = [t for t in self.state.tasks.values() if service_id in t.registries and t.alive]
        able = [t for t in members if t.health == "HEALTHY" or not t.checked] or members
        newest = max(able, key=lambda task: task.created_at, default=None)
        name = f"{service.name}.{namespace.name}"
        address = newest.address if newest else None
        if self.hosts.get(name) != address:
            self.hosts.set(name, address)


def _everywhere(backends: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    """One service's backend in every account and region that has been used."""
    for regions in list(backends.values()):
        yield from list(regions.values())

"""Clusters and task definitions; services are in `ecs_service.py`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from byoc_infra.local.provider.aws import Client, ProviderError
from byoc_infra.local.provider.properties import Json, Props
from byoc_infra.local.provider.resource import Resource, params, tag_list, tag_map

__all__ = ["Cluster", "Ecs", "TaskDefinition"]


class Ecs(Resource):
    """ECS objects are tagged by ARN."""

    @property
    def ecs(self) -> Client:
        """The ECS client."""
        return self.aws.client("ecs")

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """TagResource."""
        pairs = tag_list(tags, "key", "value")
        self.ecs.tag_resource(resourceArn=state["arn"], tags=pairs)

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """UntagResource."""
        self.ecs.untag_resource(resourceArn=state["arn"], tagKeys=list(keys))


class Cluster(Ecs):
    """`aws:ecs/cluster:Cluster`; ecs: resourceClusterCreate, …Read, …Update, …Delete."""

    type_name = "aws:ecs/cluster:Cluster"
    title = "ECS Cluster"
    gone = ("ClusterNotFoundException",)
    unmodelled = (
        "configuration.executeCommandConfiguration.logConfiguration.s3BucketEncryptionEnabled",
        "configuration.managedStorageConfiguration",
    )

    def make(self, new: Props) -> str:
        """CreateCluster, with tags."""
        answer = self.ecs.create_cluster(
            clusterName=new["name"],
            tags=tag_list(new.get("tagsAll"), "key", "value"),
            **_asked(new),
        )
        arn: str = answer["cluster"]["clusterArn"]
        return arn

    def settle(self, resource_id: str, new: Props) -> None:
        """Wait for ACTIVE."""
        self.aws.wait(f"ECS Cluster ({resource_id}) create", lambda: self._active(resource_id))

    def _find(self, resource_id: str) -> Json:
        include = ["TAGS", "CONFIGURATIONS", "SETTINGS"]
        answer = self.ecs.describe_clusters(clusters=[resource_id], include=include)
        return next((c for c in answer["clusters"] if c["status"] != "INACTIVE"), None)

    def _active(self, resource_id: str) -> Json:
        cluster = self._find(resource_id)
        return cluster if cluster and cluster["status"] == "ACTIVE" else None

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeClusters; INACTIVE counts as gone."""
        cluster = self._find(resource_id)
        if cluster is None:
            return None
        command = (cluster.get("configuration") or {}).get("executeCommandConfiguration")
        return {
            "arn": cluster["clusterArn"],
            "name": cluster["clusterName"],
            "settings": cluster.get("settings") or [],
            "configuration": {"executeCommandConfiguration": command} if command else None,
            "serviceConnectDefaults": cluster.get("serviceConnectDefaults"),
            "tags": tag_map(cluster.get("tags"), "key", "value"),
        }

    def change(
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """UpdateCluster sends only what is set."""
        self.ecs.update_cluster(cluster=resource_id, **_asked(new))
        self.settle(resource_id, new)
        return None

    def remove(self, resource_id: str, state: Props) -> None:
        """DeleteCluster, retried while something runs in it."""
        self.aws.retry(
            f"deleting ECS Cluster ({resource_id})",
            lambda: self.ecs.delete_cluster(cluster=resource_id),
            "ClusterContainsContainerInstancesException",
            "ClusterContainsServicesException",
            "ClusterContainsTasksException",
            "UpdateInProgressException",
            timeout_s=30,
        )
        what = f"ECS Cluster ({resource_id}) delete"
        self.aws.wait(what, lambda: None if self._find(resource_id) else True)

    def found(self, import_id: str) -> tuple[str, Props]:
        """By name."""
        cluster = self._find(import_id)
        if cluster is None:
            text = f"no cluster {import_id}"
            raise ProviderError(text)
        return cluster["clusterArn"], {}


def _asked(new: Props) -> dict[str, Any]:
    return params(
        new,
        settings="settings",
        configuration="configuration",
        serviceConnectDefaults="serviceConnectDefaults",
    )


_PLAIN = {
    "cpu": "cpu",
    "enableFaultInjection": "enableFaultInjection",
    "executionRoleArn": "executionRoleArn",
    "ipcMode": "ipcMode",
    "memory": "memory",
    "networkMode": "networkMode",
    "pidMode": "pidMode",
    "placementConstraints": "placementConstraints",
    "requiresCompatibilities": "requiresCompatibilities",
    "runtimePlatform": "runtimePlatform",
    "taskRoleArn": "taskRoleArn",
}


class TaskDefinition(Ecs):
    """`aws:ecs/taskDefinition:TaskDefinition`; ecs: resourceTaskDefinitionCreate, …Read, …Delete.

    The id is the family; the revision is in `arn`.
    """

    type_name = "aws:ecs/taskDefinition:TaskDefinition"
    title = "ECS Task Definition"
    unmodelled = (
        "proxyConfiguration",
        "volumes.fsxWindowsFileServerVolumeConfiguration",
        "volumes.s3filesVolumeConfiguration",
    )

    def label(self, inputs: Props) -> str:
        """The family."""
        return f" ({inputs.get('family')})"

    def make(self, new: Props) -> str:
        """RegisterTaskDefinition; its ARN is kept for the read that follows."""
        storage = new.get("ephemeralStorage")
        answer = self.ecs.register_task_definition(
            family=new["family"],
            containerDefinitions=json.loads(new["containerDefinitions"]),
            **params(new, **_PLAIN),
            **({"ephemeralStorage": {"sizeInGiB": storage["sizeInGib"]}} if storage else {}),
            **({"volumes": [_volume(v) for v in new["volumes"]]} if new.get("volumes") else {}),
            **({"tags": tag_list(new["tagsAll"], "key", "value")} if new.get("tagsAll") else {}),
        )
        new["arn"] = answer["taskDefinition"]["taskDefinitionArn"]
        family: str = answer["taskDefinition"]["family"]
        return family

    def look(self, resource_id: str, state: Props) -> Props | None:
        """DescribeTaskDefinition by ARN, or by family with `trackLatest`; INACTIVE is gone."""
        which = state.get("family") if state.get("trackLatest") else state.get("arn")
        answer = self._describe(which or resource_id)
        if answer is None or answer["taskDefinition"]["status"] == "INACTIVE":
            return None
        found = answer["taskDefinition"]
        storage = found.get("ephemeralStorage")
        return {
            **{name: found.get(key) for name, key in _PLAIN.items()},
            "arn": found["taskDefinitionArn"],
            "arnWithoutRevision": found["taskDefinitionArn"].rpartition(":")[0],
            "family": found["family"],
            "revision": found["revision"],
            "containerDefinitions": json.dumps(found["containerDefinitions"], sort_keys=True),
            "ephemeralStorage": {"sizeInGib": storage["sizeInGiB"]} if storage else None,
            "volumes": [_from_volume(volume) for volume in found.get("volumes", [])],
            "tags": tag_map(answer.get("tags"), "key", "value"),
        }

    def _describe(self, which: str) -> Json:
        try:
            return self.ecs.describe_task_definition(taskDefinition=which, include=["TAGS"])
        except self.ecs.exceptions.ClientException as refused:
            if "Unable to describe" in str(refused):
                return None
            raise

    def remove(self, resource_id: str, state: Props) -> None:
        """DeregisterTaskDefinition, unless `skipDestroy`."""
        if not state.get("skipDestroy"):
            self.ecs.deregister_task_definition(taskDefinition=state["arn"])

    def found(self, import_id: str) -> tuple[str, Props]:
        """By ARN with revision."""
        family, _, revision = import_id.rpartition("/")[2].partition(":")
        if not import_id.startswith("arn:") or not revision:
            text = "expected arn:PARTITION:ecs:REGION:ACCOUNTID:task-definition/FAMILY:REVISION"
            raise ProviderError(text)
        return family, {"arn": import_id}


def _volume(volume: Props) -> dict[str, Any]:
    whole: dict[str, Any] = params(volume, name="name", configureAtLaunch="configuredAtLaunch")
    if volume.get("hostPath"):
        whole["host"] = {"sourcePath": volume["hostPath"]}
    for kind in ("dockerVolumeConfiguration", "efsVolumeConfiguration"):
        if volume.get(kind):
            whole[kind] = {k: v for k, v in volume[kind].items() if v not in (None, 0, "")}
    return whole


def _from_volume(volume: Json) -> Props:
    found = {
        "name": volume["name"],
        "configureAtLaunch": volume.get("configuredAtLaunch"),
        "hostPath": (volume.get("host") or {}).get("sourcePath"),
        "dockerVolumeConfiguration": volume.get("dockerVolumeConfiguration"),
        "efsVolumeConfiguration": volume.get("efsVolumeConfiguration"),
    }
    return {name: value for name, value in found.items() if value is not None}

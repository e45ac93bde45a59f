"""New tasks."""

import uuid
from collections.abc import Iterable
from typing import Any

from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.model import Container, Task

__all__ = ["make_task"]


def make_task(
    *,
    now: float,
    account_id: str,
    region: str,
    cluster_arn: str,
    definition_arn: str,
    definition: dict[str, Any],
    settings: dict[str, Any],
    group: str,
    started_by: str,
    tags: Iterable[dict[str, Any]] = (),
) -> Task:
    """A new task, PROVISIONING, with its containers as their definition says."""
    task_id = uuid.uuid4().hex
    cluster = cluster_arn.rpartition("/")[2]
    base = f"arn:aws:ecs:{region}:{account_id}"
    network = (settings.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    subnet = (network.get("subnets") or [""])[0]
    return Task(
        id=task_id,
        arn=f"{base}:task/{cluster}/{task_id}",
        account_id=account_id,
        region=region,
        cluster_arn=cluster_arn,
        definition_arn=definition_arn,
        definition=definition,
        group=group,
        started_by=started_by,
        created_at=now,
        subnet_id=subnet,
        public_address=network.get("assignPublicIp") == "ENABLED",
        zone=lookups.subnet_zone(account_id, region, subnet),
        tags=list(tags),
        containers=_containers(definition, f"{base}:container/{cluster}/{task_id}"),
    )


def _containers(definition: dict[str, Any], below: str) -> list[Container]:
    return [
        Container(
            name=one["name"], arn=f"{below}/{uuid.uuid4()}", image=one["image"], definition=one
        )
        for one in definition["containerDefinitions"]
    ]

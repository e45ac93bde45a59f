"""Rows as the API shows them; no value is among them, for none is in the store."""

from collections.abc import Sequence
from typing import Any

from byoc_infra.components._sizes import SIZES
from byoc_infra.control_plane.models.deployments import (
    Deployment,
    Failure,
    Revision,
    SecretName,
    SecretReference,
)
from byoc_infra.control_plane.services._composition import Base
from byoc_infra.control_plane.store.tables import DeploymentRow, RevisionRow

__all__ = ["deployment", "revision"]

SOURCE_CONFIG = (
    "integration_id",
    "repo_url",
    "deployment_type",
    "build_on_push",
    "custom_url",
    "resource_spec",
    "listener_id",
    "listener_config",
    "install_command",
    "build_command",
)
SOURCE_REVISION_CONFIG = (
    "repo_ref",
    "langgraph_config_path",
    "image_uri",
    "source_tarball_path",
    "repo_commit_sha",
)
"""The platform's fields; those that nothing is known of are null."""


def deployment(row: DeploymentRow, latest: RevisionRow) -> Deployment:
    """A deployment with its latest revision."""
    config = dict(row.source_config)
    config["custom_url"] = config.get("custom_url") or row.url
    config["resource_spec"] = latest.resource_spec or {}
    found = {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "name": row.name,
        "display_name": row.display_name,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "status": row.status,
        "status_message": row.status_message,
        "source": row.source,
        "source_config": {**dict.fromkeys(SOURCE_CONFIG), **config},
        "source_revision_config": _revision_config(latest),
        "secrets": [SecretName(name=name) for name in _names(row, latest)],
        "secret_references": _references(latest),
        "latest_revision_id": row.latest_revision_id,
        "active_revision_id": row.active_revision_id,
        "image_version": None,
    }
    return Deployment.model_validate(found)


def revision(row: RevisionRow) -> Revision:
    """A revision."""
    failure = Failure.model_validate(row.failure) if row.failure else None
    message = f"{failure.wanted}: {failure.got}. {failure.next_step}" if failure else ""
    found = {
        "id": row.id,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "status": row.status,
        "source": row.source,
        "source_revision_config": _revision_config(row),
        "number": row.number,
        "image": row.spec["image"],
        "resource_spec": row.resource_spec or {},
        "resources": _resources(row.spec),
        "status_message": message,
        "failure": failure,
    }
    return Revision.model_validate(found)


def _revision_config(row: RevisionRow) -> dict[str, Any]:
    return {**dict.fromkeys(SOURCE_REVISION_CONFIG), **row.source_revision_config}


def _names(row: DeploymentRow, latest: RevisionRow) -> Sequence[str]:
    return sorted({*latest.secret_names, *row.platform_secrets})


def _references(row: RevisionRow) -> list[SecretReference]:
    found = Base(spec=row.spec).references
    return [
        SecretReference(name=name, secret_name=one.arn, secret_key=one.json_key or "")
        for name, one in sorted(found.items())
    ]


def _resources(spec: dict[str, Any]) -> dict[str, Any]:
    """What the revision really has, in the words of AWS."""
    size = SIZES[spec["size"]]
    cpu, memory = spec.get("cpu") or size.cpu, spec.get("memory_mib") or size.memory_mib
    found = {
        "size": spec["size"],
        "cpu": cpu,
        "memory_mib": memory,
        "min_scale": spec.get("min_scale") or size.replicas.least,
        "max_scale": spec.get("max_scale") or size.replicas.most,
    }
    if size.queue:
        found |= {
            "queue_cpu": spec.get("queue_cpu") or cpu,
            "queue_memory_mib": spec.get("queue_memory_mib") or memory,
            "queue_min_scale": spec.get("queue_min_scale") or size.replicas.least,
            "queue_max_scale": spec.get("queue_max_scale") or size.replicas.most,
        }
    if "POSTGRES_URI_CUSTOM" not in (spec.get("secrets") or {}):
        found |= {
            "db_instance_class": spec.get("database_instance_class") or size.instance_class,
            "db_storage_gib": spec.get("database_storage_gib") or size.storage_gib,
        }
    return found

"""Errors under the request's own field names: flows and components speak of a `DeploymentSpec`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from byoc_infra.control_plane.models.deployments import SecretReference, SecretValue
from byoc_infra.errors import SpecError

__all__ = ["in_the_requests_words"]

RESOURCES = "source_config.resource_spec"
NAMES = {
    "image": "source_revision_config.image_uri",
    "task_role": f"{RESOURCES}.service_account_name",
    "memory_mib": f"{RESOURCES}.memory_mb",
    "queue_memory_mib": f"{RESOURCES}.queue_memory_mb",
    "database_instance_class": f"{RESOURCES}.db_cpu",
    "database_storage_gib": f"{RESOURCES}.db_storage_gi",
    "database_max_connections": f"{RESOURCES}.db_max_connections",
    **{
        name: f"{RESOURCES}.{name}"
        for name in (
            "cpu",
            "min_scale",
            "max_scale",
            "queue_cpu",
            "queue_min_scale",
            "queue_max_scale",
        )
    },
}


@contextmanager
def in_the_requests_words(
    secrets: Sequence[SecretValue] = (), references: Sequence[SecretReference] = ()
) -> Iterator[None]:
    """Errors that leave the block name the field of the request that they are about."""
    try:
        yield
    except SpecError as refused:
        field = _renamed(refused.field, secrets, references)
        if field == refused.field:
            raise
        raise type(refused)(
            field, wanted=refused.wanted, got=refused.got, next_step=refused.next_step
        ) from None


def _renamed(
    field: str, secrets: Sequence[SecretValue], references: Sequence[SecretReference]
) -> str:
    if field in NAMES:
        return NAMES[field]
    first, _, rest = field.partition(".")
    if first == "license_key":
        rest = f"LANGGRAPH_CLOUD_LICENSE_KEY.{rest}"
    elif first not in ("secrets", "environment"):
        return field
    name, _, part = rest.partition(".")
    for number, value in enumerate(secrets):
        if value.name == name:
            return f"secrets.{number}.name"
    for number, one in enumerate(references):
        if one.name == name:
            what = {"arn": "secret_name", "json_key": "secret_key"}.get(part, "name")
            return f"secret_references.{number}.{what}"
    return field

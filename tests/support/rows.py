"""Rows as the API would have written them, for tests that begin in the middle."""

import uuid

from byoc_infra.control_plane.store.tables import DeploymentRow

__all__ = ["deployment_row"]


def deployment_row(
    tenant_id: uuid.UUID, account_id: uuid.UUID, name: str = "chat", **columns: object
) -> DeploymentRow:
    """A deployment that has not been given a revision, unless `columns` say otherwise."""
    values = {
        "tenant_id": tenant_id,
        "account_id": account_id,
        "name": name,
        "aws_name": name,
        "source": "external_docker",
        "source_config": {},
        "deployment_type": "dev",
        "status": "AWAITING_DATABASE",
        **columns,
    }
    return DeploymentRow(**values)

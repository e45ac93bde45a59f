"""Revisions over HTTP, as the platform's control-plane API v2 has them."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from byoc_infra.control_plane.context import Context, Deploy, Read
from byoc_infra.control_plane.models.deployments import (
    Deployment,
    DeploymentPatch,
    Revision,
    RevisionFilter,
    RevisionsList,
)
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.routes._once import ONCE_ERRORS, OPERATION, Once
from byoc_infra.errors import (
    AccessRefused,
    CloudUnreachable,
    Conflict,
    ConnectionUnusable,
    Immutable,
    NotFound,
    Unsupported,
)

__all__ = ["router"]

router = APIRouter(prefix="/v2/deployments/{deployment_id}/revisions", tags=["Deployments (v2)"])


@router.get("", summary="List revisions", responses=documented(NotFound))
def list_revisions(
    deployment_id: uuid.UUID,
    services: Context,
    caller: Read,
    which: Annotated[RevisionFilter, Query()],
) -> RevisionsList:
    """Newest first; `offset` of the answer is the next page's."""
    return services.revisions.page(caller, deployment_id, which)


@router.post(
    "",
    summary="Create a revision",
    status_code=status.HTTP_201_CREATED,
    response_model=Revision,
    responses={
        201: OPERATION,
        **documented(
            NotFound,
            Unsupported,
            Immutable,
            Conflict,
            AccessRefused,
            CloudUnreachable,
            ConnectionUnusable,
            *ONCE_ERRORS,
        ),
    },
)
def create_revision(
    deployment_id: uuid.UUID, body: DeploymentPatch, services: Context, caller: Deploy, once: Once
) -> Response:
    """Always a new one, even where nothing of it is new. An empty list of secrets removes the
    application's.
    """
    return once.answered(
        caller, lambda claim: services.revisions.add(caller, deployment_id, body, claim)
    )


@router.get("/{revision_id}", summary="Get a revision", responses=documented(NotFound))
def get_revision(
    deployment_id: uuid.UUID, revision_id: uuid.UUID, services: Context, caller: Read
) -> Revision:
    """What it was asked to be, what it became, and why it failed if it did."""
    return services.revisions.get(caller, deployment_id, revision_id)


@router.post(
    "/{revision_id}/redeploy",
    summary="Redeploy a revision",
    response_model=Deployment,
    responses={200: OPERATION, **documented(NotFound, Conflict, *ONCE_ERRORS)},
)
def redeploy_revision(
    deployment_id: uuid.UUID,
    revision_id: uuid.UUID,
    services: Context,
    caller: Deploy,
    once: Once,
) -> Response:
    """As a new revision with the same image, sizes, variables and values."""
    return once.answered(
        caller,
        lambda claim: services.revisions.redeploy(caller, deployment_id, revision_id, claim),
    )

"""Deployments over HTTP, as the platform's control-plane API v2 has them."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from byoc_infra.control_plane.context import Context, Deploy, Read
from byoc_infra.control_plane.models.deployments import (
    BulkDeletion,
    Deployment,
    DeploymentCreate,
    DeploymentFilter,
    DeploymentPatch,
    DeploymentsList,
    PushToken,
    UploadUrl,
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
    QuotaReached,
    Unsupported,
)

__all__ = ["router"]

router = APIRouter(prefix="/v2/deployments", tags=["Deployments (v2)"])

IN_AWS = (AccessRefused, CloudUnreachable, ConnectionUnusable)


@router.get("", summary="List deployments", responses=documented(Unsupported))
def list_deployments(
    services: Context, caller: Read, which: Annotated[DeploymentFilter, Query()]
) -> DeploymentsList:
    """Newest first; `offset` of the answer is the next page's."""
    return services.deployments.page(caller, which)


@router.post(
    "",
    summary="Create a deployment",
    status_code=status.HTTP_201_CREATED,
    response_model=Deployment,
    responses={
        201: OPERATION,
        **documented(Unsupported, Conflict, QuotaReached, *IN_AWS, *ONCE_ERRORS),
    },
)
def create_deployment(
    body: DeploymentCreate, services: Context, caller: Deploy, once: Once
) -> Response:
    """With its first revision. The image is pinned by digest, and values are in the customer's
    account, before the answer is given; if the account cannot be reached, nothing is stored.
    """
    return once.answered(caller, lambda claim: services.deployments.create(caller, body, claim))


@router.delete(
    "",
    summary="Delete deployments",
    response_model=BulkDeletion,
    responses={
        207: {"model": BulkDeletion, "description": "Some were not deleted."},
        **documented(NotFound, *ONCE_ERRORS),
    },
)
def delete_deployments(
    services: Context,
    caller: Deploy,
    once: Once,
    deployment_ids: Annotated[list[uuid.UUID], Query(min_length=1, max_length=100)],
) -> Response:
    """Each by itself."""
    return once.answered(
        caller, lambda claim: services.deployments.delete_many(caller, deployment_ids, claim)
    )


@router.get("/{deployment_id}", summary="Get a deployment", responses=documented(NotFound))
def get_deployment(services: Context, caller: Read, deployment_id: uuid.UUID) -> Deployment:
    """With what its latest revision was asked to be. Values of secrets are empty."""
    return services.deployments.get(caller, deployment_id)


@router.patch(
    "/{deployment_id}",
    summary="Change a deployment",
    response_model=Deployment,
    responses={
        200: OPERATION,
        **documented(NotFound, Unsupported, Immutable, Conflict, *IN_AWS, *ONCE_ERRORS),
    },
)
def patch_deployment(
    deployment_id: uuid.UUID, body: DeploymentPatch, services: Context, caller: Deploy, once: Once
) -> Response:
    """An image, sizes, secrets or references make a new revision; the old one serves until the
    new one is proven. `secrets` replaces all of the application's.
    """
    return once.answered(
        caller, lambda claim: services.deployments.patch(caller, deployment_id, body, claim)
    )


@router.delete(
    "/{deployment_id}",
    summary="Delete a deployment",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={204: OPERATION, **documented(NotFound, Unsupported, *ONCE_ERRORS)},
)
def delete_deployment(
    deployment_id: uuid.UUID,
    services: Context,
    caller: Deploy,
    once: Once,
    delete_tracing_project: Annotated[  # noqa: FBT002 - FastAPI passes it by name
        bool, Query(description="Refused: tracing projects are LangSmith's.")
    ] = False,
) -> Response:
    """All that it has in AWS but a last snapshot of its database, in an operation of its own."""
    if delete_tracing_project:
        raise Unsupported(
            "delete_tracing_project",
            wanted="false: tracing projects are LangSmith's, and not ours to delete",
            got="true",
            next_step="Delete the project in LangSmith.",
        )
    return once.answered(
        caller, lambda claim: services.deployments.delete(caller, deployment_id, claim)
    )


@router.post(
    "/{deployment_id}/push-token",
    summary="Ask for a token to push an image with",
    status_code=status.HTTP_400_BAD_REQUEST,
    responses=documented(NotFound, Unsupported),
)
def push_token(deployment_id: uuid.UUID, _: PushToken, services: Context, caller: Deploy) -> None:
    """Refused always: images come from the customer's own registry."""
    services.deployments.get(caller, deployment_id)
    raise Unsupported(
        "push-token",
        wanted="an image that is in ECR in the customer's account",
        got="a request for a registry of the control plane's, which has none",
        next_step="Push it there yourself, and deploy it with `langgraph deploy --image-uri "
        "<image>@sha256:…` or `--push-to`.",
    )


@router.post(
    "/{deployment_id}/upload-url",
    summary="Ask for a place to upload sources to",
    status_code=status.HTTP_400_BAD_REQUEST,
    responses=documented(NotFound, Unsupported),
)
def upload_url(deployment_id: uuid.UUID, _: UploadUrl, services: Context, caller: Deploy) -> None:
    """Refused always: nothing is built here."""
    services.deployments.get(caller, deployment_id)
    raise Unsupported(
        "upload-url",
        wanted="an image that is built",
        got="a request to build one, which needs a build service",
        next_step="Build it with `langgraph build`, push it to ECR in the customer's account, "
        "and deploy it with `langgraph deploy --image-uri <image>@sha256:…`.",
    )

"""What one may do with a deployment beyond the platform's API, over HTTP."""

import uuid

from fastapi import APIRouter, Response, status

from byoc_infra.control_plane.context import Admin, Context, Deploy
from byoc_infra.control_plane.models.operations import (
    ForgetRequest,
    Forgotten,
    Operation,
    PreviewRequest,
    RollbackRequest,
)
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.routes._once import ONCE_ERRORS, OPERATION, Once
from byoc_infra.errors import Conflict, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/deployments/{deployment_id}", tags=["deployments"])

REFUSALS = documented(NotFound, Conflict, *ONCE_ERRORS)


@router.post(
    "/rollback",
    summary="Go back to an earlier revision",
    description="Makes a new revision of the image, environment, secrets and size that the earlier "
    "one had.",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Operation,
    responses={202: OPERATION, **REFUSALS},
)
def roll_back(
    caller: Deploy,
    services: Context,
    deployment_id: uuid.UUID,
    asked: RollbackRequest,
    once: Once,
) -> Response:
    return once.answered(
        caller, lambda claim: services.actions.roll_back(caller, deployment_id, asked, claim)
    )


@router.post(
    "/preview",
    summary="Preview what bringing a revision up would change",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=Operation,
    responses={202: OPERATION, **REFUSALS},
)
def preview(
    caller: Deploy, services: Context, deployment_id: uuid.UUID, asked: PreviewRequest, once: Once
) -> Response:
    return once.answered(
        caller, lambda claim: services.actions.preview(caller, deployment_id, asked, claim)
    )


@router.post(
    "/forget",
    summary="Forget a deployment and leave its resources as they are",
    description="Not the same as deleting it: nothing in AWS is touched, and nothing of it can be "
    "undone here.",
    responses=REFUSALS,
)
def forget(
    caller: Admin, services: Context, deployment_id: uuid.UUID, asked: ForgetRequest
) -> Forgotten:
    return services.actions.forget(caller, deployment_id, asked)

"""Log lines over HTTP, at the platform's paths and in its form; passed through, never stored."""

import uuid

from fastapi import APIRouter

from byoc_infra.control_plane.context import Context, Read
from byoc_infra.control_plane.models.logs import LogPage, LogRequest
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.errors import (
    AccessRefused,
    CallRejected,
    CloudUnreachable,
    ConnectionUnusable,
    NotFound,
)

__all__ = ["router"]

router = APIRouter(prefix="/v1/projects/{deployment_id}", tags=["logs"])

REFUSALS = documented(NotFound, ConnectionUnusable, AccessRefused, CallRejected, CloudUnreachable)


@router.post("/deploy_logs", summary="Read a deployment's log lines", responses=REFUSALS)
def deployment_logs(
    caller: Read, services: Context, deployment_id: uuid.UUID, asked: LogRequest
) -> LogPage:
    return services.logs.deployed(caller, deployment_id, asked)


@router.post(
    "/revisions/{revision_id}/deploy_logs",
    summary="Read the log lines of a revision's time",
    responses=REFUSALS,
)
def revision_logs(
    caller: Read,
    services: Context,
    deployment_id: uuid.UUID,
    revision_id: uuid.UUID,
    asked: LogRequest,
) -> LogPage:
    return services.logs.deployed(caller, deployment_id, asked, revision_id=revision_id)


@router.post(
    "/revisions/{revision_id}/build_logs",
    summary="Read what was done to bring a revision up",
    description="Nothing is built here; the lines are those of the revision's operations.",
    responses=documented(NotFound),
)
def build_logs(
    caller: Read,
    services: Context,
    deployment_id: uuid.UUID,
    revision_id: uuid.UUID,
    asked: LogRequest,
) -> LogPage:
    return services.logs.built(caller, deployment_id, revision_id, asked)

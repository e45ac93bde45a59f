"""Whether this process lives, and whether it can serve; for whoever starts and balances it."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from byoc_infra.control_plane.context import Context
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.errors import DatabaseUnreachable

__all__ = ["router"]

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A process that answers."""

    status: Literal["ok"] = "ok"
    version: str


@router.get("/healthz", summary="Whether the process lives")
async def healthz(services: Context) -> Health:
    """Asks nobody else: a database that is away is no reason to start the process anew."""
    return Health(version=services.settings.version)


@router.get(
    "/readyz",
    summary="Whether the API can serve",
    responses=documented(DatabaseUnreachable),
)
def readyz(services: Context) -> Health:
    """The database answers, and its schema is the one that this release works with."""
    if not services.store.is_current():
        raise DatabaseUnreachable(
            "database",
            wanted="the schema of this release",
            got="another",
            next_step="Start `byoc server` or `byoc worker` of this release once: they migrate it.",
        )
    return Health(version=services.settings.version)

"""The control plane's application, built once and put in front of each test's own services."""

import functools
import uuid
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from byoc_infra.control_plane import main
from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.main import create_app
from byoc_infra.control_plane.routes._errors import EVERYWHERE, install
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Transaction

__all__ = ["Bound", "RememberingQueue", "ServicesOnto", "whole"]


class Bound:
    """The application on the services of one test; FastAPI takes its time over a new one."""

    def __init__(self, services: Services, *, quiet: bool = False) -> None:
        """`quiet` leaves out the request log, for a test that looks at standard output."""
        self.services = services
        self._app = _quiet() if quiet else whole()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        self._app.state.services = self.services
        await self._app(scope, receive, send)


@dataclass
class RememberingQueue:
    """Takes operations and runs none."""

    taken: list[tuple[str, uuid.UUID, int]] = field(default_factory=list)

    def enqueue(
        self, _: Transaction, operation_id: str, *, deployment_id: uuid.UUID, attempt: int
    ) -> None:
        """Remember it."""
        self.taken.append((operation_id, deployment_id, attempt))


@dataclass(frozen=True, kw_only=True)
class ServicesOnto(Services):
    """The services, with an AWS of the test's own."""

    onto: Reach

    @property
    def reach(self) -> Reach:
        """The test's."""
        return self.onto


@functools.cache
def whole() -> FastAPI:
    """All of it, for whoever looks and asks nothing."""
    services = Services(settings=Settings(), store=None, queue=None, env={})  # type: ignore[arg-type]  # asked for later
    return create_app(services)


@functools.cache
def _quiet() -> FastAPI:
    app = FastAPI()
    install(app)
    for router in main._routers():
        app.include_router(router, responses=EVERYWHERE)
    return app

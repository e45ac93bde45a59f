"""Reads the settings and builds every object: the only module that knows all the others."""

import importlib
import pkgutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from byoc_infra.control_plane import routes
from byoc_infra.control_plane.context import Services
from byoc_infra.control_plane.foundation import Foundation, away, opened
from byoc_infra.control_plane.keeper import Keeper
from byoc_infra.control_plane.routes._errors import EVERYWHERE, documented, install, render
from byoc_infra.control_plane.routes._http import BodyLimit, RequestLog
from byoc_infra.control_plane.services.sweeping import Sweeping
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.outages import OUTAGES
from byoc_infra.control_plane.workflows import schema
from byoc_infra.control_plane.workflows.queue import Queue
from byoc_infra.errors import AddressTaken, BodyTooLarge, DatabaseUnreachable, SpecError

__all__ = ["create_app", "serve", "services_on"]

PATIENCE_S = 60.0
"""How long engines get to stop when the server does, before the embedded PostgreSQL goes."""
DRAIN_S = 10
"""How long open requests get when the server stops."""
LOOPBACK = ("127.", "::1", "localhost")
DESCRIPTION = (
    "Deploys LangGraph applications into customers' own AWS accounts. Paths under `/v2` and "
    "`/v1/projects` are those of the LangGraph control-plane API; what it lacks, `/byoc/v1` has."
)
log = structlog.get_logger(__name__)


def create_app(services: Services) -> FastAPI:
    """The HTTP API, with the router of every module of `routes`."""
    app = FastAPI(
        title="byoc-infra control plane",
        version=services.settings.version,
        description=DESCRIPTION,
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog)
    install(app)
    for kind in OUTAGES:
        app.add_exception_handler(kind, _database_away)
    for router in _routers():
        app.include_router(
            router, responses={**EVERYWHERE, **documented(BodyTooLarge, DatabaseUnreachable)}
        )
    return app


def serve(settings: Settings, env: Mapping[str, str], on_listening: Callable[[str], None]) -> None:
    """The whole control plane: the API in this process, a worker and, unless there is another,
    a PostgreSQL beside it. Ends when it is told to, by SIGTERM or SIGINT.

    `on_listening` gets the API's address.
    """
    with (
        _listener(settings) as listener,
        opened(settings, env, patience_s=PATIENCE_S) as foundation,
        foundation.store() as store,
        services_on(foundation, store) as services,
        Sweeping(store, services.reach),
        Keeper(foundation),
    ):
        _Server(services, listener, on_listening).run(sockets=[listener])


@contextmanager
def services_on(foundation: Foundation, store: Store) -> Iterator[Services]:
    """What the application is made of, with DBOS's schema brought up to date."""
    schema.migrate(foundation.database_url)
    queue = Queue(foundation.database_url)
    try:
        yield Services(settings=foundation.settings, store=store, queue=queue, env=foundation.env)
    finally:
        queue.close()


class _Server(uvicorn.Server):
    """uvicorn, which tells when it listens."""

    def __init__(
        self, services: Services, listener: socket.socket, on_listening: Callable[[str], None]
    ) -> None:
        settings = services.settings
        super().__init__(
            uvicorn.Config(
                create_app(services),
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=DRAIN_S,
                ssl_certfile=settings.tls_certificate,
                ssl_keyfile=settings.tls_key,
            )
        )
        scheme = "https" if settings.tls_certificate else "http"
        host, port = listener.getsockname()[:2]
        self._url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and say where."""
        await super().startup(sockets=sockets)
        if self.started:
            log.info("listening", url=self._url)
            self._on_listening(self._url)


def _routers() -> list[APIRouter]:
    names = sorted(one.name for one in pkgutil.iter_modules(routes.__path__))
    modules = [
        importlib.import_module(f"{routes.__name__}.{name}")
        for name in names
        if not name.startswith("_")
    ]
    return [module.router for module in modules]


def _listener(settings: Settings) -> socket.socket:
    """The socket that the API listens on; an open address only with TLS."""
    host = settings.host
    if not (host.startswith(LOOPBACK) or settings.tls_certificate or settings.behind_proxy):
        raise SpecError(
            "BYOC_HOST",
            wanted="a loopback address, unless the API speaks TLS or stands behind what does",
            got=host,
            next_step="Set BYOC_TLS_CERTIFICATE and BYOC_TLS_KEY, or BYOC_BEHIND_PROXY=true.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise AddressTaken(
            "BYOC_PORT",
            wanted=f"to listen on {host}:{settings.port}",
            got=error.strerror or str(error),
            next_step="Stop what listens there, or set BYOC_PORT (0 takes a free one).",
        ) from error


async def _database_away(request: Request, _: Exception) -> Response:
    log.warning("database away", path=request.url.path)
    return render(away(), request)

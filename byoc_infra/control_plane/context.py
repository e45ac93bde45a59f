"""What a request handler may use: who asks, and the services.

A handler names the scope that it wants by the type of a parameter: `caller: Read`, `Deploy` or
`Admin`. The scope is also in the OpenAPI document, as the role of the route's security
requirement; a test refuses a route without one.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyHeader, SecurityScopes
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.caller import Scope as KeyScope
from byoc_infra.control_plane.services._rollout import Tools
from byoc_infra.control_plane.services.accounts import Accounts
from byoc_infra.control_plane.services.actions import Actions
from byoc_infra.control_plane.services.activation import Activation
from byoc_infra.control_plane.services.decisions import Operations
from byoc_infra.control_plane.services.deployments import Deployments
from byoc_infra.control_plane.services.failure import Failures
from byoc_infra.control_plane.services.idempotency import Idempotency
from byoc_infra.control_plane.services.keys import Keys
from byoc_infra.control_plane.services.logs import Logs
from byoc_infra.control_plane.services.platform_secrets import PlatformSecrets
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.services.revisions import Revisions
from byoc_infra.control_plane.services.rotation import Rotation
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.workflows.queue import Enqueues

__all__ = ["Admin", "Context", "Deploy", "Read", "RequestIds", "Services", "request_id_of"]

REQUEST_ID = "X-Request-Id"
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=@-]{7,63}")
"""A client's own request id is taken if it can be a RoleSessionName and stand in a log line."""
SCHEME = APIKeyHeader(
    name="X-Api-Key",
    scheme_name="ApiKey",
    description="A key of the tenant. The roles of an operation's requirement are the scope that "
    "the key needs: read, deploy or admin, each of which may do what the one before may.",
    auto_error=False,
)


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the application is made of; `app.state.services`."""

    settings: Settings
    store: Store
    queue: Enqueues
    env: Mapping[str, str] = field(repr=False)
    """The control plane's own environment: its credentials and endpoints."""

    @property
    def reach(self) -> Reach:
        """The way into customers' accounts."""
        return Reach(self.env)

    @property
    def keys(self) -> Keys:
        """API keys."""
        return Keys(self.store)

    @property
    def operations(self) -> Operations:
        """What is being done."""
        return Operations(self.store, self.queue)

    @property
    def actions(self) -> Actions:
        """What one may do with a deployment beyond the platform's API."""
        return Actions(self._tools)

    @property
    def logs(self) -> Logs:
        """Log lines, on demand."""
        return Logs(self.store, self.reach)

    @property
    def failures(self) -> Failures:
        """Why an operation failed."""
        return Failures(self.store, self.reach)

    @property
    def idempotency(self) -> Idempotency:
        """Requests that may come again."""
        assert self.settings.secret_key is not None  # noqa: S101 - `main` has seen to it
        return Idempotency(self.store, self.settings.secret_key.get_secret_value().encode())

    @property
    def deployments(self) -> Deployments:
        """Deployments, in the platform's words."""
        return Deployments(self._tools)

    @property
    def revisions(self) -> Revisions:
        """Their revisions."""
        return Revisions(self._tools)

    @property
    def _tools(self) -> Tools:
        return Tools(
            store=self.store,
            queue=self.queue,
            reach=self.reach,
            allow_loopback="BYOC_LOCAL_HOSTS" in self.env,
        )

    @property
    def accounts(self) -> Accounts:
        """Connections to customers' accounts."""
        return Accounts(self.store, self.reach, self.settings.vendor_principal_arn)

    @property
    def activation(self) -> Activation:
        """What proves connections."""
        return Activation(self.store, self.reach)

    @property
    def rotation(self) -> Rotation:
        """New external ids."""
        return Rotation(self.store, self.reach)

    @property
    def platform_secrets(self) -> PlatformSecrets:
        """What connections give to all of their deployments."""
        return PlatformSecrets(self.store, self.reach)


def services_of(request: Request) -> Services:
    """The application's own."""
    found: Services = request.app.state.services
    return found


Context = Annotated[Services, Depends(services_of)]
"""The services, as a parameter of a handler."""


def request_id_of(request: Request) -> str:
    """The request's id; on its answer, its log lines, its audit rows and its operations."""
    found: str = request.state.request_id
    return found


def authenticated(
    request: Request,
    services: Context,
    wanted: SecurityScopes,
    key: Annotated[str | None, Security(SCHEME)],
    x_tenant_id: Annotated[
        str | None, Header(description="The key's own tenant; may be left out.")
    ] = None,
) -> Caller:
    """The caller, whose key reaches as far as the route wants."""
    caller = services.keys.caller(key, tenant=x_tenant_id, request_id=request_id_of(request))
    for scope in wanted.scopes:
        caller.require(_known(scope))
    structlog.contextvars.bind_contextvars(
        tenant_id=str(caller.tenant_id), key_id=str(caller.key_id)
    )
    return caller


Read = Annotated[Caller, Security(authenticated, scopes=["read"])]
"""Whoever may look."""
Deploy = Annotated[Caller, Security(authenticated, scopes=["deploy"])]
"""Whoever may change deployments."""
Admin = Annotated[Caller, Security(authenticated, scopes=["admin"])]
"""Whoever may change accounts and keys."""


class RequestIds:
    """Middleware: every request has an id, its answer carries it, and log lines name it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if SAFE_ID.fullmatch(given) else f"req-{uuid.uuid4().hex}"
        scope.setdefault("state", {})["request_id"] = request_id

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, with_id)


def _known(scope: str) -> KeyScope:
    match scope:
        case "read" | "deploy" | "admin":
            return scope
    raise LookupError(scope)

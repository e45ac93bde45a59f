"""Everything that the API can do, one method each."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from byoc_infra.client.http import Http
from byoc_infra.client.words import (
    Account,
    Deployment,
    Event,
    FailureNow,
    Forgotten,
    Key,
    LogPage,
    Operation,
    Revision,
    Setup,
    Started,
)
from byoc_infra.errors import AlreadyRunning, Conflict, KeyReused, NotFound

__all__ = ["Client"]

DEPLOYMENTS = "/v2/deployments"
OURS = "/byoc/v1"
Id = uuid.UUID | str


class Client(Http):
    """A control plane, as the holder of one API key; a context manager."""

    # deployments

    def deployments(
        self, *, name: str | None = None, status: str | None = None
    ) -> Iterator[Deployment]:
        """The tenant's deployments, newest first."""
        for one in self.pages(DEPLOYMENTS, name=name, status=status):
            yield Deployment.model_validate(one)

    def deployment(self, name_or_id: Id) -> Deployment:
        """One of them, by name or by id."""
        if (id_ := _uuid(name_or_id)) is not None:
            return Deployment.model_validate(self.get(f"{DEPLOYMENTS}/{id_}"))
        if (found := self.named(str(name_or_id))) is not None:
            return found
        raise NotFound(
            "name",
            wanted="the name or id of a deployment",
            got=str(name_or_id),
            next_step="List them: `byoc deployments list`.",
        )

    def named(self, name: str) -> Deployment | None:
        """The one of that name, if there is one."""
        return next((one for one in self.deployments(name=name) if one.name == name), None)

    def create_deployment(self, body: Mapping[str, Any], *, key: str | None = None) -> Started:
        """A new deployment with its first revision; `body` is the platform's create request."""
        return _started(self.send("POST", DEPLOYMENTS, body, key=key or _key()))

    def change_deployment(
        self, deployment_id: Id, body: Mapping[str, Any], *, key: str | None = None
    ) -> Started:
        """A new revision; `body` is the platform's patch request."""
        path = f"{DEPLOYMENTS}/{deployment_id}"
        return _started(self.send("PATCH", path, body, key=key or _key()))

    def deploy(  # what `byoc deploy` does
        self,
        name: str,
        image: str,
        *,
        secrets: Mapping[str, str] | None = None,
        account_id: Id | None = None,
        deployment_type: str | None = None,
        resource_spec: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Started:
        """The image under this name: a new deployment, or a new revision of the one there is.

        Without `secrets` a revision keeps those it has; with them it has these and no others.
        """
        values = None if secrets is None else [_secret(*one) for one in secrets.items()]
        sizes = {"resource_spec": dict(resource_spec)} if resource_spec else {}
        config: dict[str, Any] = {**sizes}
        if deployment_type is not None:
            config["deployment_type"] = deployment_type
        if account_id is not None:
            config["listener_id"] = str(account_id)
        create = {
            "name": name,
            "source": "external_docker",
            "source_config": config,
            "source_revision_config": {"image_uri": image},
            "secrets": values or [],
        }
        change: dict[str, Any] = {"source_revision_config": {"image_uri": image}}
        if sizes:
            change["source_config"] = sizes
        if values is not None:
            change["secrets"] = values
        return self._created_or_changed(name, create, change, key)

    def _created_or_changed(
        self, name: str, create: Mapping[str, Any], change: Mapping[str, Any], key: str | None
    ) -> Started:
        existing = self.named(name)
        if existing is None or key is not None:
            # A repeat of what once created it finds it there: only the key knows what it was.
            try:
                return self.create_deployment(create, key=key)
            except (Conflict, KeyReused) as refused:
                existing = self.named(name)
                if existing is None or isinstance(refused, AlreadyRunning):
                    raise
        return self.change_deployment(existing.id, change, key=key)

    def delete_deployment(self, deployment_id: Id, *, key: str | None = None) -> str | None:
        """All that it has in AWS goes, but a last snapshot; the operation's id."""
        path = f"{DEPLOYMENTS}/{deployment_id}"
        return _operation_id(self.send("DELETE", path, key=key or _key()))

    def forget(self, deployment_id: Id, *, name: str) -> Forgotten:
        """Know nothing more of it; all that it has in AWS stays. Its name is the confirmation."""
        path = f"{OURS}/deployments/{deployment_id}/forget"
        return Forgotten.model_validate(self.send("POST", path, {"name": name}).json())

    # revisions

    def revisions(self, deployment_id: Id) -> Iterator[Revision]:
        """Newest first."""
        for one in self.pages(f"{DEPLOYMENTS}/{deployment_id}/revisions"):
            yield Revision.model_validate(one)

    def revision(self, deployment_id: Id, revision_id: Id) -> Revision:
        """One of them."""
        path = f"{DEPLOYMENTS}/{deployment_id}/revisions/{revision_id}"
        return Revision.model_validate(self.get(path))

    def redeploy(self, deployment_id: Id, revision_id: Id, *, key: str | None = None) -> Started:
        """The same revision once more."""
        path = f"{DEPLOYMENTS}/{deployment_id}/revisions/{revision_id}/redeploy"
        return _started(self.send("POST", path, key=key or _key()))

    def roll_back(self, deployment_id: Id, *, to: Id | int, key: str | None = None) -> Operation:
        """A new revision that is what an earlier one was, by its number or id."""
        body = {"number": to} if isinstance(to, int) else {"revision_id": str(to)}
        path = f"{OURS}/deployments/{deployment_id}/rollback"
        return Operation.model_validate(self.send("POST", path, body, key=key or _key()).json())

    def preview(
        self, deployment_id: Id, *, revision_id: Id | None = None, key: str | None = None
    ) -> Operation:
        """Find out what bringing a revision up would change; the newest when none is named."""
        body = {} if revision_id is None else {"revision_id": str(revision_id)}
        path = f"{OURS}/deployments/{deployment_id}/preview"
        return Operation.model_validate(self.send("POST", path, body, key=key or _key()).json())

    # operations

    def operations(
        self,
        *,
        deployment_id: Id | None = None,
        kind: str | None = None,
        status: Iterable[str] = (),
    ) -> Iterator[Operation]:
        """Newest first."""
        where = {"deployment_id": deployment_id and str(deployment_id), "kind": kind}
        for one in self.pages(f"{OURS}/operations", **where, status=list(status) or None):
            yield Operation.model_validate(one)

    def operation(self, operation_id: str) -> Operation:
        """One of them."""
        return Operation.model_validate(self.get(f"{OURS}/operations/{operation_id}"))

    def events(self, operation_id: str, *, after: int = 0) -> Iterator[Event]:
        """What happens in it, from the first or from behind `after`, until it has ended."""
        path = f"{OURS}/operations/{operation_id}/events"
        for sent in self.follow(path, last=str(after)):
            if sent.kind != "end":
                yield Event.model_validate(sent.data)

    def wait(self, operation_id: str) -> Operation:
        """The operation once it has ended."""
        for _ in self.events(operation_id):
            pass
        return self.operation(operation_id)

    def cancel(self, operation_id: str) -> Operation:
        """Let it end: at once, or when what is in flight is done."""
        return self._decide(operation_id, "cancel")

    def approve(self, operation_id: str) -> Operation:
        """Let its plan be carried out."""
        return self._decide(operation_id, "approve")

    def reject(self, operation_id: str) -> Operation:
        """Let its plan not be carried out."""
        return self._decide(operation_id, "reject")

    def failure(self, operation_id: str) -> FailureNow:
        """Why it failed, with the last lines of the tasks that ended."""
        return FailureNow.model_validate(self.get(f"{OURS}/operations/{operation_id}/failure"))

    def _decide(self, operation_id: str, verb: str) -> Operation:
        path = f"{OURS}/operations/{operation_id}/{verb}"
        return Operation.model_validate(self.send("POST", path).json())

    # logs

    def logs(
        self,
        deployment_id: Id,
        *,
        revision_id: Id | None = None,
        build: bool = False,
        **asked: object,
    ) -> LogPage:
        """Log lines; `asked` is the platform's request (level, query, limit, order, offset …)."""
        where = "" if revision_id is None else f"/revisions/{revision_id}"
        which = "build_logs" if build else "deploy_logs"
        path = f"/v1/projects/{deployment_id}{where}/{which}"
        return LogPage.model_validate(self.send("POST", path, asked).json())

    # connections

    def accounts(self, *, status: str | None = None) -> Iterator[Account]:
        """The tenant's connections, oldest first."""
        for one in self.pages(f"{OURS}/accounts", status=status):
            yield Account.model_validate(one)

    def account(self, name_or_id: Id) -> Account:
        """One of them, by name or by id."""
        if (id_ := _uuid(name_or_id)) is not None:
            return Account.model_validate(self.get(f"{OURS}/accounts/{id_}"))
        for one in self.accounts():
            if one.name == name_or_id:
                return one
        raise NotFound(
            "connection",
            wanted="the name or id of a connection",
            got=str(name_or_id),
            next_step="List them: `byoc connection list`.",
        )

    def connect(self, body: Mapping[str, Any]) -> tuple[Account, Setup]:
        """A new connection, and what the customer has to run."""
        told = self.send("POST", f"{OURS}/accounts", body).json()
        return Account.model_validate(told), Setup.model_validate(told["setup"])

    def setup(self, account_id: Id) -> Setup:
        """What the customer has to run, with the external ids as they are now."""
        return Setup.model_validate(self.get(f"{OURS}/accounts/{account_id}/setup"))

    def activate(self, account_id: Id) -> Account:
        """Prove the connection, and use it from now on."""
        return self._account("POST", f"{account_id}/activate")

    def revoke(self, account_id: Id) -> Account:
        """Stop using it; deployments run on unattended."""
        return self._account("POST", f"{account_id}/revoke")

    def offer_rotation(self, account_id: Id) -> Account:
        """Offer a new external id: the set-up then has both."""
        return self._account("POST", f"{account_id}/rotation")

    def advance_rotation(self, account_id: Id) -> Account:
        """Go on with the new external id, as far as the customer's set-up lets us."""
        return self._account("POST", f"{account_id}/rotation/advance")

    def delete_account(self, account_id: Id) -> None:
        """Delete the connection; nothing that the customer's own stack made is touched."""
        self.send("DELETE", f"{OURS}/accounts/{account_id}")

    def put_platform_secret(self, account_id: Id, name: str, value: str) -> None:
        """Give all deployments of the connection a secret, with their next revision."""
        path = f"{OURS}/accounts/{account_id}/platform-secrets/{name}"
        self.send("PUT", path, {"value": value})

    def _account(self, method: str, path: str) -> Account:
        return Account.model_validate(self.send(method, f"{OURS}/accounts/{path}").json())

    # keys

    def api_keys(self) -> Iterator[Key]:
        """The tenant's API keys, oldest first."""
        for one in self.pages(f"{OURS}/keys"):
            yield Key.model_validate(one)

    def create_key(self, name: str, scope: str, *, expires_at: str | None = None) -> Key:
        """A new key; `key` is shown this once."""
        body = {"name": name, "scope": scope, "expires_at": expires_at}
        return Key.model_validate(self.send("POST", f"{OURS}/keys", body).json())

    def revoke_key(self, key_id: Id) -> Key:
        """End a key at once and for good."""
        return Key.model_validate(self.send("POST", f"{OURS}/keys/{key_id}/revoke").json())


def _key() -> str:
    return uuid.uuid4().hex


def _uuid(given: Id) -> uuid.UUID | None:
    try:
        return given if isinstance(given, uuid.UUID) else uuid.UUID(given)
    except ValueError:
        return None


def _secret(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def _started(answer: Any) -> Started:  # noqa: ANN401 - httpx's, which only the module below knows
    return Started(
        deployment=Deployment.model_validate(answer.json()), operation_id=_operation_id(answer)
    )


def _operation_id(answer: Any) -> str | None:  # noqa: ANN401 - as above
    place: str | None = answer.headers.get("Operation-Location")
    return place.rsplit("/", 1)[-1] if place else None

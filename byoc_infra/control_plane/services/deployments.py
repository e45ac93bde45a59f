"""Deployments: created, changed, read and deleted, as the platform's API has it."""

import uuid
from collections.abc import Sequence
from typing import Any

from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.deployments import (
    BulkDeletion,
    Deployment,
    DeploymentCreate,
    DeploymentFilter,
    DeploymentPatch,
    DeploymentsList,
    NotDeleted,
)
from byoc_infra.control_plane.services import _asked, _placement, _shown, audit, operations, quota
from byoc_infra.control_plane.services._composition import Base, Composed, size_of
from byoc_infra.control_plane.services._names import aws_name
from byoc_infra.control_plane.services._rollout import (
    Rollout,
    Tools,
    alive,
    base_of,
    headers,
    references_of,
    write,
)
from byoc_infra.control_plane.services._variables import PLATFORM_NAMES, Variables, told_apart
from byoc_infra.control_plane.services.idempotency import Claim, Reply
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.deployments import Which, name_taken
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    DeploymentRow,
    OperationRow,
    RevisionRow,
)
from byoc_infra.errors import ByocError, NotFound, SpecError

__all__ = ["Deployments"]


class Deployments:
    """A tenant's deployments."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._store = tools.store

    def page(self, caller: Caller, which: DeploymentFilter) -> DeploymentsList:
        """Some of them, newest first; two queries, however many there are."""
        _asked.refuse_agents("agent_id" if which.agent_id else None)
        _asked.refuse_agents("agent_environment" if which.agent_environment else None)
        wanted = Which(
            name=which.name,
            name_contains=which.name_contains,
            status=which.status,
            deployment_type=which.deployment_type,
            ids=_ids(which.deployment_ids),
        )
        if which.remote_reconciled is False or which.tag_value_ids or which.image_version:
            return DeploymentsList(resources=[], offset=which.offset)
        with self._store.begin() as tx:
            rows = tx.deployments.page(
                caller.tenant_id, wanted, limit=which.limit, offset=which.offset
            )
            known = {one.latest_revision_id: one for one in rows if one.latest_revision_id}
            latest = tx.revisions.by_ids(known)
            shown = [_shown.deployment(row, latest[id_]) for id_, row in known.items()]
        return DeploymentsList(resources=shown, offset=which.offset + len(shown))

    def get(self, caller: Caller, deployment_id: uuid.UUID) -> Deployment:
        """One of them."""
        with self._store.begin() as tx:
            row = tx.deployments.get(caller.tenant_id, deployment_id)
            return _shown.deployment(row, _latest(tx, row))

    def create(self, caller: Caller, body: DeploymentCreate, claim: Claim) -> Reply:
        """A new one with its first revision, which is queued."""
        asked = _asked.of_create(body)
        given = told_apart(body.secrets)
        self._check_postgres(asked, given, has_one=False, is_new=True)
        change = _asked.change_of(asked, given)
        with self._store.begin() as tx:
            account = _placement.chosen(tx, caller, asked.source_config)
            quota.take(tx, caller.tenant_id)
            if tx.deployments.named(caller.tenant_id, body.name):
                raise name_taken(body.name)
        rollout = Rollout(
            tools=self._tools,
            caller=caller,
            account=account,
            revision_id=claim.id("revision"),
            asked=asked,
            given=given,
            change=change,
        )
        base = _new(body, account)
        with rollout.prepared(base) as ready, self._store.begin() as tx:
            quota.take(tx, caller.tenant_id)
            _placement.usable(tx.accounts.get(caller.tenant_id, account.id))
            composed = ready.judged(base)
            deployment = tx.deployments.add(_row(body, account, composed, claim.id("deployment")))
            revision = _revision(deployment, composed, ready)
            operation = write(tx, self._tools, caller, deployment, revision)
            ready.claim(tx)
            audit.note(tx, caller, "deployment.create", deployment, operation_id=operation.id)
            shown = _shown.deployment(deployment, revision).model_dump(mode="json")
            return claim.finish(tx, Reply(status=201, body=shown, headers=headers(operation)))

    def patch(
        self, caller: Caller, deployment_id: uuid.UUID, body: DeploymentPatch, claim: Claim
    ) -> Reply:
        """Changed; a new revision is queued where something of what runs is named."""
        asked = _asked.of_patch(body)
        return self.change(caller, deployment_id, body, asked, claim, status=200)

    def change(
        self,
        caller: Caller,
        deployment_id: uuid.UUID,
        body: DeploymentPatch,
        asked: _asked.Asked,
        claim: Claim,
        *,
        status: int,
        always: bool = False,
    ) -> Reply:
        """`patch`, on what has been judged already; `always` makes a revision and gives it."""
        with self._store.begin() as tx:
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id))
            _asked.check_unchanged(body, deployment)
            latest = _latest(tx, deployment)
            account = tx.accounts.get(caller.tenant_id, deployment.account_id)
        if not (asked.makes_a_revision or always):
            return self._renamed(caller, deployment_id, body, claim)
        _placement.usable(account)
        given = self._given(asked, deployment, latest)
        rollout = Rollout(
            tools=self._tools,
            caller=caller,
            account=account,
            revision_id=claim.id("revision"),
            asked=asked,
            given=given,
            change=_asked.change_of(asked, given),
        )
        with (
            rollout.prepared(base_of(deployment, latest, account)) as ready,
            self._store.begin() as tx,
        ):
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id, lock=True))
            revision, operation = self._changed(tx, deployment, body, ready)
            shown = _shown.revision(revision) if always else _shown.deployment(deployment, revision)
            reply = Reply(
                status=status, body=shown.model_dump(mode="json"), headers=headers(operation)
            )
            return claim.finish(tx, reply)

    def _changed(
        self,
        tx: Transaction,
        deployment: DeploymentRow,
        body: DeploymentPatch,
        ready: Rollout,
    ) -> tuple[RevisionRow, OperationRow]:
        """Composed again on what is there now, under the deployment's lock, and queued."""
        before = audit.state(deployment)
        latest = _latest(tx, deployment)
        composed = ready.judged(base_of(deployment, latest, ready.account))
        _apply(deployment, body, composed)
        revision = _revision(deployment, composed, ready, latest)
        operation = write(tx, self._tools, ready.caller, deployment, revision)
        ready.claim(tx)
        audit.note(
            tx,
            ready.caller,
            "deployment.update",
            deployment,
            before=before,
            operation_id=operation.id,
        )
        return revision, operation

    def delete(self, caller: Caller, deployment_id: uuid.UUID, claim: Claim) -> Reply:
        """On its way out: what is under way is stopped, and a deletion queued."""
        with self._store.begin() as tx:
            operation = self._delete(tx, caller, deployment_id)
            return claim.finish(tx, Reply(status=204, body=None, headers=headers(operation)))

    def delete_many(self, caller: Caller, ids: Sequence[uuid.UUID], claim: Claim) -> Reply:
        """Each by itself: 200 if all went well, 207 if some did; else the first one's error."""
        deleted: list[uuid.UUID] = []
        failed: dict[uuid.UUID, ByocError] = {}
        with self._store.begin() as tx:
            for deployment_id in sorted(set(ids)):  # in one order, so that nobody waits in a ring
                try:
                    self._delete(tx, caller, deployment_id)
                except NotFound as error:
                    failed[deployment_id] = error
                else:
                    deleted.append(deployment_id)
            if failed and not deleted:
                raise next(iter(failed.values()))
            body = BulkDeletion(
                deleted=deleted,
                failed=[NotDeleted(id=id_, detail=str(error)) for id_, error in failed.items()],
            )
            reply = Reply(status=207 if failed else 200, body=body.model_dump(mode="json"))
            return claim.finish(tx, reply)

    def _delete(self, tx: Transaction, caller: Caller, deployment_id: uuid.UUID) -> OperationRow:
        deployment = tx.deployments.get(caller.tenant_id, deployment_id, lock=True)
        under_way = tx.operations.open_of(deployment.id, lock=True)
        for one in under_way:
            if one.kind == "delete":
                return one
        before = audit.state(deployment)
        for one in under_way:
            if one.status != "QUEUED":  # those never begin: the deletion comes after them
                tx.operations.cancel(one)
        deployment.status = "AWAITING_DELETE"
        operation = operations.start(
            tx,
            self._tools.queue,
            caller=caller,
            deployment=deployment,
            kind="delete",
            revision_id=deployment.latest_revision_id,
        )
        audit.note(
            tx, caller, "deployment.delete", deployment, before=before, operation_id=operation.id
        )
        return operation

    def _renamed(
        self, caller: Caller, deployment_id: uuid.UUID, body: DeploymentPatch, claim: Claim
    ) -> Reply:
        """What changes without a revision: how it is shown."""
        with self._store.begin() as tx:
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id, lock=True))
            before = audit.state(deployment)
            _apply(deployment, body)
            audit.note(tx, caller, "deployment.update", deployment, before=before)
            shown = _shown.deployment(deployment, _latest(tx, deployment))
            return claim.finish(tx, Reply(status=200, body=shown.model_dump(mode="json")))

    def _given(
        self, asked: _asked.Asked, deployment: DeploymentRow, latest: RevisionRow
    ) -> Variables | None:
        if asked.secrets is None:
            return None
        has = {*latest.secret_names, *deployment.platform_secrets}
        given = told_apart(asked.secrets, has=has)
        has_one = POSTGRES_SECRET in (latest.spec.get("secrets") or {})
        self._check_postgres(asked, given, has_one=has_one, is_new=False)
        return given

    def _check_postgres(
        self, asked: _asked.Asked, given: Variables, *, has_one: bool, is_new: bool
    ) -> None:
        _asked.check_postgres(
            given,
            asked.secrets or (),
            has_one=has_one,
            is_new=is_new,
            allow_loopback=self._tools.allow_loopback,
        )


def _latest(tx: Transaction, deployment: DeploymentRow) -> RevisionRow:
    assert deployment.latest_revision_id is not None  # noqa: S101 - written together
    return tx.revisions.get(deployment.tenant_id, deployment.latest_revision_id)


def _new(body: DeploymentCreate, account: AccountRow) -> Base:
    """What never changes of a deployment, and what its account gives it."""
    kind = body.source_config.deployment_type or account.default_deployment_type
    return Base(
        spec={
            "name": aws_name(body.name),
            "aws_account_id": account.aws_account_id,
            "region": account.region,
            "installation": account.installation,
            "size": size_of(kind),
        },
        account=references_of(account.platform_secrets),
    )


def _row(
    body: DeploymentCreate, account: AccountRow, composed: Composed, id_: uuid.UUID
) -> DeploymentRow:
    kind = body.source_config.deployment_type or account.default_deployment_type
    config: dict[str, Any] = {
        "deployment_type": kind,
        "listener_id": str(account.id),
        "listener_config": {"k8s_namespace": _placement.NAMESPACE},
    }
    if body.source_config.custom_url:
        config["custom_url"] = body.source_config.custom_url
    return DeploymentRow(
        id=id_,
        tenant_id=account.tenant_id,
        account_id=account.id,
        name=body.name,
        aws_name=composed.spec.name,
        display_name=body.display_name,
        source=body.source,
        source_config=config,
        deployment_type=kind,
        status="AWAITING_DATABASE",
        platform_secrets=_columns(composed),
    )


def _revision(
    deployment: DeploymentRow,
    composed: Composed,
    rollout: Rollout,
    latest: RevisionRow | None = None,
) -> RevisionRow:
    config = rollout.asked.source_revision_config
    return RevisionRow(
        id=rollout.revision_id,
        tenant_id=deployment.tenant_id,
        deployment_id=deployment.id,
        source=deployment.source,
        source_revision_config=config or (latest.source_revision_config if latest else {}),
        status="QUEUED",
        spec=composed.spec.model_dump(mode="json"),
        secret_names=list(composed.secret_names),
        secrets_arn=rollout.secrets_arn or (latest.secrets_arn if latest else None),
        resource_spec=composed.resource_spec,
    )


def _apply(
    deployment: DeploymentRow, body: DeploymentPatch, composed: Composed | None = None
) -> None:
    """What is said of the deployment as a whole."""
    if body.display_name is not None:
        deployment.display_name = body.display_name
    url = body.source_config and body.source_config.custom_url
    if url is not None:
        deployment.source_config = {**deployment.source_config, "custom_url": url or None}
    if composed is not None:
        deployment.platform_secrets = _columns(composed)


def _columns(composed: Composed) -> dict[str, Any]:
    return {
        name: one.model_dump(mode="json")
        for name, one in sorted(composed.platform.items())
        if name in PLATFORM_NAMES
    }


def _ids(listed: str | None) -> list[uuid.UUID] | None:
    if not listed:
        return None
    try:
        return [uuid.UUID(one.strip()) for one in listed.split(",") if one.strip()]
    except ValueError:
        raise SpecError(
            "deployment_ids",
            wanted="ids of deployments, comma between",
            got="something else",
            next_step="List the deployments, and take ids from there.",
        ) from None

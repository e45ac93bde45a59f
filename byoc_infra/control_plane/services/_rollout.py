"""The way of a change into a revision: judge, ask AWS, write.

Nothing is written to the store before AWS has answered, and no answer is waited for inside a
transaction. What is judged first is judged again under the deployment's lock, on the revision
that is the latest by then: two changes at a time do not lose each other's.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from byoc_infra.aws import images
from byoc_infra.aws.session import Session
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import operations
from byoc_infra.control_plane.services._asked import Asked
from byoc_infra.control_plane.services._composition import Base, Change, Composed, compose
from byoc_infra.control_plane.services._fields import in_the_requests_words
from byoc_infra.control_plane.services._secrets import Kept, RevisionSecret, reached
from byoc_infra.control_plane.services._variables import Variables
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    DeploymentRow,
    OperationRow,
    RevisionRow,
)
from byoc_infra.control_plane.workflows.queue import Enqueues
from byoc_infra.errors import Conflict
from byoc_infra.flows.names import names_of
from byoc_infra.spec import DeploymentSpec, SecretReference

__all__ = ["Rollout", "Tools", "alive", "base_of", "headers", "write"]

ZEROS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the services of deployments and revisions work with."""

    store: Store
    queue: Enqueues
    reach: Reach
    allow_loopback: bool = False
    """On the local cloud, where external databases are on this machine."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One revision that is about to be."""

    tools: Tools
    caller: Caller
    account: AccountRow
    revision_id: uuid.UUID
    asked: Asked
    given: Variables | None
    change: Change
    written: RevisionSecret | None = None
    """The revision's own secret, once it is there."""
    secrets_arn: str | None = None
    """Where that is."""

    def judged(self, base: Base) -> Composed:
        """The revision on top of `base`; refused if it cannot work."""
        # with it come the programs, which only the first of these requests waits for
        from byoc_infra.flows.deployment import refuse_early  # noqa: PLC0415  # as said

        with in_the_requests_words(self.asked.secrets or (), self.asked.references or ()):
            composed = compose(base, self.change)
            refuse_early(composed.spec)
            return composed

    @contextmanager
    def prepared(self, base: Base) -> Iterator["Rollout"]:
        """The same with the image by digest and the values in the customer's account.

        If the block does not end well, the values are taken away again.
        """
        draft = self._draft(base)
        values = self.given.values if self.given else {}
        if self.asked.image_uri is None and not values:
            yield self
            return
        with reached(self.tools.reach, self.account, self.caller) as session:
            image = self._pinned(session)
            secret = RevisionSecret(
                store=self.tools.store,
                account=self.account,
                names=names_of(draft),
                revision_id=self.revision_id,
            )
            if not values:
                yield self._with(image, None, None)
                return
            try:
                yield self._with(image, secret, secret.write(session, values))
            except BaseException:
                secret.discard(session)
                raise

    def _draft(self, base: Base) -> DeploymentSpec:
        """What can be judged before AWS is asked: containers stand for values to be written."""
        image = self.asked.image_uri
        if image is not None:
            with in_the_requests_words():
                reference = images.parse_reference(image)
            digest = reference.digest or f"sha256:{ZEROS}"
            image = f"{reference.registry}/{reference.repository}@{digest}"
        draft = replace(self, change=self._places(image, Kept(arn=_nowhere(self), version_id="-")))
        return draft.judged(base).spec

    def _pinned(self, session: Session) -> str | None:
        if self.asked.image_uri is None:
            return None
        with in_the_requests_words():
            return images.resolve(
                session, self.asked.image_uri, aws_account_id=self.account.aws_account_id
            ).uri_by_digest

    def _with(
        self, image: str | None, secret: RevisionSecret | None, kept: Kept | None
    ) -> "Rollout":
        arn = kept.arn if kept else None
        return replace(self, change=self._places(image, kept), written=secret, secrets_arn=arn)

    def _places(self, image: str | None, kept: Kept | None) -> Change:
        """The change with the digest and with references to the values."""
        if self.given is None or kept is None:
            return replace(self.change, image=image)
        own = {name: kept.reference(name) for name in self.given.own}
        platform = {name: kept.reference(name) for name in self.given.platform}
        return replace(self.change, image=image, own=own, platform=platform)

    def claim(self, tx: Transaction) -> None:
        """The values belong to a revision now."""
        if self.written is not None:
            self.written.claim(tx)


def _nowhere(rollout: Rollout) -> str:
    """An ARN of the right place, for what is not written yet."""
    account = rollout.account
    return (
        f"arn:aws:secretsmanager:{account.region}:{account.aws_account_id}"
        ":secret:langgraph-cloud/x-000000"
    )


def base_of(deployment: DeploymentRow, latest: RevisionRow, account: AccountRow) -> Base:
    """What a change starts from."""
    return Base(
        spec=latest.spec,
        secret_names=tuple(latest.secret_names),
        platform=references_of(deployment.platform_secrets),
        account=references_of(account.platform_secrets),
        resource_spec=latest.resource_spec or {},
    )


def references_of(kept: Mapping[str, Mapping[str, str]]) -> dict[str, SecretReference]:
    """Columns of secrets by name, as references."""
    return {
        name: SecretReference(
            arn=one["arn"], json_key=one.get("json_key"), version_id=one.get("version_id")
        )
        for name, one in kept.items()
    }


def alive(deployment: DeploymentRow) -> DeploymentRow:
    """The deployment, unless it is on its way out."""
    if deployment.status != "AWAITING_DELETE":
        return deployment
    raise Conflict(
        "deployment_id",
        wanted="a deployment that is not being deleted",
        got=f"{deployment.name}, which is {deployment.status}",
        next_step="Wait until it is gone, and create it anew.",
    )


def write(
    tx: Transaction,
    tools: Tools,
    caller: Caller,
    deployment: DeploymentRow,
    revision: RevisionRow,
) -> OperationRow:
    """The next revision of a deployment that is locked, and the operation that brings it up."""
    revision.number = tx.revisions.next_number(deployment.id)
    tx.revisions.add(revision)
    deployment.latest_revision_id = revision.id
    return operations.start(
        tx,
        tools.queue,
        caller=caller,
        deployment=deployment,
        kind="deploy",
        revision_id=revision.id,
    )


def headers(operation: OperationRow) -> dict[str, str]:
    """Where the operation can be watched."""
    return {"Operation-Location": f"/byoc/v1/operations/{operation.id}"}

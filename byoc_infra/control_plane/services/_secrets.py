"""A revision's secret values: one secret in the customer's Secrets Manager, written once.

The name is announced in the store before the secret is written, and claimed in the transaction
that writes the revision. What a request that died has left is announced and unclaimed, and is
deleted.
"""

import json
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from byoc_infra.aws import secrets
from byoc_infra.aws.session import Session
from byoc_infra.components._policies import secret_policy
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.deployments import LARGEST_VALUE
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import AccessRefused, AlreadyRunning, ByocError, CloudUnreachable, SpecError
from byoc_infra.naming import SECRET_TAG, AccountNames, DeploymentNames, Place
from byoc_infra.spec import SecretReference

__all__ = ["Kept", "RevisionSecret", "reached", "sweep"]

UNCLAIMED_AFTER = timedelta(minutes=15)
"""No request takes as long."""
NOBODY = uuid.UUID(int=0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Where a revision's values are."""

    arn: str
    version_id: str

    def reference(self, name: str) -> SecretReference:
        """Of one variable."""
        return SecretReference(arn=self.arn, json_key=name, version_id=self.version_id)


@dataclass(frozen=True, kw_only=True)
class RevisionSecret:
    """The secret of one revision that is about to be."""

    store: Store
    account: AccountRow
    names: DeploymentNames
    revision_id: uuid.UUID

    @property
    def name(self) -> str:
        """In Secrets Manager."""
        return self.names.secret(f"revision-{self.revision_id}")

    def write(self, session: Session, values: Mapping[str, str]) -> Kept:
        """Write the values, announced first."""
        text = json.dumps(dict(sorted(values.items())))
        if len(text.encode()) > LARGEST_VALUE:
            raise SpecError(
                "secrets",
                wanted=f"at most {LARGEST_VALUE} bytes in all",
                got=f"{len(text.encode())} bytes",
                next_step="Keep large values in secrets of your own, and refer to them.",
            )
        with self.store.begin() as tx:
            if not tx.unclaimed.announce(self.account.id, self.name):
                raise _too_late()
        arn, version = secrets.keep(
            session,
            self.name,
            text,
            token=str(self.revision_id),
            tags={**self.names.tags(), SECRET_TAG: self.names.installation},
            policy=json.dumps(secret_policy(_execution_role(self.account))),
        )
        return Kept(arn=arn, version_id=version)

    def claim(self, tx: Transaction) -> None:
        """The revision is there now."""
        if not tx.unclaimed.claim(self.account.id, self.name):
            raise _too_late()

    def discard(self, session: Session) -> None:
        """There is no revision. Where that cannot be done now, `sweep` does it later."""
        try:
            with self.store.begin() as tx:
                if not tx.unclaimed.doom_one(self.account.id, self.name):
                    return  # there is one: only the news of it got lost
            secrets.remove(session, self.name)
            with self.store.begin() as tx:
                tx.unclaimed.forget(self.account.id, self.name)
        except Exception as error:  # noqa: BLE001 - the caller has to hear what went wrong before
            log.warning(
                "a secret without a revision is left to the sweep: %s", type(error).__name__
            )


@contextmanager
def reached(reach: Reach, account: AccountRow, caller: Caller) -> Iterator[Session]:
    """A session in the account; one that cannot be reached is `CloudUnreachable`."""
    try:
        with reach.session(account, caller) as session:
            yield session
    except AccessRefused as refused:
        if refused.field != "role_arn":
            raise
        raise CloudUnreachable(
            "account",
            wanted=f"to reach account {account.aws_account_id}, where the values are kept",
            got=refused.got,
            next_step=f"{refused.next_step} Nothing was stored.",
        ) from None


def sweep(store: Store, reach: Reach, *, older_than: timedelta = UNCLAIMED_AFTER) -> int:
    """Delete what requests that died have written; gives how many secrets are gone."""
    with store.begin() as tx:
        left = tx.unclaimed.doom(older_than=older_than)
        accounts = {row.account_id: tx.accounts.by_id(row.account_id) for row in left}
    gone = 0
    for row in left:
        account = accounts[row.account_id]
        if account is None:  # the foreign key does not let it
            continue
        caller = Caller(
            tenant_id=account.tenant_id,
            key_id=NOBODY,
            key_name="sweep",
            scope="admin",
            request_id=f"sweep-{uuid.uuid4().hex[:16]}",
        )
        try:
            with reach.session(account, caller) as session:
                secrets.remove(session, row.name)
        except ByocError as error:
            log.warning("a secret without a revision stays for now: %s", error.code)
            continue
        with store.begin() as tx:
            tx.unclaimed.forget(row.account_id, row.name)
        gone += 1
    return gone


def _execution_role(account: AccountRow) -> str:
    """The only one who may read values: the execution role of the access role's installation."""
    names = AccountNames(account.installation)
    access = account.role_arn.rsplit("/", 1)[-1]
    suffix = access.removeprefix(names.access_role) if access != names.access_role else ""
    place = Place(account.aws_account_id, account.region)
    known = AccountNames(account.installation, suffix if suffix == f"-{account.region}" else "")
    return place.role_arn(known.execution_role)


def _too_late() -> AlreadyRunning:
    return AlreadyRunning(
        "request",
        wanted="a request that takes less than a quarter of an hour",
        got="one whose secret is being cleaned up",
        next_step="Send it again in a minute.",
    )

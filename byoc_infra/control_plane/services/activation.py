"""What proves a connection: asked of AWS each time that it is activated, nothing is believed.

Load, work, apply: the proofs are made outside any transaction, and the result is written only if
the connection is still the one that was proven.
"""

import datetime
import json
import uuid
from dataclasses import asdict, dataclass

from byoc_infra.aws import account_pieces, preflight, trust
from byoc_infra.aws.account_pieces import AccountFound
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.services.setup import names_of
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import (
    AccessRefused,
    AccountNotReady,
    ByocError,
    Conflict,
    TrustTooOpen,
    WrongAccount,
)

__all__ = ["LOOKING_ONLY", "Activation"]

LOOKING_ONLY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                    "ecs:DescribeClusters",
                    "servicediscovery:ListNamespaces",
                ],
                "Resource": "*",
            }
        ],
    },
    separators=(",", ":"),
)
"""The session policy of a look: whatever the role may do, this session changes nothing."""


@dataclass(frozen=True)
class Activation:
    """Proves connections."""

    store: Store
    reach: Reach

    def activate(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """Take the connection into use, or back into use, if everything about it is right."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id)
            _nobody_elses(tx, account)
        try:
            found = self._proven(caller, account)
        except (AccessRefused, TrustTooOpen, WrongAccount, AccountNotReady) as refused:
            self._fell_short(caller, account, refused)
            raise
        with self.store.begin() as tx:
            tx.accounts.lock_role(account.role_arn)
            row = _same(tx, caller, account)
            _nobody_elses(tx, row)
            before = audit.state(row)
            row.status, row.status_message = "active", ""
            row.network = json.loads(json.dumps(asdict(found)))
            row.checked_at = datetime.datetime.now(datetime.UTC)
            row.activated_at = row.activated_at or row.checked_at
            audit.note(tx, caller, "account.activate", row, before=before)
            return row

    def _proven(self, caller: Caller, account: AccountRow) -> AccountFound:
        """In this order: we get in; nobody else would; it is the account; all is there."""
        with self.reach.session(
            account, caller, external_id=account.external_id, session_policy=LOOKING_ONLY
        ) as session:
            with self.reach.own(account.region) as own:
                trust.check_closed(own, account.role_arn, session_name=caller.request_id[:64])
            preflight.check(session, aws_account_id=account.aws_account_id, region=account.region)
            return account_pieces.find(session, names_of(account))

    def _fell_short(self, caller: Caller, account: AccountRow, why: ByocError) -> None:
        with self.store.begin() as tx:
            row = _same(tx, caller, account)
            before = audit.state(row)
            row.checked_at = datetime.datetime.now(datetime.UTC)
            row.status = _status_after(row, why)
            row.status_message = str(why)
            audit.note(tx, caller, "account.activate_refused", row, before=before)


def _status_after(row: AccountRow, why: ByocError) -> str:
    """What a connection is after a proof that failed.

    Who is refused at the door may be let in again, which is looked for from time to time. All else
    has to be proven anew, and nothing is done in the account until then.
    """
    if row.status == "revoked":
        return "revoked"
    if isinstance(why, AccountNotReady):
        return "provisioning"
    in_use = row.status in ("active", "disconnected")
    return "disconnected" if in_use and isinstance(why, AccessRefused) else "requested"


def _same(tx: Transaction, caller: Caller, proven: AccountRow) -> AccountRow:
    """The row, for writing, if nobody has changed meanwhile what was proven."""
    row = tx.accounts.get(caller.tenant_id, proven.id, lock=True)
    if (row.external_id, row.status) != (proven.external_id, proven.status):
        raise Conflict(
            "account",
            wanted="a connection that nobody else changes meanwhile",
            got=f"{row.name}: {row.status}",
            next_step="Look at it, and send the request again.",
        )
    return row


def _nobody_elses(tx: Transaction, account: AccountRow) -> None:
    """One role belongs to one tenant, and serves one connection in a region."""
    for other in tx.accounts.proven(account.role_arn):
        mine = other.tenant_id == account.tenant_id
        if other.id == account.id or (mine and other.region != account.region):
            continue
        raise Conflict(
            "role_arn",
            wanted="a role that no other connection uses",
            got=f"{account.role_arn}, used by {other.name if mine else 'another tenant'}",
            next_step="Use that connection."
            if mine
            else "Revoke the connection there first, or set up another installation.",
        )

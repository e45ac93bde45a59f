"""Replacing a connection's external id without a moment in which nobody gets in.

none → *offered*: a second id is made; the customer's trust is to name both. → *retiring*: the
second one was seen to let us in and is the one in use; the trust is to name it alone. → none: the
first one was seen to be refused. Each step is proven against AWS before it is taken.
"""

import uuid
from dataclasses import dataclass

from byoc_infra.aws import trust
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.accounts import Rotation as Phase
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.services.accounts import new_external_id
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import Conflict

__all__ = ["Rotation", "phase_of"]

IN_USE = ("active", "disconnected")


def phase_of(account: AccountRow) -> Phase:
    """Where the replacement of the connection's external id stands."""
    if account.next_external_id is not None:
        return "offered"
    return "none" if account.retired_external_id is None else "retiring"


@dataclass(frozen=True)
class Rotation:
    """Replaces external ids."""

    store: Store
    reach: Reach

    def start(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """Offer a second id, which the customer adds to the trust."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            _in_phase(account, "none")
            if account.status not in IN_USE:
                raise Conflict(
                    "account",
                    wanted="a connection that was activated and not ended",
                    got=account.status,
                    next_step="Activate it first; before that there is nothing to replace.",
                )
            before = audit.state(account)
            account.next_external_id = new_external_id()
            audit.note(tx, caller, "account.rotation.start", account, before=before)
            return account

    def advance(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """Take the next step, if AWS shows that the customer has taken theirs."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id)
        match phase_of(account):
            case "offered":
                return self._use_the_new_one(caller, account)
            case "retiring":
                return self._see_the_old_one_refused(caller, account)
            case _:
                raise _wrong_phase(account, "offered or retiring")

    def give_up(self, caller: Caller, account_id: uuid.UUID) -> AccountRow:
        """Take the offer back; once the new id is in use it is too late for that."""
        with self.store.begin() as tx:
            account = tx.accounts.get(caller.tenant_id, account_id, lock=True)
            _in_phase(account, "offered")
            before = audit.state(account)
            account.next_external_id = None
            audit.note(tx, caller, "account.rotation.give_up", account, before=before)
            return account

    def _use_the_new_one(self, caller: Caller, account: AccountRow) -> AccountRow:
        with (
            self.reach.session(account, caller, external_id=account.next_external_id),
            self.reach.own(account.region) as own,
        ):
            trust.check_closed(own, account.role_arn, session_name=caller.request_id[:64])
        with self.store.begin() as tx:
            row = _same(tx, caller, account)
            before = audit.state(row)
            row.retired_external_id = row.external_id
            row.external_id = str(row.next_external_id)
            row.next_external_id = None
            audit.note(tx, caller, "account.rotation.switch", row, before=before)
            return row

    def _see_the_old_one_refused(self, caller: Caller, account: AccountRow) -> AccountRow:
        with self.reach.session(account, caller), self.reach.own(account.region) as own:
            old_works = trust.lets_in(
                own,
                account.role_arn,
                account.retired_external_id,
                session_name=caller.request_id[:64],
            )
        if old_works:
            raise Conflict(
                "external_ids",
                wanted="a trust that refuses the id that was replaced",
                got="one that still takes it",
                next_step="The account's owner leaves only the new id in external_ids, runs "
                "`byoc account up`, and you ask again.",
            )
        with self.store.begin() as tx:
            row = _same(tx, caller, account)
            before = audit.state(row)
            row.retired_external_id = None
            audit.note(tx, caller, "account.rotation.finish", row, before=before)
            return row


def _same(tx: Transaction, caller: Caller, proven: AccountRow) -> AccountRow:
    row = tx.accounts.get(caller.tenant_id, proven.id, lock=True)
    if _ids(row) != _ids(proven):
        raise _wrong_phase(row, "the phase that was just proven")
    return row


def _ids(account: AccountRow) -> tuple[str | None, ...]:
    return account.external_id, account.next_external_id, account.retired_external_id


def _in_phase(account: AccountRow, wanted: Phase) -> None:
    if phase_of(account) != wanted:
        raise _wrong_phase(account, wanted)


def _wrong_phase(account: AccountRow, wanted: str) -> Conflict:
    return Conflict(
        "rotation",
        wanted=wanted,
        got=phase_of(account),
        next_step="Look at the connection's `rotation`, and go on from there.",
    )

"""Connections to customers' accounts over HTTP."""

import uuid
from typing import Any

from fastapi import APIRouter, status

from byoc_infra.control_plane.context import Admin, Context, Read
from byoc_infra.control_plane.models._base import Listed
from byoc_infra.control_plane.models.accounts import (
    Account,
    AccountCreate,
    AccountCreated,
    AccountDeleted,
    AccountPatch,
    AccountStatus,
    KeptSecret,
    PlatformSecretGiven,
    PlatformSecretPut,
    Setup,
)
from byoc_infra.control_plane.routes._errors import documented
from byoc_infra.control_plane.routes._pages import Limit, Offset
from byoc_infra.control_plane.services.rotation import phase_of
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import (
    AccessRefused,
    AccountNotReady,
    CallRejected,
    CloudUnreachable,
    Conflict,
    ConnectionUnusable,
    NotFound,
    TrustTooOpen,
    WrongAccount,
)
from byoc_infra.spec import PlatformSecret

__all__ = ["router"]

router = APIRouter(prefix="/byoc/v1/accounts", tags=["accounts"])

OF_AWS = (AccessRefused, CallRejected, CloudUnreachable)
PROOFS = (NotFound, TrustTooOpen, WrongAccount, AccountNotReady, Conflict, *OF_AWS)


@router.post(
    "",
    summary="Connect an account",
    status_code=status.HTTP_201_CREATED,
    responses=documented(Conflict, *OF_AWS),
)
def create_account(caller: Admin, services: Context, asked: AccountCreate) -> AccountCreated:
    """A connection with an external id of its own, and what the customer has to run."""
    account, setup = services.accounts.create(caller, asked)
    return AccountCreated(**_fields(account), setup=setup)


@router.get("", summary="List connections")
def list_accounts(
    caller: Read,
    services: Context,
    limit: Limit = 20,
    offset: Offset = 0,
    status: AccountStatus | None = None,
) -> Listed[Account]:
    """Oldest first; deleted ones only when asked for by that status."""
    found = services.accounts.of_tenant(caller, limit=limit, offset=offset, status=status)
    return Listed(resources=[_shown(one) for one in found], offset=offset + len(found))


@router.get("/{account_id}", summary="Look at a connection", responses=documented(NotFound))
def get_account(caller: Read, services: Context, account_id: uuid.UUID) -> Account:
    """Its status, and why it is what it is."""
    return _shown(services.accounts.get(caller, account_id))


@router.patch(
    "/{account_id}", summary="Change a connection", responses=documented(NotFound, Conflict)
)
def change_account(
    caller: Admin, services: Context, account_id: uuid.UUID, asked: AccountPatch
) -> Account:
    """Its name, or the default type of its deployments."""
    return _shown(services.accounts.change(caller, account_id, asked))


@router.delete(
    "/{account_id}", summary="Delete a connection", responses=documented(NotFound, Conflict)
)
def delete_account(caller: Admin, services: Context, account_id: uuid.UUID) -> AccountDeleted:
    """Refused while there are deployments. What the customer's stack made is not touched."""
    removal = services.accounts.delete(caller, account_id)
    kept = [KeptSecret(name=name, why=why) for name, why in removal.kept.items()]
    return AccountDeleted(id=account_id, removed=removal.removed, kept=kept)


@router.get(
    "/{account_id}/setup",
    summary="What the customer has to run",
    responses=documented(NotFound, *OF_AWS),
)
def get_setup(caller: Admin, services: Context, account_id: uuid.UUID) -> Setup:
    """The account file and the commands, with the external ids as they are now."""
    return services.accounts.setup(caller, account_id)


@router.post(
    "/{account_id}/activate", summary="Prove a connection and use it", responses=documented(*PROOFS)
)
def activate_account(caller: Admin, services: Context, account_id: uuid.UUID) -> Account:
    """Refused unless the role lets us in with the external id and not without or with another, is
    the declared account's and nobody else's, and exactly one network is there and fits. Asked
    again, it proves all of it again.
    """
    return _shown(services.activation.activate(caller, account_id))


@router.post(
    "/{account_id}/revoke", summary="Stop using a connection", responses=documented(NotFound)
)
def revoke_account(caller: Admin, services: Context, account_id: uuid.UUID) -> Account:
    """Nothing in the account is changed: deployments go on running, unattended."""
    return _shown(services.accounts.revoke(caller, account_id))


@router.post(
    "/{account_id}/rotation",
    summary="Offer a new external id",
    status_code=status.HTTP_201_CREATED,
    responses=documented(NotFound, Conflict),
)
def start_rotation(caller: Admin, services: Context, account_id: uuid.UUID) -> Account:
    """The set-up then has both ids, and the customer runs it again."""
    return _shown(services.rotation.start(caller, account_id))


@router.post(
    "/{account_id}/rotation/advance",
    summary="Go on with a new external id",
    responses=documented(NotFound, Conflict, TrustTooOpen, *OF_AWS),
)
def advance_rotation(caller: Admin, services: Context, account_id: uuid.UUID) -> Account:
    """From offered to retiring once the new id lets us in; from there to the end once the old one
    does not.
    """
    return _shown(services.rotation.advance(caller, account_id))


@router.delete(
    "/{account_id}/rotation",
    summary="Take the offer of a new external id back",
    responses=documented(NotFound, Conflict),
)
def give_rotation_up(caller: Admin, services: Context, account_id: uuid.UUID) -> Account:
    """Possible until the new id is in use."""
    return _shown(services.rotation.give_up(caller, account_id))


@router.put(
    "/{account_id}/platform-secrets/{name}",
    summary="Give all deployments a secret",
    responses=documented(NotFound, Conflict, ConnectionUnusable, *OF_AWS),
)
def put_platform_secret(
    caller: Admin,
    services: Context,
    account_id: uuid.UUID,
    name: PlatformSecret,
    asked: PlatformSecretPut,
) -> PlatformSecretGiven:
    """The value goes into the customer's Secrets Manager and nowhere else."""
    given = services.platform_secrets.put(caller, account_id, name, asked.value.get_secret_value())
    return PlatformSecretGiven(name=name, arn=given.arn, version_id=given.version_id or "")


@router.delete(
    "/{account_id}/platform-secrets/{name}",
    summary="Give no further revision a secret",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(NotFound),
)
def remove_platform_secret(
    caller: Admin, services: Context, account_id: uuid.UUID, name: PlatformSecret
) -> None:
    """The value stays for tasks of earlier revisions until the connection is deleted."""
    services.platform_secrets.remove(caller, account_id, name)


def _shown(row: AccountRow) -> Account:
    return Account(**_fields(row))


def _fields(row: AccountRow) -> dict[str, Any]:
    same = Account.model_fields.keys() - {"platform_secrets", "rotation"}
    return {
        **{name: getattr(row, name) for name in same},
        "platform_secrets": sorted(row.platform_secrets),
        "rotation": phase_of(row),
    }

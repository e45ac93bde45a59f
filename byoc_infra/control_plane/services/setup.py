"""What the customer's cloud engineer is given: the account file, and the commands for it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from byoc_infra.control_plane.models.accounts import AccountCreate, Setup
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import ServerFailed
from byoc_infra.naming import AccountNames, Place

__all__ = ["kept", "names_of", "place_of", "setup_of", "vendor_principal"]

REDIS = "byoc/redis"
ASSUMED = re.compile(r"arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/.+")
PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+")
COMMANDS = ["byoc account preview -f account.yaml", "byoc account up -f account.yaml"]
HEAD = """\
# Connects this AWS account to the control plane. With credentials of the account itself:
#   byoc account preview -f account.yaml    shows all that would be made
#   byoc account up -f account.yaml         makes it
# The fields above the line are the control plane's and stay as they are.
"""
LINE = """\
# ---- what you decide; all fields: docs/settings.md ----
# The cache that deployments run: a tag of this account's ECR, pinned to its digest by `up`.
"""


def kept(asked: AccountCreate) -> dict[str, Any]:
    """What the account file is written from later, as it stands in the row."""
    place = Place(asked.aws_account_id, asked.region)
    registry = f"{asked.aws_account_id}.dkr.ecr.{asked.region}.{place.dns_suffix}"
    return {
        "first_region": asked.first_region,
        "redis_image": asked.redis_image or f"{registry}/{REDIS}:8",
        "repositories": list(asked.repositories),
    }


def names_of(account: AccountRow) -> AccountNames:
    """What the account's pieces are called."""
    return AccountNames.of(account.installation, account.region, account.setup.get("first_region"))


def place_of(account: AccountRow) -> Place:
    """Where the account's pieces are."""
    return Place(account.aws_account_id, account.region)


def vendor_principal(told: str | None, reach: Reach, region: str) -> str:
    """The principal with which the control plane assumes roles: as told, or as AWS says."""
    if told is not None:
        return told
    with reach.own(region) as own:
        arn = own.identity().arn
    if assumed := ASSUMED.fullmatch(arn):
        partition, account, role = assumed.groups()
        return f"arn:{partition}:iam::{account}:role/{role}"
    if PRINCIPAL.fullmatch(arn):
        return arn
    raise ServerFailed(
        "BYOC_VENDOR_PRINCIPAL_ARN",
        wanted="credentials of one IAM role or user, which customers' roles can trust",
        got=arn,
        next_step="The control plane's operator sets the variable, or gives it such credentials.",
    )


def setup_of(account: AccountRow, principal: str) -> Setup:
    """The file and the commands, for the connection as it is now."""
    external_ids = trusted_ids(account)
    return Setup(
        role_arn=account.role_arn,
        vendor_principal_arn=principal,
        external_ids=external_ids,
        account_yaml=_file(account, principal, external_ids),
        commands=COMMANDS,
        next_step="Run the commands with the account's own AWS credentials, then activate the "
        "connection."
        if account.activated_at is None
        else "Change these fields in the account file in use, and run the commands again.",
    )


def trusted_ids(account: AccountRow) -> list[str]:
    """What the role's trust is to name: the id in use and the one offered; no retired one."""
    ids = (account.external_id, account.next_external_id)
    return [one for one in ids if one is not None]


def _file(account: AccountRow, principal: str, external_ids: Sequence[str]) -> str:
    fixed: dict[str, Any] = {
        "aws_account_id": account.aws_account_id,
        "region": account.region,
        "installation": account.installation,
        "first_region": account.setup.get("first_region"),
        "vendor_principal_arn": principal,
        "external_ids": list(external_ids),
    }
    chosen = {name: account.setup[name] for name in ("redis_image", "repositories")}
    return HEAD + _yaml({k: v for k, v in fixed.items() if v is not None}) + LINE + _yaml(chosen)


def _yaml(values: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(values), sort_keys=False, width=200)
    return text

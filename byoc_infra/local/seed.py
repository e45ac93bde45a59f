"""What is there before anybody has done anything: two accounts with one user each."""

import json
from typing import Any

from byoc_infra.local.instances import Instance, LocalAccount
from byoc_infra.local.persistence import backend_of

__all__ = ["sow"]

MAY_ALL = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
MAY_ASSUME = [
    {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Resource": "*",
    }
]


def sow(instance: Instance) -> None:
    """Make the vendor's control plane, and an administrator for each account."""
    _user(instance.vendor, "assume-roles", MAY_ASSUME)
    _user(instance.vendor_admin, "administrator", MAY_ALL)
    _user(instance.customer, "administrator", MAY_ALL)


def _user(account: LocalAccount, policy: str, statements: list[dict[str, Any]]) -> None:
    iam = backend_of("iam", account.id, "aws")
    name = account.principal_arn.rpartition("/")[2]
    iam.create_user("aws", name)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(name, policy, document)
    key = iam.create_access_key(name)
    # Moto makes up the key; ours is known before moto is, and stays over restarts.
    del iam.access_keys[key.access_key_id]
    key.access_key_id, key.secret_access_key = account.access_key_id, account.secret_access_key
    iam.access_keys[key.access_key_id] = key

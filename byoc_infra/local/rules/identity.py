"""IAM: attached policies stay."""

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto."""
    hooks.before("iam", "DeletePolicy", keep_attached_policy)


def keep_attached_policy(call: Call) -> None:
    """Moto would leave a role that can never be deleted."""
    policy = backend_of("iam", call.account_id, "aws").managed_policies.get(
        call.params["PolicyArn"]
    )
    if policy is not None and policy.attachment_count > 0:
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)

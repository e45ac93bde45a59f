"""Secrets Manager: a deleted secret keeps its name through its recovery window."""

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]


def register(hooks: Hooks) -> None:
    """Put the rule in front of moto."""
    hooks.before("secretsmanager", "CreateSecret", refuse_waiting_name)


def refuse_waiting_name(call: Call) -> None:
    """Moto refuses it too, in the words for a secret that is there."""
    held = backend_of("secretsmanager", call.account_id, call.region).secrets
    found = held.get(call.params["Name"])
    if found is not None and found.is_deleted():
        raise AwsError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled "
            "for deletion.",
        )

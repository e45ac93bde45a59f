"""What AWS refuses and moto does not, one file a service.

A rule runs when the call is authorised and before moto sees it. Each has AWS's error code; the
words are AWS's where they are known.
"""

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.rules import (
    balancers,
    databases,
    discovery,
    endpoints,
    identity,
    names,
    network,
    secret_names,
)
from byoc_infra.local.rules.holders import Holders

__all__ = ["Holders", "register"]


def register(hooks: Hooks, holders: Holders) -> None:
    """Put every rule in front of moto."""
    names.register(hooks)
    network.register(hooks, holders)
    balancers.register(hooks)
    databases.register(hooks)
    discovery.register(hooks)
    endpoints.register(hooks)
    identity.register(hooks)
    secret_names.register(hooks)

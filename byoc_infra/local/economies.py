"""What moto and botocore find out anew with each call, found out once in this process."""

from collections.abc import Mapping
from functools import cache, lru_cache

import botocore.session
import botocore.useragent
import moto.core.responses
import moto.core.utils
from botocore.hooks import EVENT_ALIASES, BaseEventHooks, EventAliaser
from moto import backends

__all__ = ["apply"]

ALIASED: dict[str, str] = {}
"""Botocore's events by the names that they once had."""


class Aliaser(EventAliaser):
    """Looks a name up once and not once for each client, of which a test may make twenty."""

    def __init__(
        self, event_emitter: BaseEventHooks, event_aliases: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(event_emitter, event_aliases)
        if event_aliases in (None, EVENT_ALIASES):
            self._alias_name_cache = ALIASED


def apply() -> None:
    """Make requests cheaper for the life of this process; what is answered stays the same."""
    modules = frozenset(backends.list_of_moto_modules())
    # the directory listing of a package, with each request
    vars(backends)["list_of_moto_modules"] = lambda: modules
    # a look through all attributes of a service's class, with each request
    vars(moto.core.responses)["method_names_from_class"] = cache(
        moto.core.utils.method_names_from_class
    )
    # the directories of all services and the JSON of one, for each client and each service
    shared = cache(botocore.session.create_loader)
    vars(botocore.session)["create_loader"] = shared
    vars(moto.core.utils)["create_loader"] = shared
    vars(botocore.session)["EventAliaser"] = Aliaser
    # character by character, several words with each request
    vars(botocore.useragent)["sanitize_user_agent_string_component"] = lru_cache(
        botocore.useragent.sanitize_user_agent_string_component
    )

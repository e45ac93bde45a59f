"""What moto and botocore find out anew with each call, found out once in this process."""

from functools import cache

import botocore.session
import moto.core.responses
import moto.core.utils
from moto import backends

__all__ = ["apply"]


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

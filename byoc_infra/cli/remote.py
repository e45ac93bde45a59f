"""The way to the control plane: where it is and whose key is used, by the environment."""

import os
from typing import TYPE_CHECKING

from byoc_infra.errors import Unauthorized

if TYPE_CHECKING:
    from byoc_infra.client import Client

__all__ = ["connected"]

URL, KEY, TENANT = "BYOC_URL", "BYOC_API_KEY", "BYOC_TENANT_ID"
USUAL_URL = "http://127.0.0.1:8400"


def connected() -> "Client":
    """A client of the control plane; the caller closes it."""
    from byoc_infra import redaction
    from byoc_infra.client import Client

    key = os.environ.get(KEY, "")
    if not key:
        raise Unauthorized(
            KEY,
            wanted="an API key of the control plane, in this variable",
            got="nothing",
            next_step="`byoc tenant create` on the server makes a tenant's first; then "
            "`byoc keys create`.",
        )
    redaction.hide(key)
    return Client(os.environ.get(URL) or USUAL_URL, key, tenant_id=os.environ.get(TENANT) or None)

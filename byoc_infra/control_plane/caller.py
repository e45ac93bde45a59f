"""Who asks: the API key behind a request, and what it may do."""

import re
import uuid
from dataclasses import dataclass
from typing import Literal, get_args

from byoc_infra.errors import Forbidden

__all__ = ["Caller", "Scope"]

Scope = Literal["read", "deploy", "admin"]
"""Each may do what the one before may."""
SCOPES: tuple[str, ...] = get_args(Scope)
NOT_IN_IDENTITY = re.compile(r"[^\w+=,.@-]")
"""What STS takes in a SourceIdentity (STS API reference, AssumeRole), turned round."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The key behind one request."""

    tenant_id: uuid.UUID
    key_id: uuid.UUID
    key_name: str
    scope: Scope
    request_id: str
    """On every log line, audit row and answer of the request."""

    @property
    def actor(self) -> str:
        """In audit rows."""
        return str(self.key_id)

    @property
    def source_identity(self) -> str:
        """What CloudTrail shows in the customer's account, at most 64 characters."""
        name = NOT_IN_IDENTITY.sub("-", self.key_name)[:40]
        return f"{name}@{self.key_id.hex[:12]}"

    def require(self, scope: Scope) -> None:
        """Refuse a key whose scope does not reach `scope`."""
        if SCOPES.index(self.scope) < SCOPES.index(scope):
            raise Forbidden(
                "X-Api-Key",
                wanted=f"a key of scope {scope}",
                got=f"one of scope {self.scope}",
                next_step="Ask the tenant's administrator for one.",
            )

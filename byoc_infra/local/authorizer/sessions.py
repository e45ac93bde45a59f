"""Sessions of assumed roles: what the local cloud remembers of each, besides moto."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from byoc_infra.local.wire import Principal

__all__ = ["Session"]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One set of temporary credentials; plain data, so that it survives the emulator."""

    access_key_id: str
    secret_access_key: str
    token: str
    role_arn: str
    role_id: str
    account_id: str
    name: str
    expires_at: float
    """On the local cloud's own clock, which tests may move."""
    session_policies: tuple[str, ...] | None = None
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive_tags: frozenset[str] = frozenset()
    """Keys of `tags` that go on to sessions which this one opens."""

    @property
    def arn(self) -> str:
        """The session as a principal: `arn:aws:sts::…:assumed-role/<role>/<session>`."""
        role = self.role_arn.rsplit("/", 1)[-1]
        return f"arn:aws:sts::{self.account_id}:assumed-role/{role}/{self.name}"

    @property
    def principal(self) -> Principal:
        """The session as the one who signs requests."""
        return Principal(
            arn=self.arn,
            account_id=self.account_id,
            role_arn=self.role_arn,
            session_policies=self.session_policies,
            source_identity=self.source_identity,
            tags=self.tags,
        )

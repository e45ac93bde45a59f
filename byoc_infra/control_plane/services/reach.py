"""The way into a customer's account, for what a request itself does there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from byoc_infra.aws.session import Session, open_session
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.spec import AccessSpec

__all__ = ["Reach"]

SESSION_S = 900
"""The shortest session that STS gives."""


class Reach:
    """Assumes an account's role in the name of whoever asks."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """`env` stands for the process's environment: the control plane's own credentials."""
        self._env = env

    @contextmanager
    def session(self, account: AccountRow, caller: Caller) -> Iterator[Session]:
        """A session in the account, closed at the end of the block."""
        access = AccessSpec(
            role_arn=account.role_arn,
            external_id=account.external_id,
            source_identity=caller.source_identity,
            duration_s=SESSION_S,
        )
        session = open_session(
            access, region=account.region, env=self._env, operation=caller.request_id[:64]
        )
        try:
            yield session
        finally:
            session.close()

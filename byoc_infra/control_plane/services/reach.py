"""The way into a customer's account, for what a request itself does there."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from byoc_infra.aws.session import Session, open_session
from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.store.tables import AccountRow
from byoc_infra.errors import ConnectionUnusable
from byoc_infra.spec import AccessSpec

__all__ = ["ENDED", "Reach"]

SESSION_S = 900
"""The shortest session that STS gives."""
ENDED = ("revoked", "deleted")
"""Statuses of a connection through which nobody goes any more."""


class Reach:
    """Assumes an account's role in the name of whoever asks."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """`env` stands for the process's environment: the control plane's own credentials."""
        self._env = env

    @contextmanager
    def session(
        self,
        account: AccountRow,
        caller: Caller,
        *,
        external_id: str | None = None,
        session_policy: str | None = None,
    ) -> Iterator[Session]:
        """A session in the account, closed at the end of the block.

        `external_id` stands for the account's own where another one is to be proven;
        `session_policy` narrows what the role may do.
        """
        if account.status in ENDED and external_id is None:
            raise ConnectionUnusable(
                "account",
                wanted="a connection that has not been ended",
                got=f"{account.name}: {account.status}",
                next_step="Activate it again, or connect the account anew.",
            )
        access = AccessSpec(
            role_arn=account.role_arn,
            external_id=external_id or account.external_id,
            source_identity=caller.source_identity,
            duration_s=SESSION_S,
            session_policy=session_policy,
        )
        with closing(
            open_session(
                access, region=account.region, env=self._env, operation=caller.request_id[:64]
            )
        ) as session:
            yield session

    @contextmanager
    def own(self, region: str) -> Iterator[Session]:
        """A session of the control plane's own credentials, which assume the roles."""
        with closing(open_session(None, region=region, env=self._env)) as session:
            yield session

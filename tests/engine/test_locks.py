"""Whose lock it is."""

import os
import socket
from datetime import UTC, datetime, timedelta

from byoc_infra.engine.locks import LockOwner, lock_owners

SAID = """error: the stack is currently locked by 2 lock(s). Either wait or .pulumi cancel.
  file:///x/1.json?no_tmp_dir=true: created by root@vm (pid 17288) at 2026-11-23T02:01:31Z
  s3://b/2.json: created by a.user@other.host (pid 5) at 2026-11-23T04:01:31+02:00
"""


def _owner(**given: object) -> LockOwner:
    fields = {"host": socket.gethostname(), "pid": os.getpid(), "since": datetime.now(UTC)}
    return LockOwner(**{**fields, **given})  # type: ignore[arg-type]  # mixed fields


def test_every_owner_is_read_from_the_backends_words() -> None:
    """The words are the same for files, buckets and Postgres."""
    first, second = lock_owners(SAID)

    assert (first.host, first.pid) == ("vm", 17288)
    assert (second.host, second.pid) == ("other.host", 5)
    assert second.since == first.since
    assert lock_owners("error: something else") == ()


def test_an_owner_is_gone_only_with_proof() -> None:
    """No such process here, or one that started after the lock was written."""
    assert not _owner().gone()
    assert _owner(pid=999_999_999).gone()
    assert _owner(since=datetime.now(UTC) - timedelta(days=400)).gone()
    assert not _owner(pid=999_999_999, host="elsewhere").gone()

"""What a destroy has to do before the engine may take a deployment away."""

from typing import Any

import pytest

from byoc_infra.flows.deployment import _guarded


@pytest.mark.parametrize(
    ("inputs", "guarded"),
    [
        ({"deletionProtection": True, "skipFinalSnapshot": True}, True),
        ({"deletionProtection": False, "skipFinalSnapshot": False}, True),
        ({"deletionProtection": False, "skipFinalSnapshot": True}, False),
        ({"enableDeletionProtection": True}, True),
        ({"enableDeletionProtection": False}, False),
    ],
)
def test_only_what_is_guarded_is_opened_first(inputs: dict[str, Any], *, guarded: bool) -> None:
    """A database or a balancer without protection and snapshot goes in one engine run."""
    assert _guarded({"inputs": inputs}) is guarded

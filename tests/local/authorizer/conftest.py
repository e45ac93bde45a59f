"""Fixtures of the authorizer's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.core.base_backend import BackendDict

from tests.local.authorizer.harness import CUSTOMER, VENDOR, Cloud, allow


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An empty cloud; `admin` of the customer may do everything, the vendor's `plane` assume."""
    BackendDict.reset()
    made = Cloud(tmp_path)
    made.user(CUSTOMER, "admin", allow("*"))
    assuming = allow("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    made.user(VENDOR, "plane", assuming)
    yield made
    made.gate.log.close()
    BackendDict.reset()

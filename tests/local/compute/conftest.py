"""What the tests of services and tasks share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.compute import fakes


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[fakes.Lab]:
    """A cluster without processes, and a clock that only moves when told."""
    with fakes.lab(tmp_path) as ready:
        yield ready

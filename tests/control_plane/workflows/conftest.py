"""What the tests of workflows share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.workflows.queue import Queue
from tests.support.workers import Plane, Workers, workers


@pytest.fixture
def queue(store: Store) -> Iterator[Queue]:
    """The real one, in which nobody works."""
    opened = Queue(store.url)
    yield opened
    opened.close()


@pytest.fixture
def plane(store: Store, queue: Queue) -> Plane:
    """One tenant with one active account."""
    return Plane(store, queue)


@pytest.fixture
def started(plane: Plane, tmp_path: Path) -> Iterator[Workers]:
    """Where worker processes come from."""
    with workers(plane, tmp_path) as found:
        yield found

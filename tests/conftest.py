"""What the whole test suite shares."""

import gc
import os
import re
from pathlib import Path

import moto.core.base_backend
import moto.core.models
import pytest

from byoc_infra.local import economies
from byoc_infra.memory import collect_rarely
from tests.support import figures

# Else moto reads thousands of machine images each time that an account's EC2 is first used.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

LONGEST_FIRST = (
    "e2e/test_stock_clients.py",
    "e2e/test_demo.py",
    "e2e/test_supervisor.py",
    "engine/test_recovery_e2e.py",
    "e2e/test_workers.py",
    "e2e/test_operations.py",
    "e2e/test_readme.py",
    "e2e/test_by_hand.py",
    "e2e/test_story.py",
    "e2e/test_regions.py",
    "engine/test_postgres_backend_e2e.py",
    "e2e/test_examples.py",
    "e2e/test_networks.py",
    "e2e/test_external_database.py",
    "e2e/test_killed.py",
    "engine/test_runs_e2e.py",
    "control_plane/workflows/test_workers.py",
    "e2e/test_production.py",
    "e2e/test_server.py",
    "e2e/test_openapi.py",
    "e2e/test_upgrade.py",
    "local/provider/test_story.py",
    "e2e/test_bad_input.py",
    "e2e/test_setup.py",
    "local/test_cloud.py",
    "e2e/test_connections.py",
    "control_plane/test_embedded.py",
    "local/test_rds.py",
    "e2e/test_escapes.py",
    "e2e/test_verdicts.py",
)
"""Stories by what they take, so that workers end together; one that is not here comes before all.
The verdicts are last because they judge what the others asked."""

STORIES = re.compile(r"^pytestmark = \[?pytest\.mark\.e2e\b", re.MULTILINE)
"""How a file says that all of it is a story; there is no other way (see tests/test_layers.py)."""

pytest_terminal_summary = figures.pytest_terminal_summary
collect_rarely()
economies.apply()
# Moto makes thousands of patterns with each start, for HTTP that does not come from boto3.
moto.core.models.RESPONSES_METHODS.clear()
# At its end it makes each service anew, with a network in each region, and then forgets them all.
moto.core.base_backend.BaseBackend.reset = lambda self: None  # type: ignore[method-assign]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Expected data is rewritten on request, and reviewed as a diff."""
    parser.addoption(
        "--update-data", action="store_true", help="rewrite tests/data from what is there now"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of stories and tests only the kind that is asked for: the other's imports cost most."""
    stories = {"e2e": True, "not e2e": False}.get(config.option.markexpr)
    if stories is None or not collection_path.match("test_*.py"):
        return None
    return True if bool(STORIES.search(collection_path.read_text())) is not stories else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, each in its own order."""
    tests = Path(__file__).parent
    place = {tests / name: number for number, name in enumerate(LONGEST_FIRST, 1)}
    items.sort(key=lambda item: place.get(item.path, 0))


def pytest_collection_finish() -> None:
    """What was imported stays; to look through it again and again costs a tenth of the tests."""
    gc.collect()
    gc.freeze()

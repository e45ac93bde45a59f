"""Options of the whole test suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Expected data is rewritten on request, and reviewed as a diff."""
    parser.addoption(
        "--update-data", action="store_true", help="rewrite tests/data from what is there now"
    )

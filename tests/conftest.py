"""What the whole test suite shares."""

import os

import pytest

# Else moto reads thousands of machine images each time that an account's EC2 is first used.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Expected data is rewritten on request, and reviewed as a diff."""
    parser.addoption(
        "--update-data", action="store_true", help="rewrite tests/data from what is there now"
    )

"""What the whole test suite shares."""

import functools
import gc
import os

import botocore.session
import moto.core.models
import moto.core.responses
import moto.core.utils
import pytest

# Else moto reads thousands of machine images each time that an account's EC2 is first used.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

# Else each of the hundreds of clients that tests and moto make reads its service's JSON again.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
# Else moto looks through all methods of a service with each call,
vars(moto.core.responses)["method_names_from_class"] = functools.cache(
    moto.core.utils.method_names_from_class
)
# and makes thousands of patterns with each start, for HTTP that does not come from boto3.
moto.core.models.RESPONSES_METHODS.clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Expected data is rewritten on request, and reviewed as a diff."""
    parser.addoption(
        "--update-data", action="store_true", help="rewrite tests/data from what is there now"
    )


def pytest_collection_finish() -> None:
    """What was imported stays; to look through it again and again costs a tenth of the tests."""
    gc.collect()
    gc.freeze()

"""One local cloud for all stories, with one account that is set up."""

import os
from collections.abc import Iterator

import pytest

from byoc_infra.flows.work import open_engine
from byoc_infra.local.cloud import LocalCloud
from byoc_infra.local.compute import resolver
from tests.control_plane.conftest import databases, embedded, fresh_url, initialised, servers, store
from tests.e2e.stage import Stage
from tests.support.server import Server, held

__all__ = ["databases", "embedded", "fresh_url", "initialised", "servers", "store"]
"""Fixtures of the control plane's tests, which stories use too."""


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A local cloud of this test run alone."""
    cloud = LocalCloud.start(f"stories-{os.getpid()}")
    os.environ["BYOC_LOCAL_HOSTS"] = cloud.env("vendor")["BYOC_LOCAL_HOSTS"]
    resolver.install()
    try:
        with open_engine(lambda _: None, cloud.reserve_owner_env()) as engine:
            yield Stage(cloud=cloud, engine=engine)
    finally:
        if request.session.testsfailed:
            log = (cloud.directory / "emulator.log").read_text(errors="replace")
            print(f"\nThe emulator's last words:\n{log[-4000:]}")  # noqa: T201
        cloud.stop()


@pytest.fixture(scope="session")
def account(stage: Stage) -> Stage:
    """The same, with the customer's account set up with least privilege."""
    stage.set_up(stage.account())
    return stage


@pytest.fixture
def server() -> Iterator[Server]:
    """`byoc server` in a directory of a test's own, not started yet."""
    with held() as one:
        yield one

"""The API on a database of the test's own, in front of a customer of the test's own."""

import pytest

from byoc_infra.control_plane.store import Store
from tests.support.customer import Customer
from tests.support.whole_api import Api, Tenant


@pytest.fixture
def customer() -> Customer:
    """An account that is set up but trusts no external id yet."""
    return Customer()


@pytest.fixture
def api(store: Store, customer: Customer) -> Api:
    """All routes."""
    return Api(store, customer)


@pytest.fixture
def acme(api: Api) -> Tenant:
    """The tenant of most tests."""
    return api.tenant("acme")

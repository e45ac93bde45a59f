"""Lists of deployments, page by page and filtered."""

import uuid
from typing import Any

import pytest

from byoc_infra.control_plane.store import Store
from tests.support.platform_api import Api

PLANTED = "planted-value-42"
PATH = "/v2/deployments"
URI = "postgresql://app:planted-value-42@db.example.com:5432/app?sslmode=require"


@pytest.fixture
def api(store: Store) -> Api:
    """The API of a tenant with one account."""
    return Api(store)


def test_lists_go_page_by_page(api: Api) -> None:
    """The stock CLI asks for 100 from the offset that it has got to."""
    names = [api.create(f"d{n}")["name"] for n in range(5)]

    first = api.http.get(PATH, params={"limit": 2}).json()
    rest = api.http.get(PATH, params={"limit": 100, "offset": first["offset"]}).json()

    listed = [one["name"] for one in first["resources"] + rest["resources"]]
    assert first["offset"] == 2
    assert rest["offset"] == 5
    assert listed == names[::-1]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"name": "blue"}, ["blue"]),
        ({"name_contains": "blue"}, ["dark-blue", "blue"]),
        ({"name_contains": "%"}, []),
        ({"name_contains": ""}, ["dark-blue", "blue"]),
        ({"status": "READY"}, []),
        ({"deployment_type": "prod"}, ["dark-blue"]),
        ({"deployment_ids": str(uuid.UUID(int=1))}, []),
        ({"remote_reconciled": False}, []),
        ({"image_version": "1.0"}, []),
        ({"tag_value_ids": "x"}, []),
    ],
)
def test_lists_are_filtered(api: Api, asked: dict[str, Any], found: list[str]) -> None:
    """By each of the platform's filters."""
    api.create("blue")
    api.create("dark-blue", source_config={"deployment_type": "prod"})

    listed = api.http.get(PATH, params=asked).json()["resources"]
    assert [one["name"] for one in listed] == found


@pytest.mark.parametrize(
    "asked",
    [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"colour": "x"}, {"deployment_ids": "x"}],
)
def test_wrong_filters_are_refused(api: Api, asked: dict[str, Any]) -> None:
    """One that is ignored would list what was not asked for."""
    answer = api.http.get(PATH, params=asked)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", *asked]


def test_agents_are_refused(api: Api) -> None:
    """A filter that finds all would make the stock CLI deploy to the wrong one."""
    answer = api.http.get(PATH, params={"agent_id": "x", "agent_environment": "staging"})

    assert answer.status_code == 400
    assert "--name" in answer.json()["detail"]

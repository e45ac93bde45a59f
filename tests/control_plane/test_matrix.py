"""Who may call what, and who may see whose: from the OpenAPI document, for every route there is."""

import datetime
import itertools
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from byoc_infra.control_plane.caller import Scope
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import (
    AccountRow,
    OperationRow,
    RevisionRow,
)
from byoc_infra.spec import DeploymentSpec
from tests.support.application import whole
from tests.support.customer import Customer
from tests.support.rows import deployment_row
from tests.support.schemas import smallest
from tests.support.whole_api import Api, Tenant

PUBLIC = {"GET /healthz", "GET /readyz"}
"""Whoever may ask, without a key."""
READ_BY_POST = {
    "POST /v1/projects/{deployment_id}/deploy_logs",
    "POST /v1/projects/{deployment_id}/revisions/{revision_id}/build_logs",
    "POST /v1/projects/{deployment_id}/revisions/{revision_id}/deploy_logs",
}
"""The platform's clients send filters in a body."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
DEPLOYMENT_BODY: dict[str, Any] = {
    "name": "chat",
    "source": "external_docker",
    "source_config": {},
    "source_revision_config": {
        "image_uri": "222222222222.dkr.ecr.eu-west-1.amazonaws.com/agents@sha256:" + "0" * 64
    },
    "secrets": [],
}
BODIES: Mapping[str, Any] = {
    "POST /v2/deployments": DEPLOYMENT_BODY,
    "POST /v2/deployments/{deployment_id}/revisions": {
        "source_revision_config": DEPLOYMENT_BODY["source_revision_config"]
    },
    "POST /byoc/v1/deployments/{deployment_id}/forget": {"name": "chat"},
    "POST /byoc/v1/deployments/{deployment_id}/rollback": {"number": 1},
}
"""Where the document alone does not say enough for a body that is taken."""


@dataclass(frozen=True)
class Route:
    """One operation of the document."""

    method: str
    path: str
    operation: Mapping[str, Any]
    document: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def scopes(self) -> list[str]:
        """What the key has to be of."""
        return [role for one in self.operation.get("security", ()) for role in one["ApiKey"]]

    @property
    def parameters(self) -> list[str]:
        """The names in the path."""
        return [one["name"] for one in self.operation.get("parameters", ()) if one["in"] == "path"]

    def body(self) -> Any:
        """One that the route takes, or None where it takes none."""
        if str(self) in BODIES:
            return BODIES[str(self)]
        if "requestBody" not in self.operation:
            return None
        given = self.operation["requestBody"]["content"]["application/json"]["schema"]
        return smallest(given, self.document)


def routes() -> Iterator[Route]:
    """All of them."""
    document = whole().openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Route(method.upper(), path, operation, document)


ROUTES = list(routes())
CLOSED = [one for one in ROUTES if str(one) not in PUBLIC]
BY_ID = [one for one in CLOSED if any(name.endswith("_id") for name in one.parameters)]
LISTS = [one for one in CLOSED if one.method == "GET" and not one.parameters]


class Apart(Api):
    """The API on one database for all tests, each of which has tenants of its own."""

    def tenant(self, name: str = "acme") -> Tenant:
        """A new one of about that name."""
        return super().tenant(f"{name}-{next(NUMBERS)}")


@pytest.fixture
def api(shared_store: Store) -> Api:
    """All routes."""
    return Apart(shared_store, Customer())


def owned(api: Api, tenant: Tenant) -> dict[str, str]:
    """One of everything that a tenant can have; ids by the names that paths give them."""
    number = next(NUMBERS)
    with api.store.begin() as tx:
        account = tx.accounts.add(
            AccountRow(
                tenant_id=tenant.id,
                name=f"account-{number}",
                aws_account_id="222222222222",
                region="eu-west-1",
                installation=f"i{number}",
                role_arn=f"arn:aws:iam::222222222222:role/r{number}",
                external_id=f"external-{number}",
                status="active",
                setup={"redis_image": "redis:8", "repositories": ["agents"]},
            )
        )
        deployment = tx.deployments.add(deployment_row(tenant.id, account.id, status="READY"))
        revision = tx.revisions.add(
            RevisionRow(
                tenant_id=tenant.id,
                deployment_id=deployment.id,
                number=1,
                source="external_docker",
                source_revision_config=DEPLOYMENT_BODY["source_revision_config"],
                status="DEPLOYED",
                spec=DeploymentSpec(
                    name=deployment.name,
                    aws_account_id="222222222222",
                    region="eu-west-1",
                    image=DEPLOYMENT_BODY["source_revision_config"]["image_uri"],
                ).model_dump(mode="json"),
            )
        )
        deployment.latest_revision_id = deployment.active_revision_id = revision.id
        operation = tx.operations.add(
            OperationRow(
                id=f"op-{number:016x}",
                tenant_id=tenant.id,
                account_id=account.id,
                deployment_id=deployment.id,
                revision_id=revision.id,
                kind="deploy",
                status="SUCCEEDED",
                finished_at=datetime.datetime.now(datetime.UTC),
                source_identity="somebody",
                request_id="req",
            )
        )
        key = tx.keys.by_prefix(tenant.keys["read"][:17])
    assert key is not None
    return {
        "account_id": str(account.id),
        "listener_id": str(account.id),
        "deployment_id": str(deployment.id),
        "revision_id": str(revision.id),
        "operation_id": operation.id,
        "key_id": str(key.id),
        "name": "LANGGRAPH_CLOUD_LICENSE_KEY",
    }


NUMBERS = itertools.count(1)
NOBODYS = {
    "account_id": str(uuid.UUID(int=1)),
    "listener_id": str(uuid.UUID(int=1)),
    "deployment_id": str(uuid.UUID(int=1)),
    "revision_id": str(uuid.UUID(int=1)),
    "operation_id": "op-0000000000000000",
    "key_id": str(uuid.UUID(int=1)),
    "name": "LANGGRAPH_CLOUD_LICENSE_KEY",
}


def test_every_route_wants_a_key_of_one_scope() -> None:
    """Default deny: a route that says nothing of scopes does not pass."""
    assert {str(one) for one in ROUTES if not one.scopes} == PUBLIC
    assert all(len(one.scopes) == 1 and one.scopes[0] in SCOPES for one in CLOSED)


def test_a_key_for_reading_changes_nothing() -> None:
    """What is open to it is a GET, or a question with a body."""
    open_to_readers = {str(one) for one in CLOSED if one.scopes == ["read"]}

    assert {one for one in open_to_readers if not one.startswith("GET ")} <= READ_BY_POST


def test_every_refusal_is_documented() -> None:
    """No key, another scope, a wrong body, a failure of ours: each route can answer so."""
    assert [
        str(one)
        for one in CLOSED
        if not {"401", "403", "422", "500"} <= set(one.operation["responses"])
    ] == []
    assert [str(one) for one in BY_ID if "404" not in one.operation["responses"]] == []


def test_each_scope_reaches_its_routes_and_no_other(api: Api) -> None:
    """Nobody without a key, and each key as far as the document says: asked of every route."""
    tenant = api.tenant()
    wrong = []
    for route in CLOSED:
        path = route.path.format(**NOBODYS)
        keyless = api.http.request(route.method, path)
        if keyless.status_code != 401:
            wrong.append(f"{route} without a key: {keyless.status_code}")
        for scope in SCOPES:
            reaches = SCOPES.index(scope) >= SCOPES.index(route.scopes[0])
            answer = api.send(tenant, route.method, path, scope=scope)
            if (answer.status_code in (401, 403)) == reaches or answer.status_code >= 500:
                wrong.append(f"{route} with {scope}: {answer.status_code}")

    assert wrong == []


@pytest.mark.parametrize("route", BY_ID, ids=str)
def test_a_foreign_id_is_not_there(api: Api, route: Route) -> None:
    """404 for whoever is of another tenant, whatever they may do there; the owner does see it."""
    owner, intruder = api.tenant("owner"), api.tenant("intruder")
    theirs = owned(api, intruder)
    ids = owned(api, owner)
    tries = [ids]
    if len([name for name in route.parameters if name.endswith("_id")]) > 1:
        inner = route.parameters[-1]
        tries.append({**theirs, inner: ids[inner]})  # a foreign thing below one's own
    answers = [
        api.send(intruder, route.method, route.path.format(**one), route.body()) for one in tries
    ]
    mine = api.send(owner, route.method, route.path.format(**ids), route.body())

    assert [(one.status_code, one.json().get("code")) for one in answers] == [
        (404, "NOT_FOUND") for _ in tries
    ], answers[0].text
    assert mine.status_code not in (401, 403, 422), mine.text
    if route.path.split("/")[-1] not in ABSENT:
        assert mine.status_code != 404, mine.text


ABSENT = {"rotation", "{name}", "advance"}


@pytest.mark.parametrize("route", LISTS, ids=str)
def test_a_list_shows_the_tenants_own(api: Api, route: Route) -> None:
    """Also where it is asked for a foreign id."""
    owner, intruder = api.tenant("owner"), api.tenant("intruder")
    ids = owned(api, owner)
    ids.pop("name")
    asked = [one["name"] for one in route.operation["parameters"] if one["in"] == "query"]
    queries = [""] + [
        f"?{name}={value}"
        for name in asked
        for value in {ids.get(name.removesuffix("s")), ids.get(name)} - {None}
    ]
    answers = [api.send(intruder, "GET", f"{route.path}{query}") for query in queries]

    assert [one.status_code for one in answers] == [200 for _ in queries]
    assert all(id_ not in one.text for one in answers for id_ in ids.values())


def test_foreign_deployments_are_not_deleted_in_bulk(api: Api) -> None:
    """One's own in the same request does not help."""
    owner, intruder = api.tenant("owner"), api.tenant("intruder")
    ids, theirs = owned(api, owner), owned(api, intruder)
    foreign = f"deployment_ids={ids['deployment_id']}"
    alone = api.send(intruder, "DELETE", f"/v2/deployments?{foreign}")
    api.send(
        intruder, "DELETE", f"/v2/deployments?{foreign}&deployment_ids={theirs['deployment_id']}"
    )
    with api.store.begin() as tx:
        row = tx.deployments.get(owner.id, uuid.UUID(ids["deployment_id"]))

    assert alone.status_code == 404
    assert row.status == "READY"


def test_a_foreign_account_cannot_be_deployed_to(api: Api) -> None:
    """Named as the listener of a new deployment it is as unknown as one that nobody has."""
    owner, intruder = api.tenant("owner"), api.tenant("intruder")
    foreign = owned(api, owner)["account_id"]
    answers = [
        api.send(
            intruder,
            "POST",
            "/v2/deployments",
            {**DEPLOYMENT_BODY, "source_config": {"listener_id": id_}},
        )
        for id_ in (foreign, NOBODYS["account_id"])
    ]
    with api.store.begin() as tx:
        counts = tx.deployments.count(intruder.id), tx.deployments.count(owner.id)

    assert [one.status_code for one in answers] == [422, 422]
    assert answers[0].text.replace(foreign, NOBODYS["account_id"]) == answers[1].text
    assert counts == (0, 1)

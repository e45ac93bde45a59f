"""API keys: who has one, what it may do, when it ends."""

import datetime
import hashlib
import re

import pytest

from byoc_infra.control_plane.store import Store
from tests.support.whole_api import Api, Tenant

KEYS = "/byoc/v1/keys"
LATER = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)


def make(api: Api, tenant: Tenant, **asked: object) -> dict[str, str]:
    """A new key's answer."""
    answer = api.send(tenant, "POST", KEYS, {"name": "ci", "scope": "deploy", **asked})
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    return made


def asks(api: Api, key: str, **headers: str) -> int:
    """The status of a request with the key."""
    return api.http.get("/byoc/v1/tenant", headers={"X-Api-Key": key, **headers}).status_code


def test_a_key_is_shown_once_and_only_its_hash_is_kept(api: Api, acme: Tenant) -> None:
    """256 random bits after a beginning that scanners know."""
    made = make(api, acme)
    again = api.send(acme, "GET", f"{KEYS}/{made['id']}")
    with api.store.begin() as tx:
        row = tx.keys.by_prefix(made["prefix"])

    assert re.fullmatch(r"byoc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", made["key"])
    assert "key" not in again.json()
    assert made["key"].rpartition("_")[2] not in again.text
    assert row is not None
    assert row.digest == hashlib.sha256(made["key"].encode()).digest()


@pytest.mark.parametrize(
    "wrong", ["", "x", "byoc_0123456789ab_" + "A" * 43, "{prefix}_" + "A" * 43, "{key}A", "{key} "]
)
def test_a_wrong_key_is_refused(api: Api, acme: Tenant, wrong: str) -> None:
    """Whatever is wrong about it, in the same words."""
    made = make(api, acme)
    given = wrong.format(prefix=made["prefix"], key=made["key"])
    answer = api.http.get("/byoc/v1/tenant", headers={"X-Api-Key": given})

    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHORIZED"
    assert answer.json()["got"] in ("none", "one that is unknown")


def test_a_revoked_key_is_refused_at_once(api: Api, acme: Tenant) -> None:
    """And revoking it again changes nothing."""
    made = make(api, acme)
    before = asks(api, made["key"])
    revoked = [api.send(acme, "POST", f"{KEYS}/{made['id']}/revoke") for _ in range(2)]

    assert before == 200
    assert [one.json()["status"] for one in revoked] == ["revoked", "revoked"]
    assert revoked[0].json() == revoked[1].json()
    assert asks(api, made["key"]) == 401


def test_an_expired_key_is_refused(api: Api, acme: Tenant) -> None:
    """From the moment on that it says."""
    made = make(api, acme, expires_at=LATER.isoformat())
    before = asks(api, made["key"])
    with api.store.begin() as tx:
        row = tx.keys.by_prefix(made["prefix"])
        assert row is not None
        row.expires_at = datetime.datetime.now(datetime.UTC)

    assert before == 200
    assert asks(api, made["key"]) == 401
    assert api.send(acme, "GET", f"{KEYS}/{made['id']}").json()["status"] == "expired"


def test_a_key_that_would_never_be_good_is_refused(api: Api, acme: Tenant) -> None:
    """A time in the past is a slip."""
    answer = api.send(
        acme, "POST", KEYS, {"name": "x", "scope": "read", "expires_at": "2020-01-01T00:00:00Z"}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "expires_at"]


def test_the_last_use_is_remembered(api: Api, acme: Tenant) -> None:
    """To the minute: the second request writes nothing."""
    made = make(api, acme)
    asks(api, made["key"])
    first = api.send(acme, "GET", f"{KEYS}/{made['id']}").json()["last_used_at"]
    asks(api, made["key"])
    second = api.send(acme, "GET", f"{KEYS}/{made['id']}").json()["last_used_at"]

    assert made["last_used_at"] is None
    assert first is not None
    assert second == first


def test_the_header_may_only_name_the_keys_own_tenant(api: Api, acme: Tenant) -> None:
    """What the platform's clients send with every request."""
    other, key = api.tenant("other"), acme.keys["read"]

    assert asks(api, key, **{"X-Tenant-Id": str(acme.id)}) == 200
    assert asks(api, key, **{"X-Tenant-ID": str(acme.id).upper()}) == 200
    assert asks(api, key, **{"X-Tenant-Id": str(other.id)}) == 403
    assert asks(api, key, **{"X-Tenant-Id": "default"}) == 403


def test_the_last_admin_key_stays(api: Api, acme: Tenant) -> None:
    """Or nobody could make another; one that expires does not count when it has."""
    listed = api.send(acme, "GET", KEYS).json()["resources"]
    (last,) = (one["id"] for one in listed if one["scope"] == "admin")
    refused = api.send(acme, "POST", f"{KEYS}/{last}/revoke")
    second = make(api, acme, scope="admin")
    revoked = api.send(acme, "POST", f"{KEYS}/{last}/revoke")

    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert revoked.json()["status"] == "revoked"
    assert asks(api, second["key"]) == 200


def test_lists_go_on_where_the_page_before_ends(api: Api, acme: Tenant) -> None:
    """`offset` is the value for the next page."""
    made = [acme.keys["read"], acme.keys["deploy"], acme.keys["admin"]]
    pages, offset = [], 0
    for _ in range(3):
        page = api.send(acme, "GET", f"{KEYS}?limit=2&offset={offset}").json()
        pages.append([one["scope"] for one in page["resources"]])
        offset = page["offset"]

    assert len({*made}) == 3
    assert pages == [["read", "deploy"], ["admin"], []]


def test_every_change_of_keys_is_noted(api: Api, acme: Tenant, store: Store) -> None:
    """Who, what, and under which request id; the row is proven by its hash."""
    made = make(api, acme)
    answer = api.send(acme, "POST", f"{KEYS}/{made['id']}/revoke")
    noted = api.send(acme, "GET", f"/byoc/v1/audit?object_id={made['id']}").json()["resources"]
    with store.begin() as tx:
        admin = tx.keys.by_prefix(acme.keys["admin"][:17])

    assert admin is not None
    assert [one["action"] for one in noted] == ["key.revoke", "key.create"]
    assert {one["actor"] for one in noted} == {str(admin.id)}
    assert noted[0]["request_id"] == answer.headers["X-Request-Id"]
    assert noted[0]["before_sha256"] == noted[1]["after_sha256"]
    assert noted[1]["before_sha256"] is None

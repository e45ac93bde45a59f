"""The same request twice: done once."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.services import idempotency
from byoc_infra.control_plane.services._secrets import RevisionSecret, sweep
from byoc_infra.control_plane.services.idempotency import Idempotency
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import IdempotencyRow
from byoc_infra.errors import AlreadyRunning, StackBusy
from tests.support.customer_aws import REPOSITORY
from tests.support.platform_api import Api, a_request

PATH = "/v2/deployments"
PLANTED = "planted-value-42"


@pytest.fixture
def api(store: Store) -> Api:
    """The API of a tenant with one account."""
    return Api(store)


def killed(*_: object, **__: object) -> None:
    """The process ends here."""
    raise StackBusy("queue", wanted="a place in it", got="the end", next_step="None.")


def post(api: Api, key: str, **parts: Any) -> Any:
    """A creation with a key."""
    return api.http.post(PATH, json=a_request(**parts), headers={"Idempotency-Key": key})


def row(api: Api, key: str) -> IdempotencyRow | None:
    """What is kept of a key."""
    with api.store.begin() as tx:
        return tx.idempotency.locked(api.tenant.id, key)


def test_a_repeat_is_answered_as_the_first_was(api: Api) -> None:
    """Also with its headers, and nothing is done."""
    first = post(api, "k1")
    again = post(api, "k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Operation-Location"] == first.headers["Operation-Location"]
    assert len(api.queue.taken) == 1


def test_a_hundred_at_a_time_make_one_operation(api: Api) -> None:
    """The others are told that it is under way, or get its answer."""
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: post(api, "k1"), range(100)))

    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(made) == 1
    assert len(api.queue.taken) == 1
    assert len(api.http.get(PATH).json()["resources"]) == 1


def test_a_key_belongs_to_one_request(api: Api) -> None:
    """Also if only a secret's value differs, which is kept as a keyed hash only."""
    post(api, "k1", secrets=[{"name": "A", "value": PLANTED}])

    answer = post(api, "k1", secrets=[{"name": "A", "value": "other"}])

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "header"
    kept = row(api, "k1")
    assert kept is not None
    assert PLANTED not in str(kept.answer)


def test_a_key_belongs_to_one_tenant(api: Api) -> None:
    """Two tenants may choose the same."""
    post(api, "k1")
    other = api.new_tenant()
    api.new_account(other)

    answer = api.client("deploy", other).post(
        PATH, json=a_request(), headers={"Idempotency-Key": "k1"}
    )

    assert answer.status_code == 201
    assert answer.json()["tenant_id"] == str(other.id)


def test_a_request_that_failed_may_come_again(api: Api) -> None:
    """It left nothing."""
    image = {"image_uri": f"{REPOSITORY}:v2"}
    refused = post(api, "k1", source_revision_config=image)
    api.aws.tags["v2"] = "sha256:" + "b" * 64

    answer = post(api, "k1", source_revision_config=image)

    assert (refused.status_code, answer.status_code) == (422, 201)


def test_one_that_is_under_way_is_not_begun_again(api: Api) -> None:
    """Whoever asks is told so."""
    post(api, "k1")
    unanswered(api, "k1", age=timedelta(0))

    answer = post(api, "k1")

    assert answer.status_code == 409
    assert answer.json()["code"] == "ALREADY_RUNNING"


def test_what_a_dead_process_began_is_taken_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repeat makes what the first would have made: its secret is there, and not made twice."""
    values = [{"name": "A", "value": PLANTED}]
    with monkeypatch.context() as dead:  # who is killed cleans nothing up
        dead.setattr(Idempotency, "_release", lambda *_: None)
        dead.setattr(RevisionSecret, "discard", lambda *_: None)
        dead.setattr(api.queue, "enqueue", killed)
        first = post(api, "k1", secrets=values)
    (left,) = api.aws.secrets
    early = post(api, "k1", secrets=values)
    unanswered(api, "k1", age=timedelta(minutes=5))

    answer = post(api, "k1", secrets=values)

    assert (first.status_code, early.status_code, answer.status_code) == (500, 409, 201)
    assert list(api.aws.secrets) == [left]
    assert api.value(answer.json(), "A") == PLANTED
    assert sweep(api.store, api.reach, older_than=timedelta(0)) == 0


def test_what_a_dead_process_left_without_a_key_is_swept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody will ask for it again; the secrets of revisions stay."""
    kept = api.create("kept", secrets=[{"name": "A", "value": "1"}])
    with monkeypatch.context() as dead:
        dead.setattr(RevisionSecret, "discard", lambda *_: None)
        dead.setattr(api.queue, "enqueue", killed)
        api.http.post(PATH, json=a_request(secrets=[{"name": "A", "value": PLANTED}]))
    before = len(api.aws.secrets)

    too_early = sweep(api.store, api.reach)
    api.reach.refused = StackBusy("account", wanted="a way in", got="none", next_step="Wait.")
    out_of_reach = sweep(api.store, api.reach, older_than=timedelta(0))
    api.reach.refused = None
    gone = sweep(api.store, api.reach, older_than=timedelta(0))

    assert (before, too_early, out_of_reach, gone) == (2, 0, 0, 1)
    assert api.value(kept, "A") == "1"
    assert len(api.aws.secrets) == 1


def test_whoever_was_taken_over_writes_nothing(api: Api) -> None:
    """A process that hung wakes up after another has answered in its place."""
    post(api, "k1")
    kept = row(api, "k1")
    assert kept is not None
    late = idempotency.Claim(tenant_id=api.tenant.id, key="k1", seed=kept.seed, token=uuid.uuid4())

    with (
        pytest.raises(AlreadyRunning),
        api.store.begin() as tx,
    ):
        late.finish(tx, idempotency.Reply(status=201, body={}))


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    """By the header's name."""
    answer = post(api, key)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "Idempotency-Key"]


@pytest.mark.parametrize("method", ["patch", "post", "redeploy", "delete", "bulk"])
def test_every_change_may_have_a_key(api: Api, method: str) -> None:
    """A repeat after a lost answer is safe, whatever was asked."""
    made = api.create()
    path = f"{PATH}/{made['id']}"
    headers = {"Idempotency-Key": "k2"}
    body = {"secrets": [{"name": "A", "value": "1"}]}

    def ask() -> Any:
        match method:
            case "patch":
                return api.http.patch(path, json=body, headers=headers)
            case "post":
                return api.http.post(f"{path}/revisions", json=body, headers=headers)
            case "redeploy":
                revision = f"{path}/revisions/{made['latest_revision_id']}"
                return api.http.post(f"{revision}/redeploy", headers=headers)
            case "delete":
                return api.http.delete(path, headers=headers)
        return api.http.delete(PATH, params={"deployment_ids": made["id"]}, headers=headers)

    first, again = ask(), ask()

    assert first.status_code < 300
    assert again.status_code == first.status_code
    assert again.content == first.content or again.json() == first.json()
    assert len(api.queue.taken) == 2  # the creation, and this


def unanswered(api: Api, key: str, *, age: timedelta) -> None:
    """As if the key's request were still being answered, for `age`."""
    with api.store.engine.begin() as connection:
        connection.execute(
            sa.update(IdempotencyRow)
            .where(IdempotencyRow.key == key)
            .values(status_code=None, answer=None, claimed_at=sa.func.now() - age)
        )

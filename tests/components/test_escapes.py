"""What the vendor tries under `least_privilege`, judged by the local cloud's own rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest
from moto.core.base_backend import BackendDict

from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._managed import managed
from byoc_infra.local.authorizer.actions import Check, checks
from byoc_infra.local.authorizer.policies import Statement, evaluate, read_policy
from byoc_infra.local.authorizer.state import TAG_SOURCES, TARGET_SOURCES
from tests.components.escapes import (
    FENCE,
    SERVICE_TAGS,
    TARGET_TAGS,
    TARGETS,
    Things,
    Try,
    build,
    daily,
    escapes,
    gaps,
)
from tests.local.authorizer.harness import CUSTOMER, Cloud, allow

Document = dict[str, Any]
Asked = Mapping[str, Sequence[Check]]
"""By name of a try: the questions that it puts."""
DOCUMENTS = list(least_privilege(FENCE).values())
ADMINISTRATOR: Document = {"Version": "2012-10-17", "Statement": [allow("*")]}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Things]:
    """The account of `tests.components.escapes`."""
    BackendDict.reset()
    cloud = Cloud(tmp_path_factory.mktemp("escapes"))
    cloud.user(CUSTOMER, "admin", allow("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TAG_SOURCES, "ecs:service", SERVICE_TAGS.get)
        patch.setitem(TAG_SOURCES, "application-autoscaling:scalable-target", TARGET_TAGS.get)
        for namespace in ("ecs", "rds"):
            patch.setitem(TARGET_SOURCES, namespace, lambda place: TARGETS.get(place[2]))
        made = build(cloud)
        cloud.gate.log.close()
        yield made
    BackendDict.reset()


def _questions(tries: Mapping[str, Try]) -> Asked:
    return {name: list(checks(one.call())) for name, one in tries.items()}


@pytest.fixture(scope="module")
def escaping(things: Things) -> Asked:
    """What the vendor must not be able to do."""
    return _questions(escapes(things))


@pytest.fixture(scope="module")
def living(things: Things) -> Asked:
    """What the life of a deployment asks."""
    return _questions(daily(things))


def statements(documents: Sequence[Document]) -> list[Statement]:
    """As the authorizer reads them."""
    return [one for document in documents for one in read_policy(json.dumps(document))]


def allowed(documents: Sequence[Document], tries: Asked) -> set[str]:
    """Those of the calls to which every question is answered with yes."""
    known = statements(documents)
    return {
        name
        for name, questions in tries.items()
        if all(
            evaluate(known, one.action, [one.resource], one.context).allowed for one in questions
        )
    }


def test_the_life_of_a_deployment_is_allowed(living: Asked) -> None:
    """So that what is denied below is denied for what it asks more."""
    assert sorted(set(living) - allowed(DOCUMENTS, living)) == []


def test_no_escape_is_allowed(escaping: Asked) -> None:
    """Public, unencrypted, with a shell, elsewhere, of somebody else, without its tag."""
    assert sorted(allowed(DOCUMENTS, escaping)) == []


def test_what_aws_cannot_fence_is_known(things: Things) -> None:
    """The day one of these is denied, the permissions page says too much."""
    tries = _questions(gaps(things))

    assert allowed(DOCUMENTS, tries) == set(tries)


def _conditions(documents: Sequence[Document]) -> list[tuple[str, str, str, str]]:
    """Every condition: effect, statement, operator, key."""
    return [
        (one["Effect"], one["Sid"], operator, key)
        for document in documents
        for one in document["Statement"]
        for operator, keys in one.get("Condition", {}).items()
        for key in keys
    ]


def _concerning(sid: str, tries: Asked) -> Asked:
    """Those that ask for an action of the statement; no other could be judged differently."""
    (actions,) = [
        one["Action"] for found in DOCUMENTS for one in found["Statement"] if one["Sid"] == sid
    ]
    return {
        name: questions
        for name, questions in tries.items()
        if any(one.action in actions for one in questions)
    }


def _without(sid: str, operator: str, key: str) -> list[Document]:
    changed = deepcopy(DOCUMENTS)
    for document in changed:
        for one in document["Statement"]:
            if one["Sid"] == sid:
                del one["Condition"][operator][key]
    return changed


def _less(sid: str) -> list[Document]:
    return [
        {**found, "Statement": [one for one in found["Statement"] if one["Sid"] != sid]}
        for found in DOCUMENTS
    ]


ALLOWS = [found[1:] for found in _conditions(DOCUMENTS) if found[0] == "Allow"]
DENIES = [found[1:] for found in _conditions(DOCUMENTS) if found[0] == "Deny"]


@pytest.mark.parametrize(("sid", "operator", "key"), ALLOWS)
def test_every_condition_keeps_something_out(
    escaping: Asked, sid: str, operator: str, key: str
) -> None:
    """Without it, one of the escapes would be allowed."""
    assert allowed(_without(sid, operator, key), _concerning(sid, escaping))


@pytest.mark.parametrize(("sid", "operator", "key"), DENIES)
def test_every_condition_of_a_denial_lets_something_through(
    living: Asked, sid: str, operator: str, key: str
) -> None:
    """Without it, the life of a deployment would be denied."""
    tries = _concerning(sid, living)

    assert set(tries) - allowed(_without(sid, operator, key), tries)


@pytest.mark.parametrize(
    "sid", [one["Sid"] for one in least_privilege(FENCE)["never"]["Statement"]]
)
def test_every_denial_holds_against_an_administrators_policy(escaping: Asked, sid: str) -> None:
    """What it denies would be allowed without it."""
    tries = _concerning(sid, escaping)
    held = allowed([*DOCUMENTS, ADMINISTRATOR], tries)

    assert allowed([*_less(sid), ADMINISTRATOR], tries) - held


def test_the_managed_choice_is_denied_the_same(escaping: Asked) -> None:
    """Beside AWS's policies as beside anybody's: no values, shells, addresses, other roles."""
    documents = [*managed(FENCE).values(), ADMINISTRATOR]
    ours = [least_privilege(FENCE)["never"], ADMINISTRATOR]

    assert allowed(documents, escaping) == allowed(ours, escaping)
    assert not allowed(documents, escaping) & {
        "definition with another role",
        "enter a container",
        "give a service a shell",
        "read a value",
        "share a snapshot",
        "take a database's fence off",
    }

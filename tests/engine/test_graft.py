"""What is put into the state for an object that only the account knows."""

from typing import Any

import pytest

from byoc_infra.engine.events import PlannedCreate
from byoc_infra.engine.graft import graft, pending_creates, settle

STACK = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
SHELF = "urn:pulumi:dev::proj::test:index:Shelf::shelf"
THING = "urn:pulumi:dev::proj::test:index:Shelf$fake:index:Thing::a"
OTHER = "urn:pulumi:dev::proj::test:index:Shelf$fake:index:Thing::b"
PROVIDER = "urn:pulumi:dev::proj::pulumi:providers:fake::default_1_0_0"


def _operation(urn: str, kind: str = "creating") -> dict[str, Any]:
    resource = {
        "urn": urn,
        "custom": True,
        "type": "fake:index:Thing",
        "inputs": {"name": "a"},
        "parent": SHELF,
        "provider": f"{PROVIDER}::id-1",
        "propertyDependencies": {"name": []},
    }
    return {"type": kind, "resource": resource}


def _state(*operations: dict[str, Any], resources: list[dict[str, Any]] | None = None) -> Any:
    known = [
        {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack"},
        {"urn": SHELF, "custom": False, "type": "test:index:Shelf", "parent": STACK},
        {"urn": PROVIDER, "custom": True, "id": "id-1", "type": "pulumi:providers:fake"},
    ]
    return {
        "version": 3,
        "deployment": {
            "resources": known if resources is None else resources,
            "pending_operations": list(operations),
        },
    }


def _planned(urn: str, **given: Any) -> PlannedCreate:
    fields = {
        "type": "fake:index:Thing",
        "name": "a",
        "inputs": {"name": "a"},
        "custom": True,
        "parent": SHELF,
        "provider": f"{PROVIDER}::unknown",
    }
    return PlannedCreate(urn=urn, **{**fields, **given})


def test_a_pending_create_becomes_a_resource_with_all_that_the_engine_had_noted() -> None:
    """Parent, provider, inputs and dependencies are those of the create; only the id is new."""
    new = graft(_state(_operation(THING)), {THING: "thing-1"}, {})["deployment"]

    assert new["pending_operations"] == []
    assert new["resources"][-1] == {
        **_operation(THING)["resource"],
        "id": "thing-1",
        "outputs": {},
    }


def test_an_object_without_any_trace_gets_the_provider_that_the_state_knows() -> None:
    """A preview's provider id is not the real one."""
    new = graft(_state(), {THING: "thing-1"}, {THING: _planned(THING)})["deployment"]

    assert new["resources"][-1]["provider"] == f"{PROVIDER}::id-1"
    assert new["resources"][-1]["parent"] == SHELF
    assert new["resources"][-1]["id"] == "thing-1"


def test_what_a_destroy_is_to_leave_alone_stays_so() -> None:
    """Else the first destroy after a recovery deletes what goes by itself, or may not."""
    made = graft(_state(), {THING: "id-7"}, {THING: _planned(THING, retain_on_delete=True)})

    (entry,) = (one for one in made["deployment"]["resources"] if one["urn"] == THING)
    assert entry["retainOnDelete"] is True


def test_what_its_inputs_name_is_what_it_stands_on() -> None:
    """By id or ARN, however deep: a destroy takes it away before those, and nothing else first."""
    things: dict[str, dict[str, Any]] = {
        "group": {"id": "group-1", "outputs": {}},
        "role": {"id": "role-1", "outputs": {"arn": "arn:aws:iam::1:role/r"}},
        "old": {"id": "group-1", "outputs": {}, "delete": True},
        "namesake": {"id": "other-1", "outputs": {"name": "a"}},
    }
    known = [
        {"urn": f"{OTHER}-{name}", "custom": True, "type": "fake:index:Thing", **one}
        for name, one in things.items()
    ]
    state = _state(resources=[*_state()["deployment"]["resources"], *known])
    inputs = {"name": "a", "groups": ["group-1"], "run": {"as": "arn:aws:iam::1:role/r"}}

    made = graft(state, {THING: "id-7"}, {THING: _planned(THING, inputs=inputs)})

    (entry,) = (one for one in made["deployment"]["resources"] if one["urn"] == THING)
    assert entry["dependencies"] == [f"{OTHER}-group", f"{OTHER}-role"]


def test_parents_and_provider_that_the_state_has_lost_are_put_back_first() -> None:
    """The engine refuses a state in which something comes before what it stands on."""
    planned = {
        THING: _planned(THING),
        SHELF: _planned(SHELF, custom=False, parent=STACK, type="test:index:Shelf"),
        STACK: _planned(STACK, custom=False, parent="", type="pulumi:pulumi:Stack"),
        PROVIDER: _planned(PROVIDER, custom=False, parent="", inputs={"version": "1.0.0"}),
    }

    new = graft(_state(resources=[]), {THING: "thing-1"}, planned)["deployment"]["resources"]

    assert [r["urn"] for r in new] == [STACK, SHELF, PROVIDER, THING]
    assert [r["type"] for r in new[:3]] == [
        "pulumi:pulumi:Stack",
        "test:index:Shelf",
        "pulumi:providers:fake",
    ]
    assert new[3]["provider"] == f"{PROVIDER}::{new[2]['id']}"
    assert new[2]["outputs"] == {"version": "1.0.0"}


def test_a_replacement_that_was_made_leaves_the_old_one_to_be_deleted() -> None:
    """One URN, two objects: the engine deletes what is marked."""
    state = _state(_operation(THING))
    state["deployment"]["resources"].append({"urn": THING, "id": "old", "custom": True})

    new = graft(state, {THING: "new"}, {})["deployment"]["resources"]

    assert [(r["id"], r.get("delete", False)) for r in new if r["urn"] == THING] == [
        ("old", True),
        ("new", False),
    ]


def test_an_object_that_the_state_already_has_is_not_added_twice() -> None:
    """The look-up found the old one: its replacement was never made."""
    state = _state(_operation(THING))
    state["deployment"]["resources"].append({"urn": THING, "id": "old", "custom": True})

    new = graft(state, {THING: "old"}, {})["deployment"]

    assert [r["urn"] for r in new["resources"]].count(THING) == 1
    assert new["pending_operations"] == []


@pytest.mark.parametrize(
    ("found", "id_", "inputs", "ids"),
    [
        ("orders", "db-7Q", {"identifier": "orders"}, ["db-7Q"]),
        (
            "lg/api",
            "arn:aws:ecs:eu-west-1:1:service/lg/api",
            {"name": "api"},
            ["arn:aws:ecs:eu-west-1:1:service/lg/api"],
        ),
        (
            "ecs/service/lg/api/ecs:service:DesiredCount",
            "service/lg/api",
            {
                "serviceNamespace": "ecs",
                "resourceId": "service/lg/api",
                "scalableDimension": "ecs:service:DesiredCount",
            },
            ["service/lg/api"],
        ),
        (
            "arn:aws:ecs:eu-west-1:1:task-definition/lg:16",
            "lg",
            {"family": "lg", "cpu": "16", "arn": "arn:aws:ecs:eu-west-1:1:task-definition/lg:15"},
            ["lg", "arn:aws:ecs:eu-west-1:1:task-definition/lg:16"],
        ),
        ("subnet-2", "subnet-1", {"vpcId": "vpc-1"}, ["subnet-1", "subnet-2"]),
    ],
)
def test_an_object_that_is_found_by_another_name_than_its_id_is_still_one(
    found: str, id_: str, inputs: dict[str, str], ids: list[str]
) -> None:
    """Taken for two, the next run would delete the database that there is."""
    state = _state(_operation(THING))
    entry = {"urn": THING, "custom": True, "id": id_, "type": "fake:index:Thing", "inputs": inputs}
    state["deployment"]["resources"].append(entry)
    new = graft(state, {THING: found}, {})["deployment"]
    there = [r for r in new["resources"] if r["urn"] == THING]

    assert [r["id"] for r in there] == ids
    assert [r["id"] for r in there if not r.get("delete")] == ids[-1:]


def test_what_was_deleted_to_make_room_is_forgotten_when_its_successor_is_found() -> None:
    """Both have the same name, and the first is gone."""
    state = _state(_operation(THING))
    state["deployment"]["resources"].append(
        {
            "urn": THING,
            "custom": True,
            "id": "db-7Q",
            "inputs": {"identifier": "orders"},
            "pendingReplacement": True,
        }
    )
    new = graft(state, {THING: "orders"}, {})["deployment"]

    assert [(r["id"], r.get("delete")) for r in new["resources"] if r["urn"] == THING] == [
        ("orders", None)
    ]


def test_only_creates_are_settled() -> None:
    """The engine itself deals with an interrupted update or delete."""
    state = _state(_operation(THING), _operation(OTHER), _operation(OTHER, "updating"))

    new = settle(state, [THING, OTHER])["deployment"]["pending_operations"]

    assert [(o["type"], o["resource"]["urn"]) for o in new] == [("updating", OTHER)]
    assert [c.urn for c in pending_creates(state)] == [THING, OTHER]


def test_the_given_state_is_not_touched() -> None:
    """It may have to be shown as it was."""
    state = _state(_operation(THING))
    graft(state, {THING: "thing-1"}, {})

    assert state == _state(_operation(THING))

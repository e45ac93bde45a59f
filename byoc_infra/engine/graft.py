"""Puts objects that exist, and that the state does not know, into the state.

Why by hand: `refresh --import-pending-creates` of CLI 3.250 drops the record without making a
resource of it, `pulumi import` needs a language host and loses the place in the component tree
when its parent is missing too, and an `import_` option fails on every input that cannot be read
back. A state entry with the object's id and the inputs of its create is what the engine would
have written itself; a refresh of just these then reads the truth. Pure.
"""

import copy
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from byoc_infra.engine.events import PROVIDER_TYPES, PlannedCreate, name_of, readable

__all__ = ["graft", "is_object", "pending_creates", "settle"]

State = dict[str, Any]


def pending_creates(state: Mapping[str, Any]) -> tuple[PlannedCreate, ...]:
    """The creates that a killed engine left in the state without an answer."""
    return tuple(
        PlannedCreate(
            urn=resource["urn"],
            type=resource["type"],
            name=name_of(resource["urn"]),
            inputs=readable(resource.get("inputs") or {}),
            custom=bool(resource.get("custom")),
            parent=resource.get("parent", ""),
            provider=resource.get("provider", ""),
            retain_on_delete=bool(resource.get("retainOnDelete")),
        )
        for operation in _deployment(state).get("pending_operations") or ()
        if operation["type"] == "creating"
        for resource in (operation["resource"],)
    )


def settle(state: Mapping[str, Any], urns: Iterable[str]) -> State:
    """The state without the pending creates of these resources: they have been looked into."""
    new: State = copy.deepcopy(dict(state))
    deployment, settled = _deployment(new), set(urns)
    deployment["pending_operations"] = [
        operation
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] != "creating" or operation["resource"]["urn"] not in settled
    ]
    return new


def graft(
    state: Mapping[str, Any], ids: Mapping[str, str], planned: Mapping[str, PlannedCreate]
) -> State:
    """The state with an entry for each of `ids` (URN → id), its parents and provider included."""
    new: State = copy.deepcopy(dict(state))
    deployment = _deployment(new)
    resources: list[State] = deployment.setdefault("resources", [])
    pending = {
        operation["resource"]["urn"]: operation["resource"]
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] == "creating"
    }
    for urn, identity in ids.items():
        _add(resources, urn, identity, pending.get(urn), planned)
    return settle(new, ids)


def is_object(entry: Mapping[str, Any], identity: str) -> bool:
    """Whether a state's entry is the object that was found as `identity`.

    Things are found by what they are imported by, and that need not be the id: an RDS instance's
    is its identifier, an ECS service's `cluster/name`, a scaling target's three of its inputs. To
    take such a thing for two would be to delete the one there is.
    """
    if entry.get("delete") or entry.get("pendingReplacement"):
        return False
    told = (*(entry.get("inputs") or {}).values(), *(entry.get("outputs") or {}).values())
    texts = {value for value in told if isinstance(value, str) and len(value) > 1}
    known = str(entry.get("id"))
    if identity == known or identity in texts or known.endswith(f"/{identity}"):
        return True
    return not identity.startswith("arn:") and _is_made_of(identity, texts)


def _is_made_of(identity: str, texts: Iterable[str]) -> bool:
    """Whether it is nothing but some of these and what stands between them."""
    for text in sorted(texts, key=len, reverse=True):
        identity = identity.replace(text, "")
    return not identity.strip("/:_,")


def _add(
    resources: list[State],
    urn: str,
    identity: str,
    pending: State | None,
    planned: Mapping[str, PlannedCreate],
) -> None:
    for known in [one for one in resources if one["urn"] == urn and not one.get("delete")]:
        if known.get("pendingReplacement"):
            resources.remove(known)  # deleted already, to make room for what was found
        elif is_object(known, identity):
            return
        else:
            known["delete"] = True  # its replacement was made: the engine deletes the old one
    if pending is not None:
        entry = {**pending, "id": identity, "outputs": {}}
    else:
        create = planned[urn]
        _ensure(resources, create.parent, planned)
        entry = {
            "urn": urn,
            "custom": True,
            "id": identity,
            "type": create.type,
            "inputs": dict(create.inputs),
            "outputs": {},
            "parent": create.parent,
            "provider": _provider(resources, create.provider, planned),
            "retainOnDelete": create.retain_on_delete,
            "dependencies": _stands_on(resources, create),
        }
    resources.append(entry)


def _stands_on(resources: list[State], create: PlannedCreate) -> list[str]:
    """What its inputs name by id or ARN, which nobody told us: a destroy goes by this order."""
    named = set(_texts(create.inputs))
    return [
        known["urn"]
        for known in resources
        if known.get("custom")
        and not known.get("delete")
        and not known["type"].startswith(PROVIDER_TYPES)
        and named & {known.get("id"), *_arns(known.get("outputs"))}
    ]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _arns(outputs: object) -> Iterator[str]:
    return (text for text in _texts(outputs) if text.startswith("arn:"))


def _ensure(resources: list[State], urn: str, planned: Mapping[str, PlannedCreate]) -> None:
    """A component above the object, where the state has lost it as well."""
    if not urn or any(known["urn"] == urn for known in resources):
        return
    create = planned.get(urn)
    entry: State = {"urn": urn, "custom": False, "type": _type_of(urn)}
    if create is not None and create.parent:
        _ensure(resources, create.parent, planned)
        entry["parent"] = create.parent
    resources.append(entry)


def _provider(resources: list[State], wanted: str, planned: Mapping[str, PlannedCreate]) -> str:
    """The reference to the provider as it is in the state; its id is not the one of a preview."""
    urn = wanted.rpartition("::")[0]
    for known in resources:
        if known["urn"] == urn:
            return f"{urn}::{known['id']}"
    identity = str(uuid.uuid4())
    inputs = dict(planned[urn].inputs) if urn in planned else {}
    outputs = {key: value for key, value in inputs.items() if not key.startswith("__")}
    resources.append(
        {
            "urn": urn,
            "custom": True,
            "id": identity,
            "type": _type_of(urn),
            "inputs": inputs,
            "outputs": outputs,
        }
    )
    return f"{urn}::{identity}"


def _type_of(urn: str) -> str:
    """The resource's own type, without those of its parents."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _deployment(state: Mapping[str, Any]) -> State:
    found: State = state["deployment"]
    return found

"""What every resource type does, and the life that the server drives it through."""

import fnmatch
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from byoc_infra.local.provider.aws import Aws, ProviderError, error_code, explain
from byoc_infra.local.provider.check import values_at
from byoc_infra.local.provider.compare import is_zero, same
from byoc_infra.local.provider.diff import input_changes
from byoc_infra.local.provider.properties import DEFAULTS_KEY, UNKNOWN, Json, Props
from byoc_infra.local.provider.rules import Rules, rules_of
from byoc_infra.local.provider.schema import Failure, Schema, schema_of

__all__ = ["SECRET_INPUTS", "HalfMadeError", "Resource", "params", "tag_list", "tag_map", "unique"]

SECRET_INPUTS = ("password", "passwordWo")
"""Never put in outputs; Diff takes their old values from the old inputs."""

_PREFIXES = ("namePrefix", "identifierPrefix")
"""AWS has only the whole name; what it began with is as the program said."""

_FAILURES = (ClientError, BotoCoreError, ProviderError)


class HalfMadeError(Exception):
    """A create or update that failed after the object existed (rule 8)."""

    def __init__(self, resource_id: str, state: Props, reason: str) -> None:
        self.resource_id = resource_id
        self.state = state
        self.reason = reason
        super().__init__(reason)


class Resource(ABC):
    """One resource type: its AWS calls. The public methods add wording and what all types share."""

    type_name: ClassVar[str]
    """The type token: `aws:ec2/vpc:Vpc`."""
    title: ClassVar[str]
    """As the real provider's messages name it."""
    gone: ClassVar[tuple[str, ...]] = ()
    """Error codes that mean: there is no such object."""
    unmodelled: ClassVar[tuple[str, ...]] = ()
    """Inputs of the real provider that this one cannot pass on, as paths like those of `rules`;
    Check refuses every value but the default. A `*` at the end stands for any ending."""

    def __init__(self, aws: Aws, *, default_tags: Mapping[str, str] | None = None) -> None:
        self.aws = aws
        self.default_tags = default_tags or {}

    @property
    def rules(self) -> Rules:
        """The type's row of the rule table."""
        return rules_of(self.type_name)

    @property
    def schema(self) -> Schema:
        """The type's properties."""
        return schema_of(self.type_name)

    # What a type does itself.

    @abstractmethod
    def make(self, new: Props) -> str:
        """Create the object and return its id; nothing that may fail after that."""

    @classmethod
    def refuse(cls, inputs: Props) -> list[Failure]:  # noqa: ARG003 - for those that do
        """Rules of Check and of custom diffs that the rule table has no words for."""
        return []

    @classmethod
    def refusals(cls, inputs: Props) -> list[Failure]:
        """`refuse`, and what is not modelled."""
        usual = rules_of(cls.type_name).defaults
        missing = [
            Failure(path, "the local cloud does not model this input")
            for path in cls.unmodelled_paths()
            if any(
                not is_zero(value) and value != usual.get(path) for value in values_at(inputs, path)
            )
        ]
        return missing + cls.refuse(inputs)

    @classmethod
    def unmodelled_paths(cls) -> list[str]:
        """`unmodelled`, each `*` written out."""
        names = schema_of(cls.type_name).inputs
        return [
            path
            for pattern in cls.unmodelled
            for path in (fnmatch.filter(names, pattern) if "*" in pattern else [pattern])
        ]

    def settle(self, resource_id: str, new: Props) -> None:  # noqa: B027 - most need nothing
        """What follows a create once the id is known: waits, attributes."""

    @abstractmethod
    def look(self, resource_id: str, state: Props) -> Props | None:
        """The object as AWS has it, in Pulumi's names; None when it is gone."""

    def change(  # noqa: B027 - types without in-place changes have none
        self, resource_id: str, old: Props, new: Props, changed: frozenset[str]
    ) -> str | None:
        """Make the object like `new`; a new id when AWS gives one."""

    @abstractmethod
    def remove(self, resource_id: str, state: Props) -> None:
        """Delete the object and wait until it is gone."""

    def tag(self, resource_id: str, state: Props, tags: Mapping[str, str]) -> None:
        """Add or overwrite tags."""
        raise NotImplementedError

    def untag(self, resource_id: str, state: Props, keys: Sequence[str]) -> None:
        """Take tags off."""
        raise NotImplementedError

    def found(self, import_id: str) -> tuple[str, Props]:
        """The id behind an import id, and what of the state it tells."""
        return import_id, {}

    def unknown_after(self, changed: frozenset[str]) -> tuple[str, ...]:  # noqa: ARG002 - same
        """Outputs that an update with these changes makes unknown at preview."""
        return ()

    def label(self, inputs: Props) -> str:
        """The object in messages, before it has an id."""
        auto = self.rules.auto_name
        name = inputs.get(auto.input if auto else "name")
        return f" ({name})" if name else ""

    # The life, as the server drives it.

    def create(self, inputs: Props) -> tuple[str, Props]:
        """Id and state of a new object."""
        new = _plain(inputs)
        try:
            resource_id = self.make(new)
        except _FAILURES as failed:
            text = f"creating {self.title}{self.label(new)}: {explain(failed)}"
            raise ProviderError(text) from failed
        try:
            self.settle(resource_id, new)
            state = self.state_of(resource_id, new)
        except _FAILURES as failed:
            text = f"creating {self.title} ({resource_id}): {explain(failed)}"
            raise HalfMadeError(resource_id, self._salvage(resource_id, new), text) from failed
        if state is None:
            text = f"reading {self.title} ({resource_id}): not found after create"
            raise ProviderError(text)
        return resource_id, state

    def read(self, resource_id: str, prior: Props) -> Props | None:
        """The state now; None when the object is gone."""
        try:
            return self.state_of(resource_id, prior)
        except _FAILURES as failed:
            text = f"reading {self.title} ({resource_id}): {explain(failed)}"
            raise ProviderError(text) from failed

    def update(self, resource_id: str, old: Props, inputs: Props) -> tuple[str, Props]:
        """Id and state after the changes between `old` and `inputs` are made."""
        new = _plain(inputs)
        found = input_changes(self.type_name, old, new, region=self.aws.region)
        changed = frozenset(change.name for change in found)
        try:
            self._retag(resource_id, old, new, changed)
            rest = changed - {"tags", "tagsAll"}
            if rest:
                resource_id = self.change(resource_id, old, new, rest) or resource_id
            state = self.state_of(resource_id, new)
        except _FAILURES as failed:
            text = f"updating {self.title} ({resource_id}): {explain(failed)}"
            raise HalfMadeError(resource_id, self._salvage(resource_id, old), text) from failed
        return resource_id, state if state is not None else {**old, **new}

    def delete(self, resource_id: str, state: Props) -> None:
        """Remove the object; one that is gone already is fine."""
        try:
            self.remove(resource_id, state)
        except ClientError as refused:
            if error_code(refused) in self.gone:
                return
            text = f"deleting {self.title} ({resource_id}): {explain(refused)}"
            raise ProviderError(text) from refused
        except (BotoCoreError, ProviderError) as failed:
            text = f"deleting {self.title} ({resource_id}): {explain(failed)}"
            raise ProviderError(text) from failed

    def resolve(self, import_id: str) -> tuple[str, Props]:
        """`found`, in words when it fails; an `@region` ending is left off (rule 3)."""
        try:
            return self.found(import_id.removesuffix(f"@{self.aws.region}"))
        except _FAILURES as failed:
            text = f"importing {self.title} ({import_id}): {explain(failed)}"
            raise ProviderError(text) from failed

    def state_of(self, resource_id: str, prior: Props) -> Props | None:
        """What AWS says, in the words of `prior` wherever they mean the same."""
        try:
            found = self.look(resource_id, prior)
        except ClientError as refused:
            if error_code(refused) in self.gone:
                return None
            raise
        if found is None:
            return None
        state = {name: value for name, value in found.items() if value is not None}
        self._share_out_tags(state, prior)
        if "region" in self.schema.inputs:
            state["region"] = prior.get("region") or self.aws.region
        for name, value in prior.items():
            if name in SECRET_INPUTS or name not in self.schema.outputs:
                continue
            as_said = name in self.rules.kept or name in _PREFIXES
            if as_said or (name in state and same(self.rules, name, state[name], value)):
                state[name] = value
        return {name: value for name, value in state.items() if name in self.schema.outputs}

    def _share_out_tags(self, state: Props, prior: Props) -> None:
        if "tagsAll" not in self.schema.outputs:
            return
        everything = state.pop("tags", None) or {}
        own = prior.get("tags") or {}
        state["tagsAll"] = everything
        state["tags"] = {
            key: value
            for key, value in everything.items()
            if key in own or self.default_tags.get(key) != value
        }

    def _retag(self, resource_id: str, old: Props, new: Props, changed: frozenset[str]) -> None:
        if not changed & {"tags", "tagsAll"}:
            return
        before = old.get("tagsAll") or {}
        after = new.get("tagsAll") or {**self.default_tags, **(new.get("tags") or {})}
        dropped = sorted(before.keys() - after.keys())
        changed_tags = {key: value for key, value in after.items() if before.get(key) != value}
        if dropped:
            self.untag(resource_id, old, dropped)
        if changed_tags:
            self.tag(resource_id, old, changed_tags)

    def _salvage(self, resource_id: str, fallback: Props) -> Props:
        try:
            state = self.state_of(resource_id, fallback)
        except _FAILURES:
            state = None
        return fallback if state is None else state

    def inputs_of(self, state: Props, old_inputs: Props) -> Props:
        """The inputs that a Read answers: the old ones where they still hold, else AWS's."""
        if old_inputs:
            return self._refreshed(state, old_inputs)
        inputs: Props = {DEFAULTS_KEY: []}
        taken = set(self.unmodelled_paths())
        for name in self.schema.inputs:
            if name in state and not is_zero(state[name]) and name not in taken:
                inputs[name] = state[name]
                taken |= self._rivals(name)
        if state.get("tagsAll"):
            inputs["tagsAll"] = state["tagsAll"]
        return inputs

    def _refreshed(self, state: Props, old_inputs: Props) -> Props:
        inputs: Props = {}
        for name, value in old_inputs.items():
            if name == DEFAULTS_KEY or name in self.rules.kept or name in SECRET_INPUTS:
                inputs[name] = value
            elif name in state:
                held = same(self.rules, name, state[name], value)
                inputs[name] = value if held else state[name]
            elif is_zero(value):
                inputs[name] = value
        return inputs

    def _rivals(self, name: str) -> set[str]:
        groups = (*self.rules.conflicts, *self.rules.one_of)
        return {other for group in groups if name in group for other in group} - {name}

    def preview_create(self, inputs: Props) -> Props:
        """The state that a create will give, with what only AWS knows left unknown."""
        new = _plain(inputs)
        outputs = {name: new[name] for name in new if name in self.schema.outputs}
        for name in self.schema.outputs:
            if name not in outputs and (
                name not in self.schema.inputs or name in self.rules.computed
            ):
                outputs[name] = UNKNOWN
        return {k: v for k, v in outputs.items() if k not in SECRET_INPUTS}

    def preview_update(self, old: Props, inputs: Props) -> Props:
        """The state that an update will give."""
        new = _plain(inputs)
        found = input_changes(self.type_name, old, new, region=self.aws.region)
        unsure = self.unknown_after(frozenset(change.name for change in found))
        given = {k: v for k, v in new.items() if k in self.schema.outputs}
        merged = {**old, **given, **dict.fromkeys(unsure, UNKNOWN)}
        return {k: v for k, v in merged.items() if k not in SECRET_INPUTS}


def _plain(inputs: Props) -> Props:
    """Inputs without what only Check and Diff use."""
    return {name: value for name, value in inputs.items() if name != DEFAULTS_KEY}


def tag_list(
    tags: Mapping[str, str] | None, key: str = "Key", value: str = "Value"
) -> list[dict[str, str]]:
    """Tags as most AWS APIs take them."""
    return [{key: name, value: text} for name, text in (tags or {}).items()]


def tag_map(
    tags: Sequence[Mapping[str, str]] | None, key: str = "Key", value: str = "Value"
) -> Props:
    """Tags as most AWS APIs give them, without AWS's own."""
    return {tag[key]: tag[value] for tag in tags or () if not tag[key].startswith("aws:")}


def params(new: Mapping[str, Json], *names: str, **renamed: str) -> dict[str, Any]:
    """AWS parameters of the inputs that are given: `cidrBlock` → `CidrBlock`, or as renamed."""
    both = {**{name: name[0].upper() + name[1:] for name in names}, **renamed}
    return {
        parameter: new[name]
        for name, parameter in both.items()
        if new.get(name) is not None and new[name] != ""
    }


def unique(prefix: str) -> str:
    """`prefix` and a time-ordered suffix of 26 digits (terraform-plugin-sdk, helper/id)."""
    return f"{prefix}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}{secrets.randbelow(10**12):012d}"

"""Makes an old graph again: the resources of a kept state, by type, name, parent and inputs.

It needs no code of the version that made the state. What AWS made by chance then is, wherever it
was another resource's input, what AWS makes of that resource now.
"""

import json
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from byoc_infra.aws import secrets
from byoc_infra.aws.session import ambient
from byoc_infra.components._environment import REDIS_SECRET
from tests.support.states import PLACEHOLDER, filled, learned

__all__ = ["Replay"]

OF_THE_ENGINE = ("pulumi:pulumi:Stack", "pulumi:providers:")
SECRET = "aws:secretsmanager/secret:Secret"
DEFAULTS = "__defaults"
"""Names the inputs beside it that the provider added."""

Values = pulumi.Output[dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The program: called, it makes all that the state holds."""

    resources: list[dict[str, Any]]
    values: dict[str, str]
    """By placeholder: what is known beforehand."""
    secret_values: dict[str, str] = field(default_factory=dict)
    """By environment name, for the containers of a deployment."""
    cache_host: str = ""

    def __call__(self) -> None:
        """Run as an inline program."""
        made: dict[str, pulumi.Resource] = {}
        known: dict[str, Values] = {}
        for one in self.resources:
            if one["type"].startswith(OF_THE_ENGINE):
                continue
            options = self._options(one, made)
            if one.get("custom"):
                made[one["urn"]] = self._custom(one, known, options)
            else:
                made[one["urn"]] = pulumi.ComponentResource(one["type"], _name(one), None, options)

    def _custom(
        self, one: Mapping[str, Any], known: dict[str, Values], options: pulumi.ResourceOptions
    ) -> pulumi.CustomResource:
        given = _as_asked(one["inputs"])
        asked = {name: self._value(value, known) for name, value in given.items()}
        told = {name: None for name in one["outputs"] if name not in given}
        thing = pulumi.CustomResource(one["type"], _name(one), {**told, **asked}, options)
        values = self._learned(one, thing)
        for name in _placeholders([one["id"], one["outputs"]]) - self.values.keys():
            known.setdefault(name, values)
        return thing

    def _value(self, value: Any, known: Mapping[str, Values]) -> Any:
        """The value, with what earlier resources turn out to be."""
        makers = [known[name] for name in _placeholders(value) if name not in self.values]
        if not makers:
            return filled(value, self.values)
        return pulumi.Output.all(*makers).apply(
            lambda found: filled(value, {**self.values, **dict(ChainMap(*found))})
        )

    def _options(
        self, one: Mapping[str, Any], made: Mapping[str, pulumi.Resource]
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=made.get(one.get("parent", "")),
            depends_on=[made[urn] for urn in one.get("dependencies", ())],
            version=self.values["aws"] if one.get("custom") else None,
            retain_on_delete=one.get("retainOnDelete"),
            ignore_changes=one.get("ignoreChanges"),
        )

    def _learned(self, one: Mapping[str, Any], thing: pulumi.CustomResource) -> Values:
        outputs = {name: vars(thing)[name] for name in one["outputs"] if name in vars(thing)}
        there = pulumi.Output.all(id=thing.id, outputs=pulumi.Output.all(**outputs))
        values: Values = there.apply(lambda found: learned(one, found))
        if one["type"] != SECRET:
            return values
        return pulumi.Output.all(values, thing.id).apply(lambda both: self._put(one, *both))

    def _put(self, one: Mapping[str, Any], values: dict[str, str], arn: str) -> dict[str, str]:
        """Tasks do not start while a container is empty; whoever used that version filled it."""
        entry = str(one["inputs"]["name"]).rpartition("/")[2]
        if pulumi.runtime.is_dry_run():
            return values
        if entry == REDIS_SECRET:
            secrets.ensure_redis_password(arn, host=self.cache_host)
        else:
            secrets.put_value(ambient(arn.split(":")[3]), arn, self.secret_values[entry])
        return values


def _name(one: Mapping[str, Any]) -> str:
    return str(one["urn"]).rpartition("::")[2]


def _placeholders(value: Any) -> set[str]:
    return set(PLACEHOLDER.findall(json.dumps(value)))


def _as_asked(value: Any) -> Any:
    """The inputs without what the provider added to them."""
    if isinstance(value, list):
        return [_as_asked(one) for one in value]
    if not isinstance(value, dict):
        return value
    added = {DEFAULTS, *value.get(DEFAULTS, ())}
    return {name: _as_asked(one) for name, one in value.items() if name not in added}

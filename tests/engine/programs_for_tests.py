"""Small programs over the fake provider; importable, because they run in a worker process."""

import os
from dataclasses import dataclass, field
from typing import Any

import pulumi

from byoc_infra.errors import SecretWithoutValue
from tests.engine.fake_provider import VERSION

THING = "fake:index:Thing"


class Shelf(pulumi.ComponentResource):
    """A component above things, to see that parents are kept."""

    def __init__(self, name: str, things: dict[str, dict[str, Any]]) -> None:
        super().__init__("test:index:Shelf", name)
        for thing, inputs in things.items():
            pulumi.CustomResource(
                THING,
                thing,
                {"name": thing, **inputs},
                pulumi.ResourceOptions(
                    parent=self, version=VERSION, retain_on_delete=inputs.get("stays")
                ),
            )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class Things:
    """A shelf of things, exported by name."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    secret: str | None = None

    def __call__(self) -> None:
        """Run as an inline program."""
        Shelf("shelf", self.things)
        pulumi.export("names", sorted(self.things))
        pulumi.export("region", pulumi.Config("fake").get("region"))
        if self.secret is not None:
            pulumi.export("hidden", pulumi.Output.secret(self.secret))


TWO = Things(things={"a": {"size": 1}, "b": {"size": 2}})


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Raises `error`: at once, or in an `apply`."""

    error: Exception
    late: bool = False

    def __call__(self) -> None:
        """Run as an inline program."""
        if not self.late:
            raise self.error
        pulumi.CustomResource(
            THING,
            "late",
            {"name": pulumi.Output.from_input("x").apply(self._raise)},
            pulumi.ResourceOptions(version=VERSION),
        )

    def _raise(self, _: str) -> str:
        raise self.error


def environment() -> None:
    """Exports what the run sees of AWS's and Pulumi's variables."""
    seen = {k: v for k, v in os.environ.items() if k.startswith(("AWS_", "PULUMI_"))}
    pulumi.export("names", sorted(seen))
    pulumi.export("role", seen.get("AWS_PROFILE"))


def missing_secret() -> SecretWithoutValue:
    """The error that a program raises for an empty secret container."""
    return SecretWithoutValue(
        "OPENAI_API_KEY", wanted="a value", got="none", next_step="Run `byoc secrets put`."
    )

"""An example's own `__main__.py` as an inline program, under its project's name."""

import runpy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

__all__ = ["EXAMPLES", "Example", "examples"]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """A folder that a person would copy; called, it runs the program in it."""

    folder: str

    @cached_property
    def project(self) -> dict[str, Any]:
        """What its Pulumi.yaml says."""
        found: dict[str, Any] = yaml.safe_load((EXAMPLES / self.folder / "Pulumi.yaml").read_text())
        return found

    @property
    def keys(self) -> set[str]:
        """The config keys that it explains, without those that have a default."""
        config: dict[str, Any] = self.project.get("config", {})
        return {name for name, told in config.items() if "default" not in told}

    def __call__(self) -> None:
        """Run as an inline program."""
        runpy.run_path(str(EXAMPLES / self.folder / "__main__.py"), run_name="__main__")


def examples() -> list[str]:
    """All folders with a program in them."""
    return sorted(one.parent.name for one in EXAMPLES.glob("*/Pulumi.yaml"))

"""Runs a file that needs Pulumi's protocol and not its SDK, which takes twice as long to load."""

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PACKAGES = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
"""Are folders and no more: what stands in their `__init__` is left out."""


def main(file: str, *arguments: str) -> None:
    """Run it as a script with these arguments."""
    found = find_spec("pulumi")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("pulumi")
    root = Path(found.origin).parents[1]
    for name in PACKAGES:
        package = ModuleType(name)
        package.__path__ = [str(root.joinpath(*name.split(".")))]
        sys.modules[name] = package
    sys.argv = [file, *arguments]
    runpy.run_path(file, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])

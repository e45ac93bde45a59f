"""Expected resource graphs as files: compared, or rewritten with `--update-data`."""

import json
from pathlib import Path
from typing import Any

import pytest

__all__ = ["DATA", "compare"]

DATA = Path(__file__).parents[1] / "data"


def compare(name: str, found: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """`found` is what tests/data/<name>.json says; a difference is shown by pytest."""
    file = DATA / f"{name}.json"
    if request.config.getoption("--update-data"):
        file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    assert found == json.loads(file.read_text()), f"{file.name} differs; see --update-data"

"""The folders in which a person runs `pulumi up`."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def _project(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    return found


def test_the_repositorys_root_is_the_account_stack() -> None:
    """`pulumi up` after a clone is what a customer wants first."""
    root, account = _project(ROOT), _project(ROOT / "stacks" / "account")

    assert root["name"] == account["name"] == "byoc-account"
    assert root["main"] == "stacks/account"


@pytest.mark.parametrize("stack", ["account", "deployment"])
def test_a_stack_only_calls_its_program(stack: str) -> None:
    """What it does is in the package, where it is tested."""
    folder = ROOT / "stacks" / stack
    statements = ast.parse((folder / "__main__.py").read_text()).body

    assert _project(folder)["name"] == f"byoc-{stack}"
    assert [type(one).__name__ for one in statements] == ["Expr", "ImportFrom", "Expr"]
    assert ast.unparse(statements[1]) == f"from byoc_infra.programs.{stack} import main"
    assert ast.unparse(statements[2]) == "main()"

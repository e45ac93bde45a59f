"""Import rules that the import linter cannot state: about a part of an outside package."""

import ast
from pathlib import Path

import byoc_infra
from tests.conftest import STORIES

PACKAGE = Path(byoc_infra.__file__).parent


def imported(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def users_of(module: str) -> set[str]:
    """The top-level packages of ours that import `module` or something in it."""
    word = module.rpartition(".")[2]
    return {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if word in path.read_text()  # parsing all takes seconds
        and any(name == module or name.startswith(f"{module}.") for name in imported(path))
    }


def test_only_the_engine_drives_pulumi() -> None:
    """One door to the Automation API."""
    assert users_of("pulumi.automation") == {"engine"}


def test_programs_know_of_aws_only_how_secrets_are_filled_and_networks_judged() -> None:
    """Everything else they look up through the engine's provider."""
    names = {
        name
        for path in (PACKAGE / "programs").rglob("*.py")
        for name in imported(path)
        if name.startswith("byoc_infra.aws")
    }

    modules = {".".join(name.split(".")[:3]) for name in names}

    assert modules <= {
        "byoc_infra.aws",
        "byoc_infra.aws.network",
        "byoc_infra.aws.network_rules",
        "byoc_infra.aws.secrets",
        "byoc_infra.aws.session",
    }


def test_a_file_is_a_story_as_a_whole_and_says_so_in_one_line() -> None:
    """Else `-m` would pass over what is marked otherwise: files are chosen by that line alone."""
    word = "mark." + "e2e"
    texts = [path.read_text() for path in Path(__file__).parent.rglob("*.py")]

    marked = [text for text in texts if word in text]

    assert len(marked) > 20
    assert [text for text in marked if text.count(word) != len(STORIES.findall(text))] == []

"""What README and docs say is so: their code runs, their commands exist, their links lead on."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
import yaml
from botocore import xform_name
from langgraph_cli.cli import cli as langgraph

from byoc_infra.cli import files
from byoc_infra.cli.main import ANYWHERE, app
from byoc_infra.components import _policies
from byoc_infra.components._least_privilege import least_privilege
from byoc_infra.components._managed import AWS_POLICIES, managed
from byoc_infra.components._task_roles import task_boundary
from byoc_infra.errors import ByocError
from byoc_infra.flows import deployment
from byoc_infra.flows.redis_image import stand_in
from byoc_infra.naming import AccountNames
from byoc_infra.programs import AccountProgram
from tests.support.examples import access_args
from tests.support.markdown import anchors, blocks, languages, links
from tests.support.recorder import PLACE, record

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PERMISSIONS = ROOT / "docs" / "permissions.md"
EXAMPLES = ROOT / "examples" / "local"
WHOLE = {"account.yaml": "account.yaml", "deployment.yaml": "deployment.yaml"}
"""The files that blocks are parts of, and which whole ones they are put over."""
RUN_WHOLE = (ROOT / "README.md", ROOT / "docs" / "by-hand.md")
"""By tests/e2e/test_readme.py and test_by_hand.py."""
LOOKED_AT = frozenset({"aws", "byoc", "eval", "export", "langgraph", "make"})
SPAN = re.compile(r"`((?:byoc|make) [^`]+)`")
COMMAND = re.compile(r"\$\((byoc [^)]*)\)")
SID = re.compile(r"`([A-Z]\w+)`")

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


@every_page
def test_python_in_the_pages_runs(page: Path) -> None:
    """Whole, as a program of its own, without AWS."""
    for code in blocks(page, "python"):
        recorder = record(lambda code=code: exec(compile(code, str(page), "exec"), {}))  # type: ignore[misc]  # noqa: S102 - our own page

        assert recorder.resources


def test_the_readmes_component_makes_a_network() -> None:
    """So that the test above is not about nothing."""
    (code,) = blocks(ROOT / "README.md", "python")

    assert "NetworkArgs" in code


@every_page
def test_commands_in_the_pages_exist(page: Path) -> None:
    """With every option and argument that they are shown with; nothing is run."""
    for words in _console_lines(page):
        _check_command(words, whole=True)
    for span in SPAN.findall(page.read_text()):
        _check_command(re.sub(r"[\[\]\\|…]", " ", span).split(), whole=False)


@every_page
def test_console_lines_are_of_commands_that_are_looked_at(page: Path) -> None:
    """Any other would only be believed; two pages are exempt, because stories run them whole."""
    if page not in RUN_WHOLE:
        lines = [line for block in blocks(page, "console") for line in block.splitlines()]

        assert [line for line in lines if line and line.split()[0] not in LOOKED_AT] == []


@pytest.mark.parametrize(
    "line",
    [
        "byoc local upp",
        "byoc account up --fille x",
        "byoc deployment call -f x.yaml",
        "make love",
        "aws ecs list-clutters",
        "langgraph deploy revise",
        "langgraph deploy --image-url x",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    """The test above can fail."""
    with pytest.raises((AssertionError, typer.TyperException)):
        _check_command(line.split(), whole=True)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    """To a file or folder that is there, and to a heading in it."""
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {path}#{anchor}"


@every_page
def test_code_is_of_a_kind_that_is_checked(page: Path) -> None:
    """Nothing written stays unrun: a block of another language would be looked at by nobody."""
    assert languages(page) <= {"console", "json", "mermaid", "python", "text", "yaml"}


@every_page
def test_yaml_in_the_pages_is_accepted(page: Path, tmp_path: Path) -> None:
    """Read as the command reads it, and taken by the program that it is for.

    Each block says in its first line which file it is of: `# account.yaml` or
    `# deployment.yaml`. It may be a part: the rest is a whole file's.
    """
    for block in blocks(page, "yaml"):
        check_file(block, tmp_path / "file.yaml")


@pytest.mark.parametrize(
    "block",
    [
        "# account.yaml\npublic_ingres: true\n",
        "# deployment.yaml\nsize: enormous\n",
        "# deployment.yaml\naccess: {external_id: 6f0f4c1e, duration: 1}\n",
        "# deployment.yaml\npublic: true\n",
        "name: chat\n",
    ],
)
def test_yaml_that_does_not_work_is_found(block: str, tmp_path: Path) -> None:
    """Unknown fields, wrong values, what only the program refuses, and blocks without a name."""
    with pytest.raises((AssertionError, ByocError)):
        check_file(block, tmp_path / "file.yaml")


@every_page
def test_json_in_the_pages_is_json(page: Path) -> None:
    """One value a line, or one that is spread over the lines of its block."""
    for block in blocks(page, "json"):
        try:
            json.loads(block)
        except ValueError:
            assert [json.loads(line) for line in block.splitlines()]


def test_the_example_files_work() -> None:
    """They are read as the command reads them, and belong together."""
    account = files.load_account(EXAMPLES / "account.yaml")
    spec, access = files.load_deployment(EXAMPLES / "deployment.yaml")
    AccountProgram(stand_in(account))

    assert access is not None
    assert access.external_id in account.external_ids
    assert spec.aws_account_id == account.aws_account_id
    assert spec.image.partition("/")[2].partition(":")[0] in account.repositories


def test_the_readme_is_one_page() -> None:
    """What does not fit belongs into docs/."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def test_every_statement_of_least_privilege_is_explained() -> None:
    """By surface, name and effect; and none that is not in the policies."""
    rows = _rows("What the role may do: `least_privilege`")
    documents = least_privilege(access_args().fence())

    assert {(row[0], _sid(row[1])) for row in rows} == {
        (surface, statement["Sid"]) for surface, statement in _statements(documents)
    }
    assert {_sid(row[1]) for row in rows if len(row) == 4} == {
        statement["Sid"] for _, statement in _statements(documents) if statement["Effect"] == "Deny"
    }


def test_every_statement_of_managed_is_explained() -> None:
    """The five policies of AWS, the supplement's statements, and the denial of its own."""
    told = {_sid(row[0]) for row in _rows("The other choice: `managed`")}
    shared = {one["Sid"] for one in least_privilege(access_args().fence())["never"]["Statement"]}
    made = {one["Sid"] for _, one in _statements(managed(access_args().fence()))}

    assert shared < made
    assert told == {*AWS_POLICIES, *made} - shared


def test_every_statement_of_trusts_and_of_the_execution_role_is_explained() -> None:
    """And those of secrets and their keys."""
    names = AccountNames()
    trust = _policies.access_trust("arn", ["id"])
    execution = _policies.execution_policy(PLACE, names, ["agents"])
    others = (
        _policies.ecs_trust(PLACE),
        _policies.platform_secret_policy("arn", "arn"),
        _policies.key_policy(PLACE, "arn"),
        _policies.flow_log_trust(PLACE),
        _policies.flow_log_policy(PLACE, names),
        _policies.endpoint_policy(PLACE),
        _policies.layer_policy(PLACE),
    )

    assert {_sid(row[0]) for row in _rows("Who gets in")} == _sids(trust)
    told = {_sid(row[0]) for row in _rows("What the containers' roles may do")}
    assert told == _sids(execution) | _sids(task_boundary(PLACE, names))
    assert set().union(*map(_sids, others)) <= set(
        SID.findall(_section("What the containers' roles may do"))
    )


def check_file(block: str, file: Path) -> None:
    """A block as a file: merged over a whole one, loaded and handed to its program."""
    first, _, _ = block.partition("\n")
    kind = first.strip("# ").partition(":")[0]
    assert kind in WHOLE, "a YAML block begins with `# account.yaml` or `# deployment.yaml`"
    given = yaml.safe_load(block)
    again = yaml.safe_load((EXAMPLES / WHOLE[kind]).read_text())
    file.write_text(block if given.keys() >= again.keys() else yaml.safe_dump(again | given))
    if kind == "account.yaml":
        AccountProgram(stand_in(files.load_account(file)))
    else:
        deployment.refuse_early(files.load_deployment(file)[0])


def _console_lines(page: Path) -> Iterator[list[str]]:
    """The `byoc`, `make`, `aws` and `langgraph` commands of the page's console blocks, as words."""
    for block in blocks(page, "console"):
        for line in block.splitlines():
            whole = line.partition(" && ")[0]
            for text in (whole, *COMMAND.findall(line)):
                words = shlex.split(text.replace("[", "").replace("]", ""), comments=True)
                if words and words[0] in ("byoc", "make", "aws", "langgraph"):
                    yield words[:-1] if words[-1] == "&" else words


def _check_command(words: list[str], *, whole: bool) -> None:
    """`whole` lines must parse to their end; parts of sentences only have to begin rightly."""
    name, *rest = words
    if name == "make":
        assert rest[0] in _targets(), rest[0]
    elif name == "aws":
        _check_aws(rest)
    elif name == "langgraph":
        _check_langgraph(rest)
    else:
        _check_byoc([word for word in rest if word not in ANYWHERE], whole=whole)


def _targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))


def _check_aws(words: list[str]) -> None:
    service, operation = words[:2]
    model = botocore.session.get_session().get_service_model(service)
    known = {xform_name(one, "-") for one in model.operation_names}
    assert operation in known, operation


def _check_langgraph(words: list[str]) -> None:
    """The stock CLI, which stories run; here only its commands' and options' names."""
    command: Any = langgraph
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        first, *words = words
        assert first in command.commands, f"no langgraph command {first}"
        command = command.commands[first]
    known = {option for one in command.params for option in one.opts}
    assert {word for word in words if word.startswith("-")} <= known


def _check_byoc(words: list[str], *, whole: bool) -> None:
    command = _byoc()
    while words and hasattr(command, "commands"):
        first, *words = words
        if first.startswith("-"):
            break
        assert first in command.commands, f"no byoc command {first}"
        command = command.commands[first]
    if whole:
        command.make_context(command.name, list(words))
        return
    known = {option for one in command.params for option in (*one.opts, "--help")}
    assert {word for word in words if word.startswith("-")} <= known


@cache
def _byoc() -> Any:
    """All commands; to put them together takes longer than to look one up."""
    return typer.main.get_command(app)


def _section(heading: str) -> str:
    """The text under a heading of the permissions page."""
    _, _, rest = PERMISSIONS.read_text().partition(f"\n## {heading}\n")
    assert rest, heading
    return rest.partition("\n## ")[0]


def _rows(heading: str) -> list[list[str]]:
    """The cells of every row of the section's tables, without their heads."""
    tables = re.findall(r"(?:^\|.*\n)+", _section(heading), re.MULTILINE)
    lines = [line for table in tables for line in table.splitlines()[2:]]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def _sid(cell: str) -> str:
    return cell.strip("`")


def _statements(
    documents: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for surface, document in documents.items():
        for statement in document["Statement"]:
            yield surface, statement


def _sids(document: Mapping[str, Iterable[Mapping[str, Any]]]) -> set[str]:
    return {statement["Sid"] for statement in document["Statement"]}

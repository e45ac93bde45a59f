"""The command as a whole: help, JSON, exit codes, errors."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from byoc_infra import errors
from byoc_infra.cli import checks, doctor
from byoc_infra.cli.main import app, main
from tests.cli.conftest import Run

HEAVY = ("boto3", "botocore", "fastapi", "pulumi", "pulumi_aws", "pydantic", "yaml", "moto", "rich")
DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def broken() -> NoReturn:
    """A bug."""
    message = "password=hunter2hunter2 at postgresql://u:pa55word@db"
    raise RuntimeError(message)


def test_help_imports_nothing_heavy() -> None:
    """It answers at once, also where an extra is not installed."""
    code = (
        "import sys\n"
        "from byoc_infra.cli.main import main\n"
        "assert main(['--help']) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "[]"
    assert "deployment" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "deployment", "up"),
        ("deployment", "--json", "up"),
        ("deployment", "up", "--json"),
    ],
)
def test_json_may_stand_anywhere(byoc: Run, words: tuple[str, ...]) -> None:
    """One object on stdout, whatever goes wrong."""
    said = byoc(*words)

    assert said.code == 2
    assert said.json["ok"] is False
    assert said.json["error"]["code"] == "USAGE"
    assert "--file" in said.json["error"]["got"]
    assert said.err == ""


def test_json_after_a_double_dash_is_a_value(byoc: Run, deployment_file: Path) -> None:
    """It is the graph's input there, and no JSON object."""
    said = byoc("deployment", "call", "-f", str(deployment_file), "--", "--json")

    assert said.out == ""
    assert "not JSON" in said.err


@pytest.mark.parametrize("words", [(), ("local",), ("nope",), ("local", "up", "--nope")])
def test_a_wrong_command_line_is_told_and_not_traced(byoc: Run, words: tuple[str, ...]) -> None:
    """With the way to the help."""
    said = byoc(*words)

    assert said.code == 2
    assert "USAGE" in said.err
    assert "--help" in said.err
    assert "Traceback" not in said.err


def test_an_error_names_all_its_parts_to_people(byoc: Run) -> None:
    """Code, field, wanted, got, and what to do."""
    said = byoc("account", "up", "-f", "/nonexistent.yaml")

    assert said.code == 2
    assert said.out == ""
    for word in ("INVALID", "file", "wanted", "got", "next", "No such file"):
        assert word in said.err


def test_an_unforeseen_error_leaves_no_traceback_but_a_file(
    byoc: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is told, is for this user's eyes, and holds no secret."""
    monkeypatch.setattr(checks, "CHECKS", (broken,))
    monkeypatch.setenv("MY_API_TOKEN", "from-the-environment")

    said = byoc("doctor", "--json")

    assert said.code == 1
    assert said.json["error"]["code"] == "INTERNAL"
    (path,) = (tmp_path / "state" / "byoc-infra" / "crashes").iterdir()
    assert str(path) in said.json["error"]["next_step"]
    text = path.read_text()
    assert "RuntimeError" in text
    assert path.stat().st_mode & 0o077 == 0
    for secret in ("hunter2hunter2", "pa55word", "from-the-environment"):
        assert secret not in text + said.out + said.err


def test_a_worker_without_a_database_says_so(
    byoc: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such as one that starts while PostgreSQL does: no bug of ours, and worth another try."""
    monkeypatch.setenv("BYOC_DATABASE_URL", f"postgresql://u:p@/byoc?host={tmp_path}")
    monkeypatch.setenv("BYOC_SECRET_KEY", "k" * 32)
    monkeypatch.setenv("BYOC_DATA_DIR", str(tmp_path))

    ended = byoc("worker", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (6, "DATABASE_UNREACHABLE")


def test_an_interrupt_is_told(byoc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that running it again goes on."""

    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(checks, "CHECKS", (interrupt,))

    said = byoc("doctor", "--json")

    assert said.code == 130
    assert said.json["error"]["code"] in {"INTERRUPTED"}


def test_every_error_class_ends_with_its_exit_code(
    byoc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class decides, and the object on stdout is its own."""
    for name in errors.__all__:
        kind = getattr(errors, name)
        if kind is errors.ByocError:
            continue
        error = kind("field", wanted="w", got="g", next_step="n")

        def fail(raised: errors.ByocError = error) -> NoReturn:
            raise raised

        monkeypatch.setattr(checks, "CHECKS", (fail,))
        said = byoc("doctor", "--json")
        assert said.code == kind.exit_code
        assert said.json == {"ok": False, "error": error.as_dict()}


def test_exit_codes_are_documented() -> None:
    """Each code of an error class is in the page's table."""
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCS.read_text(), re.M)}
    used = {getattr(errors, name).exit_code for name in errors.__all__ if name != "ByocError"}

    assert used | {0, 1, 2, 130} <= documented


def test_commands_are_documented() -> None:
    """Each one has its line in the page."""
    page = DOCS.read_text()
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            assert f"byoc {group.name} {name}" in page


def test_the_doctor_says_what_to_do(byoc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing ends it with an error."""
    missing = checks.Check(
        name="redis-server", status="missing", found="none", why="w", next_step="Install it."
    )
    monkeypatch.setattr(checks, "CHECKS", (lambda: [missing],))

    people, program = byoc("doctor"), byoc("doctor", "--json")

    assert people.code == program.code == doctor.MISSING_EXIT
    assert "Install it." in people.out
    assert program.json["result"]["ready"] is False
    assert program.json["result"]["checks"][0]["why"] == "w"


def test_a_note_is_not_missing(byoc: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, for example, are not needed to look around."""
    note = checks.Check(name="credentials", status="note", found="none", why="w")
    monkeypatch.setattr(checks, "CHECKS", (lambda: [note],))

    assert byoc("doctor", "--json").code == 0


def test_the_doctor_looks_at_this_machine() -> None:
    """Each check says something, and changes nothing."""
    found = checks.run_all()

    assert {"python", "pulumi", "redis-server", "postgres", "credentials"} <= {
        one.name for one in found
    }
    assert all(one.found and one.why for one in found)


def test_main_takes_the_process_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the installed script calls it."""
    monkeypatch.setattr(sys, "argv", ["byoc", "--help"])

    assert main() == 0
    assert "Usage: byoc" in capsys.readouterr().out

"""What comes from options: secrets by name or file, and sizes."""

from pathlib import Path

import pytest

from byoc_infra.cli import given
from byoc_infra.errors import ByocError, DuplicateName, SpecError

ENV = {"API_TOKEN": "t0ken-of-the-shell", "EMPTY": ""}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of secrets, as people keep them."""
    path = tmp_path / ".env"
    path.write_text("# comment\n\nexport A=1\nB='two = 2'\nC=\"three\"\nD=\n")
    return path


def test_secrets_come_from_the_shell_and_from_a_file(file: Path) -> None:
    """A value is never an argument, which other users of the machine could read."""
    found = given.secrets(["API_TOKEN", "EMPTY"], file, ENV)

    assert found == {
        "A": "1",
        "B": "two = 2",
        "C": "three",
        "D": "",
        "API_TOKEN": "t0ken-of-the-shell",
        "EMPTY": "",
    }


def test_saying_nothing_keeps_what_there_is() -> None:
    """An empty file is something: it takes all away."""
    assert given.secrets([], None, ENV) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A=1\nA=2", SpecError),
        ("no equals sign but hunter2", SpecError),
        ("API_TOKEN=1", DuplicateName),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, kind: type[ByocError]
) -> None:
    """Without repeating any of it."""
    path = tmp_path / ".env"
    path.write_text(text)

    with pytest.raises(kind) as refused:
        given.secrets(["API_TOKEN"], path, ENV)

    assert "hunter2" not in str(refused.value)


def test_a_variable_that_is_not_set_is_named() -> None:
    """It would be deployed empty."""
    with pytest.raises(SpecError, match="MISSING"):
        given.secrets(["MISSING"], None, ENV)


def test_sizes_are_numbers() -> None:
    """Whole where they are."""
    assert given.sizes(["max_scale=4", "cpu=0.5"]) == {"max_scale": 4, "cpu": 0.5}
    with pytest.raises(SpecError, match="max_scale=many"):
        given.sizes(["max_scale=many"])

"""The files a user writes."""

from pathlib import Path

import pytest

from byoc_infra.cli.files import load_account, load_deployment
from byoc_infra.errors import ByocError, DuplicateName, SpecError
from tests.cli.conftest import DEPLOYMENT


def write(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    path = tmp_path / "file.yaml"
    path.write_text(text)
    return path


def test_a_deployment_and_its_access_are_read(deployment_file: Path) -> None:
    """The role is the usual one, and who asks comes from the environment."""
    spec, access = load_deployment(deployment_file, {"BYOC_SOURCE_IDENTITY": "ada"})

    assert spec.name == "chat"
    assert spec.secrets["API_TOKEN"] is None
    assert access is not None
    assert access.role_arn == "arn:aws:iam::222222222222:role/LangGraphCloudBYOCRole"
    assert (access.external_id, access.source_identity) == ("3f1c7a52-external", "ada")


def test_another_installation_has_another_role(tmp_path: Path) -> None:
    """Its name says which."""
    path = write(tmp_path, f"{DEPLOYMENT}installation: blue\n")

    access = load_deployment(path)[1]

    assert access is not None
    assert access.role_arn.endswith("role/LangGraphCloudBYOCRole-blue")


def test_without_access_the_environments_own_credentials_count(tmp_path: Path) -> None:
    """A customer may run it all."""
    text = DEPLOYMENT.split("access:")[0]

    assert load_deployment(write(tmp_path, text))[1] is None


def test_an_account_is_read(account_file: Path) -> None:
    """Also an account id without quotes, which YAML takes for a number."""
    assert load_account(account_file).aws_account_id == "222222222222"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "got .*nothing"),
        ("- a\n- b\n", "got .*list"),
        ("name: [", "line 1, column"),
        ("name: chat\n", "aws_account_id: want Field required"),
        (f"{DEPLOYMENT}nope: 1\n", "nope: want a known key"),
        (DEPLOYMENT.replace("access:", "acces:"), "acces: want a known key"),
        (f"{DEPLOYMENT}  role: x\n", "access.role: want a known key"),
        (DEPLOYMENT.replace("  external_id: 3f1c7a52-external", "  {}"), r"access\.external_id"),
        (DEPLOYMENT.replace("  external_id: 3f1c7a52-external", "  - x"), "access: want a mapping"),
        (DEPLOYMENT.replace("name: chat", "name: CHAT"), "name: want"),
    ],
)
def test_a_file_that_cannot_work_is_refused_by_field(tmp_path: Path, text: str, words: str) -> None:
    """What is wrong, and where."""
    with pytest.raises(SpecError, match=words):
        load_deployment(write(tmp_path, text))


def test_a_name_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    """YAML itself would silently take the last."""
    text = f"{DEPLOYMENT}environment:\n  LEVEL: a\n  OTHER: b\n  LEVEL: c\n"

    with pytest.raises(DuplicateName, match="LEVEL: want each name once, got again in line 14"):
        load_deployment(write(tmp_path, text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Not there, a folder, or no text."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none", tmp_path, binary):
        with pytest.raises(SpecError, match="file: want"):
            load_deployment(path)


def test_a_broken_file_is_not_quoted(tmp_path: Path) -> None:
    """The line may hold a secret."""
    with pytest.raises(ByocError) as caught:
        load_deployment(write(tmp_path, "external_id: 'hunter2hunter2\n"))

    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__

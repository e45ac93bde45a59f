"""The files of a new database, made once and then copied."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc_infra.local import postgres_files
from byoc_infra.local.postgres_files import make_files
from byoc_infra.postgres_install import binaries, make_directory


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that the server's user may pass through, with a cache beside it."""
    made = Path(tempfile.mkdtemp(prefix="byoc-files-"))
    made.chmod(0o711)
    monkeypatch.setenv("BYOC_CACHE_DIR", str(made / "cache"))
    yield made
    shutil.rmtree(made)


def made(place: Path, name: str) -> tuple[Path, str]:
    """A new cluster's files, and its superuser's password."""
    data = place / name / "data"
    make_directory(data.parent)
    programs = binaries(place, 16)
    return data, make_files(data, programs=programs, build=16, superuser="admin")


def files(data: Path) -> dict[str, tuple[int, bytes]]:
    """Each with its owner."""
    return {
        str(one.relative_to(data)): (one.stat().st_uid, one.read_bytes())
        for one in data.rglob("*")
        if one.is_file()
    }


def test_the_second_is_a_copy_of_the_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With owners and password; nothing is made anew."""
    first, password = made(place, "one")
    monkeypatch.setattr(postgres_files, "initdb", pytest.fail)
    second, same = made(place, "two")

    assert files(second) == files(first)
    assert "global/pg_control" in files(second)
    assert same == password


def test_what_cannot_be_kept_is_made_each_time(place: Path) -> None:
    """A cache that takes no files is no obstacle."""
    (place / "cache").write_text("no directory")
    _, first = made(place, "one")
    _, second = made(place, "two")

    assert first != second

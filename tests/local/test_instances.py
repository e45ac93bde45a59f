"""Names, directories and networks of local clouds."""

import os
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from byoc_infra import postgres_install
from byoc_infra.errors import AddressTaken, SpecError
from byoc_infra.local import instances
from byoc_infra.local.instances import ENDPOINT_PORT, Instance, instance_name

HOME = instances._home


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory of our own, with a short path."""
    place = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(instances, "_home", lambda: place / "byoc")
    return place / "byoc"


def claim(name: str) -> Instance:
    """An instance of this name."""
    return Instance.claim(name, region="eu-west-1", max_session_s=None)


def test_two_clones_have_two_names(tmp_path: Path) -> None:
    """And each has the same one again."""
    left, right = tmp_path / "a" / "Byoc Infra", tmp_path / "b" / "Byoc Infra"

    assert instance_name({}, left) != instance_name({}, right)
    assert instance_name({}, left) == instance_name({}, left)
    assert instance_name({}, left).startswith("byoc-infra-")


def test_a_name_can_be_given() -> None:
    """One that works as a directory and in a message."""
    assert instance_name({"BYOC_LOCAL_NAME": "mine"}) == "mine"
    with pytest.raises(SpecError, match="name: want 1 to 40"):
        instance_name({"BYOC_LOCAL_NAME": "../x"})


def test_an_instance_is_the_same_when_claimed_again() -> None:
    """Keys and network stay over a restart."""
    assert claim("one") == claim("one")


def test_clones_that_start_at_once_get_different_networks() -> None:
    """The lock is held while one is chosen."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(claim, [f"clone-{number}" for number in range(8)]))

    assert len({one.network for one in made}) == 8


def test_who_starts_at_once_with_another_tmpdir_is_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither knows of the other, and nobody listens yet."""
    found = []
    for number in range(6):
        (tmp_path / str(number)).mkdir()
        monkeypatch.setattr(instances, "_home", lambda number=number: tmp_path / str(number))
        found.append(claim("demo").network)

    assert len(set(found)) > 1


def test_a_network_in_use_by_somebody_else_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever listens there."""
    first = 245
    monkeypatch.setattr(instances, "NETWORKS", range(first, 250))
    with socket.socket() as taken:
        taken.bind((f"127.{first}.0.1", ENDPOINT_PORT))
        taken.listen()

        assert claim("one").network != first


def test_no_free_network_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which were tried."""
    monkeypatch.setattr(instances, "_can_bind", lambda _: False)

    with pytest.raises(AddressTaken, match=r"127\.N\.0\.1:4566"):
        claim("one")


def test_the_last_to_leave_removes_everything(home: Path) -> None:
    """And not before."""
    left, right = claim("left"), claim("right")

    left.release()
    assert right.directory.exists()
    assert not left.directory.exists()
    right.release()
    right.release()
    assert not home.exists()


def test_a_directory_that_cannot_hold_the_socket_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket file's path has little room."""
    monkeypatch.setattr(instances, "_home", lambda: tmp_path / ("x" * 90))

    with pytest.raises(SpecError, match="TMPDIR"):
        claim("one")


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's user is another one, whoever runs the tests."""
    monkeypatch.setattr(postgres_install, "other_user", lambda: 65534)


@pytest.mark.usefixtures("as_root")
def test_a_temporary_directory_that_is_closed_to_postgresql_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under root it runs as somebody else, who has to pass through."""
    (tmp_path / "open").mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "open"))
    monkeypatch.setattr(instances, "OPEN_PLACES", ("/",))
    tmp_path.chmod(0o700)

    assert HOME() == Path(f"/byoc-{os.getuid()}")


@pytest.mark.usefixtures("as_root")
def test_a_temporary_directory_that_is_open_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As everybody expects."""
    monkeypatch.setattr(tempfile, "tempdir", "/")

    assert HOME() == Path(f"/byoc-{os.getuid()}")


@pytest.mark.usefixtures("as_root")
def test_nowhere_to_go_for_postgresql_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names TMPDIR, before anything starts."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(instances, "OPEN_PLACES", (str(tmp_path / "none"),))

    with pytest.raises(SpecError, match="TMPDIR: want a directory that every user"):
        HOME()


def test_keys_are_for_their_owner_only() -> None:
    """They are in instance.json."""
    made = claim("one")

    assert (made.directory / "instance.json").stat().st_mode & 0o077 == 0
